/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The shield's BPF object with its maps filled as the daemon would, run on one frame at a time. */
#ifndef HARNESS_H
#define HARNESS_H

#include <linux/bpf.h>

#include "net.h"
#include "oracle.h"
#include "synshield/synshield.h"
#include "tables.h"
#include "tap.h"

#define PORT 8080
#define CLOSED_PORT 4444 /* nobody listens there */

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

/* How an instance of the object differs from the default; 0: it does not. */
struct shield_shape {
	__u32 conns;		 /* capacity */
	__u32 listeners_at_most; /* capacity, in a table that evicts nothing */
};

/* In place of the instance there is. */
void shield_load(const struct shield_shape *shape);
/* A map's fd. */
int shield_map(const char *name);
/* Mode always, epoch 9, everything learned, nothing known of listeners and connections. */
void shield_reset(void);
/* Writes `shield` with its generation raised, and all sockets learned if `learned`. */
void shield_configure(bool learned);
void shield_mode(enum synshield_mode mode);
void shield_policy(__u16 port, const struct synshield_policy *policy);
/*
 * While it is on, modes auto and always are only observed: what is_verdict() and its
 * like expect is then expected as would_*, and the frame untouched.
 */
void shield_observe(bool on);
bool shield_is_observing(void);
/* As the daemon does: the next slot first, then the epoch. */
void shield_next_epoch(void);
const __u64 *shield_key(void);
__u64 shield_now(void);
/* Was the running kernel built with this field of struct tcp_sock? */
bool kernel_has_field(const char *field);
void shield_meta_is_missing(bool missing);

void shield_run(const struct frame *in, struct outcome *out);
void shield_run_tc(const struct frame *in, struct outcome *out);
/* As sent by this host; TC egress has to let it pass unchanged and uncounted, or the test ends. */
void shield_run_out(const struct frame *in);
/* Runs the frame `times` times made random by helper.bpf.c; what was counted. */
void shield_run_random(const struct frame *in, __u32 tsecr_at, __u32 times,
		       struct synshield_stats *counted);
/* The same from `times` tuples, all different: the same ones in every call. */
void shield_run_tuples(const struct frame *in, __u32 times, struct synshield_stats *counted);
/* The same to as many addresses, at most 65536. */
void shield_run_targets(const struct frame *in, __u32 times, struct synshield_stats *counted);
/* Has netfilter track the connection that the segment belongs to. */
bool shield_conntrack(const struct segment *s);

/* Is this reason the same in any mode? */
bool is_never_observed(int reason);
/* Exactly one packet counted, under this verdict, and done accordingly. */
bool is_verdict(const struct outcome *o, int action, int reason);
/* What it was answered with. */
bool is_answer(const struct outcome *o, const struct frame *in, const struct frame *want);
bool row(int action, int reason, const struct frame *f, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The same without a line of its own, but a note if it is not so. */
bool comes_to(int action, int reason, const struct frame *f, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
bool row_segment(int action, int reason, const struct segment *s, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Answered with the RST that RFC 9293 wants, byte for byte. */
bool row_refused(int reason, const struct segment *s, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Run, and whatever comes of it. */
void run_segment(const struct segment *s);
void run_sent(const struct segment *s);

/* A segment from 192.0.2.2 or 2001:db8:2::2 to the server's first address. */
void segment_begin(struct segment *s, bool ipv6, __u8 flags);
/*
 * From a client that the kernel never hears of.  Whoever begins thousands has to be apart:
 * their ports come round to those that the kernel holds.
 */
void segment_begin_apart(struct segment *s, bool ipv6, __u8 flags);
/* The server's segment on the same tuple. */
void segment_turn(const struct segment *s, __u8 flags, struct segment *sent);
/* The handshake's third segment, for the SYN-ACK that the oracle expects. */
void segment_third(const struct segment *syn, const struct agreement *a,
		   const struct oracle_cookie *c, struct segment *ack);
void expect_synack(const struct segment *syn, const struct agreement *a,
		   const struct server_side *server, const struct oracle_cookie *c,
		   struct frame *f);
void expect_reset(const struct segment *s, struct frame *f);
/* Handshakes with the kernel that nobody completes. */
void leave_half_open(bool ipv6, __u16 port, int count);
/* Asks the kernel. */
void server_side_read(bool ipv6, __u16 port, struct server_side *server);
bool same_frame(const struct frame *got, const struct frame *want);
const char *family_name(bool ipv6);
/* "-A--S-" and so on */
const char *flags_name(__u8 flags);

/* The socket that listens on PORT. */
int net_listener(bool ipv6);

/* The rows, by subject. */
void rows_synack(void);
void rows_kernel(void);
void rows_pass(void);
void rows_drop(void);
void rows_shape(void);
void rows_flags(void);
void rows_fragment(void);
void rows_lists(void);
void rows_refuse(void);
void rows_budget(void);
void rows_doubt(void);
void rows_ack(void);
void rows_rst(void);
void rows_track(void);
void rows_close(void);
void rows_limits(void);
void rows_overflow(void);
void rows_places(void);
void rows_event(void);
void rows_capture(void);
void rows_evade(void);
void rows_mode(void);
void rows_attack(void);
void rows_kernel_cookie(void);
void rows_tc(void);
void rows_random(void);
void rows_million(void);
void rows_bloom(void);
void rows_hot(void);
void rows_observe(void);

#endif
