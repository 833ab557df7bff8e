/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shield's programs: XDP decides about every received frame, TC ingress
 * hands proven handshakes to the kernel, TC egress sees what this host opens.
 */
#include "accept.h"
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
	case PARSED_BEYOND_REACH:
		return PASS(beyond_reach);
	case PARSED_BAD_IP:
		if (s->settings->mode == SYNSHIELD_MODE_OFF)
			return PASS(off);
		*observe = s->settings->mode == SYNSHIELD_MODE_OBSERVE;
		return DROP(bad_ip);
	case PARSED_BAD_TCP:
		return malformed(s, p, DROP(bad_tcp), observe);
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

	if (unlikely(step != PARSED))
		return not_parsed(s, p, step, &a->observe);
	if (unlikely(!flags_are_valid(p->flags)))
		return malformed(s, p, DROP(bad_flags), &a->observe);
	if (unlikely(!p->tuple.local_port || !p->tuple.remote_port))
		return malformed(s, p, DROP(port_zero), &a->observe);
	if (unlikely(source_is_martian(p)))
		return malformed(s, p, DROP(martian), &a->observe);
	if ((p->flags & (TCP_SYN | TCP_ACK)) != TCP_SYN)
		return receive_segment(ctx, s, p, &a->observe);
	if (unlikely(parse_options(ctx, p->l4 + TCP_HEADER_MIN, options_len(p), &o)))
		return malformed(s, p, DROP(bad_options), &a->observe);
	return receive_syn(ctx, s, p, &o, a);
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
	if (action_of(v) == SYNSHIELD_REPLY && !a.observe && send_answer(ctx, &s, &p, &a))
		v = PASS(reply_failed);
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

/*
 * A connection that this host opens: its tuple is the kernel's from now on, so
 * that a SYN of the other end (simultaneous open) is left to the kernel.
 */
SEC("tc")
int synshield_out(struct __sk_buff *skb)
{
	struct packet p = {};
	struct shield s;

	if (dissect_sent(skb, &p) != PARSED || (p.flags & (TCP_SYN | TCP_ACK)) != TCP_SYN)
		return TC_ACT_UNSPEC;
	if (shield_begin(&s)) {
		turn_round(&p.tuple);
		track(&s, &p, SYNSHIELD_CONN_SYN_SENT);
	}
	return TC_ACT_UNSPEC;
}
