/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The settings of one round, and the kernel's sockets, which are real. */
#ifndef WORLD_H
#define WORLD_H

#include "harness.h"
#include "live.h"

#define PORT_MD5 8101	/* its listener has a key */
#define PORT_MPTCP 8102 /* takes only the kernel's cookies */
#define PORT_OFF 8103	/* its mode is off */
#define PORT_LIMITED 8104
#define PORT_OBSERVED 8105

#define DENIED_IPV4 "203.0.113.9"
#define ALLOWED_IPV4 "203.0.113.200"
#define DENIED_IPV6 "2001:db8:bad::9"
#define ALLOWED_IPV6 "2001:db8:bad:a::9"

#define SOURCES_AT_MOST 3

enum holder_kind {
	HOLDER_NONE,
	HOLDER_SYN_SENT,
	HOLDER_ESTABLISHED,
	HOLDER_TIME_WAIT,
};

/* A socket of the kernel's, by its tuple as a received segment has it. */
struct holder {
	enum holder_kind kind;
	struct segment s; /* seq: what it expects; ack: what it has sent; 0: not known */
	__u32 window;
};

struct world {
	enum synshield_mode mode, counts;
	enum synshield_reset reset;
	bool learned; /* the kernel's sockets are in `conns` */
	bool spent;   /* no RST is left */
	bool tight;   /* nor many answers to a prefix */
	bool no_key, attack, lists;
};

/* A stream of random numbers. */
struct dice {
	__u64 state;
};
__u64 dice_roll(struct dice *d);
__u32 dice_below(struct dice *d, __u32 n);
bool dice_chance(struct dice *d, __u32 percent);

/* Once; then at the beginning of each round. */
void world_begin(void);
void world_round(struct dice *d, struct world *w);
/* What time has given back since, a budget, is spent again. */
void world_refresh(const struct world *w);
void world_note(const struct world *w);

const struct server_side *world_server(bool ipv6);
/* `i` from 0; NULL: there are no more. */
const struct holder *world_holder(int i);
/* False: perhaps, it had one in a round before. */
bool world_find(const struct segment *s, const struct holder **holder);
bool world_listens(const struct segment *s);

#endif
