/* SPDX-License-Identifier: GPL-2.0-only */
/* The tracked connections: a cache of what the kernel's sockets, or a cookie, proved. */
#ifndef CONNS_H
#define CONNS_H

#include "shield.h"

/* SYNs in a row that a tuple the kernel holds may send; then one a second. */
#define SYN_BURST 16

static __always_inline struct synshield_conn *find_conn(const struct packet *p)
{
	return bpf_map_lookup_elem(&conns, &p->tuple);
}

static __always_inline void track(const struct shield *s, const struct packet *p,
				  enum synshield_conn_state state)
{
	struct synshield_conn conn = {
		.state = state,
		.last_seen_jiffies = s->now,
		.segments = 1,
	};
	struct synshield_tracking *t;
	__u32 zero = 0;

	if (bpf_map_update_elem(&conns, &p->tuple, &conn, BPF_NOEXIST))
		return;
	t = bpf_map_lookup_elem(&tracking, &zero);
	if (t)
		__sync_fetch_and_add(&t->made, 1);
}

static __always_inline void forget(const struct packet *p)
{
	bpf_map_delete_elem(&conns, &p->tuple);
}

/*
 * A SYN on a tuple for which the kernel has no socket.  A proven one may be on its
 * way there, in this very batch: only let it prove itself again.
 */
static __always_inline void outdate(const struct packet *p, struct synshield_conn *c)
{
	if (c->state == SYNSHIELD_CONN_PROVEN)
		c->proven_jiffies = 0;
	else
		forget(p);
}

/* A segment other than SYN on a tracked tuple. */
static __always_inline void seen(const struct shield *s, struct synshield_conn *conn)
{
	__u32 now = s->now;

	if (conn->last_seen_jiffies != now)
		conn->last_seen_jiffies = now;
	if (conn->syns)
		conn->syns = 0;
	conn->segments++;
}

/* May one more SYN go to the kernel on this tuple? */
static __always_inline bool syn_allowed(const struct shield *s, struct synshield_conn *conn)
{
	if (conn->syns >= SYN_BURST && (__u32)s->now - conn->last_seen_jiffies < s->host->hz)
		return false;
	if (conn->syns < SYN_BURST)
		conn->syns++;
	conn->last_seen_jiffies = s->now;
	return true;
}

#endif
