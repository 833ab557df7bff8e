/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shield's programs: XDP decides about every received frame, TC ingress
 * hands proven handshakes to the kernel, TC egress sees what this host sends.
 */
#include "accept.h"
#include "capture.h"
#include "refuse.h"
#include "segment.h"
#include "syn.h"

char LICENSE[] SEC("license") = "GPL";

/* A segment that is malformed.  Only what is for this host is ours to drop. */
static __always_inline verdict malformed(const struct shield *s, const struct packet *p, verdict v,
					 bool *observe)
{
	enum synshield_mode mode = port_mode(s, p->tuple.local_port);

	if (!find_local(p->tuple.local))
		return PASS(not_local);
	if (mode == SYNSHIELD_MODE_OFF)
		return PASS(off);
	*observe = mode == SYNSHIELD_MODE_OBSERVE;
	return v;
}

static __always_inline verdict not_parsed(const struct shield *s, const struct packet *p,
					  enum parsed step, bool *observe)
{
	switch (step) {
	case PARSED_FRAGMENT:
		return PASS(fragment);
	case PARSED_OTHER_STATION:
		return PASS(other_station);
	case PARSED_BAD_IP:
		if (s->settings->mode == SYNSHIELD_MODE_OFF)
			return PASS(off);
		*observe = s->settings->mode == SYNSHIELD_MODE_OBSERVE;
		return DROP(bad_ip);
	case PARSED_BEYOND_REACH: /* no sender makes them, and they would be a way round */
		return malformed(s, p, DROP(beyond_reach), observe);
	case PARSED_BAD_TCP:
		return malformed(s, p, DROP(bad_tcp), observe);
	case PARSED_BAD_FRAGMENT:
		return malformed(s, p, DROP(bad_fragment), observe);
	default:
		return PASS(not_tcp);
	}
}

/* DESIGN's packet table, top to bottom. */
static __always_inline verdict decide(struct xdp_md *ctx, const struct shield *s, struct packet *p,
				      struct answer *a)
{
	enum parsed step = dissect_frame(ctx, (const struct station *)s->host->mac, p);
	struct options o;
	__u64 absent;

	if (unlikely(step != PARSED))
		return not_parsed(s, p, step, &a->observe);
	if (unlikely(!flags_are_valid(p->flags)))
		return malformed(s, p, DROP(bad_flags), &a->observe);
	if (unlikely(!p->tuple.local_port || !p->tuple.remote_port))
		return malformed(s, p, DROP(port_zero), &a->observe);
	if (unlikely(source_is_martian(p)))
		return malformed(s, p, DROP(martian), &a->observe);
	absent = not_tracked(s, p);
	if ((p->flags & (TCP_SYN | TCP_ACK)) != TCP_SYN)
		return receive_segment(ctx, s, p, absent, a);
	if (unlikely(parse_options(ctx, p->l4 + TCP_HEADER_MIN, options_len(p), &o)))
		return malformed(s, p, DROP(bad_options), &a->observe);
	return receive_syn(ctx, s, p, &o, absent, a);
}

SEC("xdp.frags")
int synshield_xdp(struct xdp_md *ctx)
{
	struct packet p = {};
	struct answer a = {};
	struct shield s;
	verdict v;

	if (!shield_begin(&s))
		return XDP_PASS;
	v = decide(ctx, &s, &p, &a);
	if (v == PROVE)
		v = prove(ctx, &p, &a);
	if (v == ASK_KERNEL)
		v = ask_kernel(ctx, &p, &a);
	if (action_of(v) == ACTION_REFUSE)
		v = refuse(&p, v & 0xffff, &a);
	if (unlikely(trace_wanted(&s)))
		trace_segment(&p, SYNSHIELD_REMOTE, v);
	if (unlikely(capture_wanted(&s)))
		capture_frame(ctx, &p, v, a.observe);
	if (action_of(v) == SYNSHIELD_REPLY && !a.observe && send_answer(ctx, &s, &p, &a)) {
		v = PASS(reply_failed);
		if (unlikely(capture_wanted(&s)))
			capture_frame(ctx, &p, v, false);
	}
	count(v, a.observe);
	if (a.observe || action_of(v) == SYNSHIELD_PASS)
		return XDP_PASS;
	return action_of(v) == SYNSHIELD_REPLY ? XDP_TX : XDP_DROP;
}

