/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The shield's BPF object with its maps filled as the daemon would, run on one frame at a time. */
#ifndef HARNESS_H
#define HARNESS_H

#include <linux/bpf.h>

#include "net.h"
#include "oracle.h"
#include "synshield/synshield.h"
#include "tap.h"

#define PORT 8080

#define PASS(name) SYNSHIELD_PASS, SYNSHIELD_REASON_##name
#define DROP(name) SYNSHIELD_DROP, SYNSHIELD_REASON_##name
#define REPLY(name) SYNSHIELD_REPLY, SYNSHIELD_REASON_##name
#define WOULD (SYNSHIELD_ACTION_MAX) /* added to an action: only counted */

/* What the daemon writes; change it and call shield_configure(). */
struct shield_state {
	struct synshield_settings settings;
	struct synshield_host host;
	struct synshield_keys keys;
};
extern struct shield_state shield;

/* What came of one frame. */
struct outcome {
	int code; /* XDP_* or TC_ACT_* */
	struct frame frame;
	__u8 meta[32];
	__u32 meta_len;
	struct synshield_stats counted;
};

/* The kernel's own choice for a listener, address family and timestamps. */
struct server_side {
	__u16 mss, window[2];
	__u8 wscale;
};

void shield_load(void);
/* Mode always, epoch 9, everything learned, nothing known of listeners and connections. */
void shield_reset(void);
/* Writes `shield` with its generation raised, and all sockets learned if `learned`. */
void shield_configure(bool learned);
void shield_mode(enum synshield_mode mode);
void shield_policy(__u16 port, const struct synshield_policy *policy);
/* As the daemon does: the next slot first, then the epoch. */
void shield_next_epoch(void);
const __u64 *shield_key(void);
void shield_local(const char *address, __u16 vlan, __u32 mtu);
__u64 shield_now(void);
/* Was the running kernel built with this field of struct tcp_sock? */
bool kernel_has_field(const char *field);
void shield_meta_is_missing(bool missing);

bool listener_get(const struct segment *s, struct synshield_listener *l);
void listener_forget(const struct segment *s);
/* Under attack for the next hour. */
void listener_attack(const struct segment *s);
void listener_put(const struct segment *s, const struct synshield_listener *l);
bool conn_get(const struct segment *s, struct synshield_conn *c);
void conn_put(const struct segment *s, const struct synshield_conn *c);
void conn_forget(const struct segment *s);

void shield_run(const struct frame *in, struct outcome *out);
void shield_run_tc(const struct frame *in, struct outcome *out);
/* Runs the frame `times` times made random by helper.bpf.c; what was counted. */
void shield_run_random(const struct frame *in, __u32 tsecr_at, __u32 times,
		       struct synshield_stats *counted);

/* Exactly one packet counted, under this verdict, and done accordingly. */
bool is_verdict(const struct outcome *o, int action, int reason);
bool row(int action, int reason, const struct frame *f, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
bool row_segment(int action, int reason, const struct segment *s, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* A segment from 192.0.2.2 or 2001:db8:2::2 to the server's first address. */
void segment_begin(struct segment *s, bool ipv6, __u8 flags);
/* The handshake's third segment, for the SYN-ACK that the oracle expects. */
void segment_third(const struct segment *syn, const struct agreement *a,
		   const struct oracle_cookie *c, struct segment *ack);
void expect_synack(const struct segment *syn, const struct agreement *a,
		   const struct server_side *server, const struct oracle_cookie *c,
		   struct frame *f);
/* Asks the kernel. */
void server_side_read(bool ipv6, __u16 port, struct server_side *server);
bool same_frame(const struct frame *got, const struct frame *want);
const char *family_name(bool ipv6);

/* The socket that listens on PORT. */
int net_listener(bool ipv6);

/* The rows, by subject. */
void rows_synack(void);
void rows_kernel(void);
void rows_pass(void);
void rows_drop(void);
void rows_ack(void);
void rows_random(void);
void rows_mode(void);
void rows_attack(void);
void rows_kernel_cookie(void);
void rows_tc(void);

#endif
