/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tracked connections: a cache of what the kernel's sockets, or a cookie,
 * proved, and of what both ends have sent.
 */
#ifndef CONNS_H
#define CONNS_H

#include "bloom.h"
#include "events.h"

/* SYNs in a row that a tuple the kernel holds may send; then one a second. */
#define SYN_BURST 16
/* A segment that is further than this from where its sender was is not believed: bytes. */
#define SEQ_LEAP (1u << 24)

static __always_inline struct synshield_conn *find_conn(const struct packet *p)
{
	return bpf_map_lookup_elem(&conns, &p->tuple);
}

/* In global functions: Linux 6.1 wants a key on this function's own stack. */
static __always_inline struct synshield_conn *find_conn_again(const struct packet *p)
{
	struct synshield_tuple tuple = p->tuple;

	return bpf_map_lookup_elem(&conns, &tuple);
}

static __always_inline void make_conn(const struct shield *s, const struct packet *p,
				      const struct synshield_conn *conn, enum synshield_end end)
{
	struct synshield_tuple tuple = p->tuple;
	struct synshield_tracking *t;
	__u32 zero = 0;

	will_be_tracked(s, &tuple);
	if (bpf_map_update_elem(&conns, &tuple, conn, BPF_NOEXIST))
		return;
	t = bpf_map_lookup_elem(&tracking, &zero);
	if (t)
		__sync_fetch_and_add(&t->made, 1);
	report(p, end,
	       conn->state == SYNSHIELD_CONN_PROVEN	   ? SYNSHIELD_EVENT_PROVEN
	       : conn->state == SYNSHIELD_CONN_ESTABLISHED ? SYNSHIELD_EVENT_ADOPTED
							   : SYNSHIELD_EVENT_SEGMENT);
}

/* From a received segment. */
static __always_inline void track(const struct shield *s, const struct packet *p,
				  enum synshield_conn_state state)
{
	struct synshield_conn conn = {
		.state = state,
		.remote.syn = p->flags & TCP_SYN || state == SYNSHIELD_CONN_PROVEN,
		.remote.fin = !!(p->flags & TCP_FIN),
		.remote.fin_first = !!(p->flags & TCP_FIN),
		.last_seen_jiffies = s->now,
		.remote_next = seq_end(p),
		.local_next = p->flags & TCP_ACK ? p->ack : 0,
		.remote_segments = 1,
	};

	make_conn(s, p, &conn, SYNSHIELD_REMOTE);
}

/* From a sent one, whose tuple was turned round. */
static __always_inline void track_sent(const struct shield *s, const struct packet *p,
				       enum synshield_conn_state state)
{
	struct synshield_conn conn = {
		.state = state,
		.local.syn = !!(p->flags & TCP_SYN),
		.local.fin = !!(p->flags & TCP_FIN),
		.local.fin_first = !!(p->flags & TCP_FIN),
		.last_seen_jiffies = s->now,
		.remote_next = p->flags & TCP_ACK ? p->ack : 0,
		.local_next = seq_end(p),
		.local_segments = 1,
	};

	make_conn(s, p, &conn, SYNSHIELD_LOCAL);
}

static __always_inline void forget(const struct packet *p)
{
	struct synshield_tuple tuple = p->tuple;

	bpf_map_delete_elem(&conns, &tuple);
}

static __always_inline void establish(struct synshield_conn *c)
{
	if (c->state == SYNSHIELD_CONN_PROVEN)
		c->local_segments = 0; /* was handed_jiffies */
	c->state = SYNSHIELD_CONN_ESTABLISHED;
}

/* Neither end will send anything new: the kernel has closed it, or soon will. */
static __always_inline bool is_over(const struct synshield_conn *c)
{
	return c->remote.rst || c->local.rst || (c->remote.fin_acked && c->local.fin_acked);
}

/*
 * A SYN on a tuple for which the kernel has no socket.  A proven one may be on its
 * way there, in this very batch: only let it prove itself again.
 */
static __always_inline void outdate(const struct packet *p, struct synshield_conn *c)
{
	if (c->state != SYNSHIELD_CONN_PROVEN || is_over(c)) {
		forget(p);
		return;
	}
	c->handed_jiffies = 0;
	c->remote_next = 0;
	c->local_next = 0;
}

/* `sent` and `next` are the sender's, the other two the receiver's.  True: a state moves. */
static __always_inline bool note_close(const struct packet *p, struct synshield_sent *sent,
				       __u32 next, const struct synshield_sent *other,
				       __u32 other_next)
{
	bool acks = p->flags & TCP_ACK && other->fin && p->ack == other_next;
	bool moves = (acks && !sent->fin_acked) || p->flags & TCP_FIN;

	if (acks)
		sent->fin_acked = 1;
	if (p->flags & TCP_FIN && !sent->fin && seq_end(p) == next) {
		sent->fin = 1;
		sent->fin_first = !acks; /* one that was overtaken knew of no other, either */
	}
	return moves;
}

static __always_inline void advance(const struct packet *p, __u32 *next)
{
	__u32 end = seq_end(p), ahead = end - *next;

	if (ahead && (ahead <= SEQ_LEAP || !*next))
		*next = end;
}

/* Is it where its sender was, so that nobody else is likely to have sent it? */
static __always_inline bool is_near(const struct packet *p, __u32 next)
{
	return !next || seq_end(p) - next + SEQ_LEAP <= 2 * SEQ_LEAP;
}

/* A segment other than SYN and RST on a tracked tuple. */
static __always_inline void seen(const struct shield *s, const struct packet *p,
				 struct synshield_conn *c)
{
	__u32 now = s->now;

	if (c->last_seen_jiffies != now)
		c->last_seen_jiffies = now;
	if (unlikely(c->syns) && is_near(p, c->remote_next))
		c->syns = 0;
	c->remote_segments++;
	advance(p, &c->remote_next);
	if (unlikely(p->flags & TCP_FIN || c->local.fin) &&
	    note_close(p, &c->remote, c->remote_next, &c->local, c->local_next))
		report(p, SYNSHIELD_REMOTE, SYNSHIELD_EVENT_SEGMENT);
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