SEC("tc")
int synshield_in(struct __sk_buff *skb)
{
	struct handshake h = {};
	struct packet p = {};
	enum meta_kind kind;
	__u32 tsecr = 0;
	struct shield s;
	verdict v;

	kind = meta_read(skb, &h, &tsecr);
	if (likely(!kind && !meta_is_missing))
		return TC_ACT_UNSPEC;
	if (!shield_begin(&s) ||
	    dissect_received(skb, (const struct station *)s.host->mac, &p) != PARSED)
		return TC_ACT_UNSPEC;
	v = receive_proven(skb, &s, &p, kind, &h, tsecr);
	if (v == PASS(tracked))
		return TC_ACT_UNSPEC;
	if (unlikely(capture_wanted(&s)))
		capture_skb(skb, &p, v);
	count(v, false);
	return action_of(v) == SYNSHIELD_DROP ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

/* The tuple of a sent packet, seen as that of a received one. */
static __always_inline void turn_round(struct synshield_tuple *t)
{
	struct synshield_tuple sent = *t;

	memcpy(t->remote, sent.local, sizeof(t->remote));
	memcpy(t->local, sent.remote, sizeof(t->local));
	t->remote_port = sent.local_port;
	t->local_port = sent.remote_port;
}

/* This host opens a connection: whatever was on the tuple before is no more. */
static __always_inline void opens(const struct shield *s, const struct packet *p,
				  struct synshield_conn *c)
{
	if (c->state == SYNSHIELD_CONN_SYN_SENT && c->local_next == seq_end(p)) {
		c->last_seen_jiffies = s->now;
		c->local_segments++;
		report(p, SYNSHIELD_LOCAL, SYNSHIELD_EVENT_SEGMENT);
		return;
	}
	forget(p);
	track_sent(s, p, SYNSHIELD_CONN_SYN_SENT);
}

/* The kernel sends for a connection that is not tracked: it has a socket. */
static __always_inline void adopt_sent(const struct shield *s, const struct packet *p)
{
	if (p->flags & (TCP_SYN | TCP_RST) || !find_local(p->tuple.local) ||
	    port_mode(s, p->tuple.local_port) == SYNSHIELD_MODE_OFF ||
	    list_of(s, p) != SYNSHIELD_LIST_NONE)
		return;
	track_sent(s, p, SYNSHIELD_CONN_ESTABLISHED);
}

/*
 * A SYN-ACK.  On a tuple that had a connection it begins another: the kernel took
 * a SYN in TIME_WAIT.  One that is repeated is of the same connection.
 */
static __always_inline void sends_synack(const struct packet *p, struct synshield_conn *c)
{
	bool again = c->local_next == seq_end(p);

	if (!again)
		c->remote_next = p->ack;
	if (!again && c->state == SYNSHIELD_CONN_ESTABLISHED) {
		c->state = SYNSHIELD_CONN_SYN_RECEIVED;
		c->local = (struct synshield_sent){};
		c->remote = (struct synshield_sent){.syn = 1};
		c->remote_segments = 1;
		c->local_segments = 0;
	}
	c->local.syn_acked = 1;
	c->local_next = seq_end(p);
}

/* What is sent now, no kernel sends before the connection is established. */
static __always_inline bool shows_established(const struct packet *p,
					      const struct synshield_conn *c)
{
	switch (c->state) {
	case SYNSHIELD_CONN_SYN_SENT:
		return c->remote.syn_acked;
	case SYNSHIELD_CONN_SYN_RECEIVED: /* the third segment was not seen, or not known */
		return p->flags & TCP_FIN || p->segment_len > p->tcp_header_len;
	default:
		return c->state == SYNSHIELD_CONN_PROVEN;
	}
}

static __always_inline void sends(const struct shield *s, const struct packet *p,
				  struct synshield_conn *c)
{
	bool was_over = is_over(c), moves = p->flags & (TCP_SYN | TCP_RST);

	c->last_seen_jiffies = s->now;
	if (p->flags & TCP_RST) {
		c->local.rst = 1;
	} else if (p->flags & TCP_SYN) {
		sends_synack(p, c);
	} else {
		if (shows_established(p, c)) {
			c->local.syn_acked |= c->remote.syn_acked;
			establish(c);
			moves = true;
		}
		advance(p, &c->local_next);
		if (p->flags & TCP_FIN || c->remote.fin)
			moves |=
				note_close(p, &c->local, c->local_next, &c->remote, c->remote_next);
	}
	if (moves)
		report(p, SYNSHIELD_LOCAL, SYNSHIELD_EVENT_SEGMENT);
	if (c->state != SYNSHIELD_CONN_PROVEN)
		c->local_segments++;
	if (!was_over && is_over(c))
		source_closes(s, p, c);
}

/* What this host sends tells what its connections are about. */
SEC("tc")
int synshield_out(struct __sk_buff *skb)
{
	struct synshield_conn *c;
	struct packet p = {};
	struct shield s;

	if (dissect_sent(skb, &p) != PARSED || !shield_begin(&s))
		return TC_ACT_UNSPEC;
	turn_round(&p.tuple);
	c = find_conn(&p);
	if ((p.flags & (TCP_SYN | TCP_ACK)) == TCP_SYN) {
		if (!find_local(p.tuple.local)) /* forwarded */
			return TC_ACT_UNSPEC;
		if (c)
			opens(&s, &p, c);
		else
			track_sent(&s, &p, SYNSHIELD_CONN_SYN_SENT);
	} else if (c) {
		sends(&s, &p, c);
	} else {
		adopt_sent(&s, &p);
	}
	if (unlikely(trace_wanted(&s)))
		trace_segment(&p, SYNSHIELD_LOCAL, 0);
	return TC_ACT_UNSPEC;
}
