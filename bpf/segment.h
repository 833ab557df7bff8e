/* SPDX-License-Identifier: GPL-2.0-only */
/* A segment other than a SYN arrives: the other rows of the packet table. */
#ifndef SEGMENT_H
#define SEGMENT_H

#include "hot.h"
#include "kernel_cookie.h"
#include "lists.h"
#include "meta.h"
#include "refuse.h"
#include "rst.h"
#include "sources.h"

/* --- not tracked --- */

static __always_inline bool is_ack(const struct packet *p)
{
	return (p->flags & (TCP_ACK | TCP_SYN | TCP_RST)) == TCP_ACK;
}

static __always_inline __u32 unknown_reason(const struct packet *p)
{
	if (p->flags & TCP_RST)
		return SYNSHIELD_REASON_unknown_rst;
	if (p->flags & TCP_SYN)
		return SYNSHIELD_REASON_unknown_synack;
	if (p->flags & TCP_FIN)
		return SYNSHIELD_REASON_unknown_fin;
	return p->segment_len > p->tcp_header_len ? SYNSHIELD_REASON_unknown_data
						  : SYNSHIELD_REASON_unknown_ack;
}

/* Cookies that went out so lately that what they prove may still be on its way. */
static __always_inline bool cookies_went_out(const struct shield *s,
					     const struct synshield_listener *l)
{
	return l && l->cookie_sent_jiffies &&
	       s->now - l->cookie_sent_jiffies < 2ULL * s->settings->epoch * s->host->hz;
}

/* No part of this host wants it. */
static __always_inline verdict unknown(struct xdp_md *ctx, const struct shield *s,
				       const struct packet *p, const struct synshield_listener *l,
				       struct answer *a)
{
	__u32 reason = unknown_reason(p);

	if (is_conntracked(ctx, s, p)) {
		track(s, p, SYNSHIELD_CONN_ESTABLISHED);
		return PASS(conntracked);
	}
	if (s->host->flags & SYNSHIELD_HOST_OTHER_CONNS)
		return VERDICT(SYNSHIELD_PASS, reason);
	if (p->flags & TCP_RST) {
		reset_is_due(s); /* a flood of them shall not ask for sockets for ever */
		return DROP(unknown_rst);
	}
	a->doubt = is_ack(p) && cookies_went_out(s, l);
	return REFUSE(reason);
}

/* The kernel holds the tuple. */
static __always_inline verdict adopt(const struct shield *s, const struct packet *p,
				     struct bpf_sock *sk, struct synshield_listener *l,
				     const struct answer *a)
{
	bool half_open = sk->state == TCP_NEW_SYN_RECV;

	if (p->flags & TCP_RST)
		return rst_to_socket(p, sk) == RST_NONE ? DROP(blind_rst) : PASS(adopted);
	track(s, p, SYNSHIELD_CONN_ESTABLISHED);
	/* the cookie that mode observe did not send would have come back */
	if (a->observe && half_open && l && is_ack(p) && wants_cookie(s, l)) {
		__sync_fetch_and_add(&l->window_acks, 1);
		return PASS(cookie_ok);
	}
	return PASS(adopted);
}

static __always_inline bool bears_kernel_cookie(struct xdp_md *ctx, const struct packet *p,
						struct bpf_sock *listener)
{
	return is_ack(p) && kernel_cookie_check(ctx, p, listener);
}

/*
 * Under a flood of such segments the budget is spent, and `conns` is trusted: what
 * is not there is not in the kernel.
 */
static __always_inline bool need_not_ask(const struct shield *s, const struct packet *p,
					 const struct synshield_listener *l, const struct answer *a)
{
	if (s->host->flags & (SYNSHIELD_HOST_CONNTRACK | SYNSHIELD_HOST_OTHER_CONNS) ||
	    (l && l->flags & SYNSHIELD_LISTENER_KERNEL_COOKIE))
		return false;
	return !a->observe && resets_are_spent(s) && sockets_are_learned(s) &&
	       port_reset(s, p->tuple.local_port) != SYNSHIELD_RESET_PASS;
}

/*
 * No cookie of ours, not tracked: what do the kernel's sockets say?  It may also have
 * sent cookies of its own, before the shield was there or switched on.
 */
__noinline verdict ask_kernel(struct xdp_md *ctx, const struct packet *p, struct answer *a)
{
	struct synshield_listener *l;
	struct bpf_sock *sk;
	verdict v;
	SHIELD_AGAIN(s, PASS(off));

	if (!p || !a)
		return PASS(off);

	l = find_listener(p);
	sk = find_socket(ctx, p);
	if (!sk)
		return unknown(ctx, s, p, l, a);
	if (sk->state != TCP_LISTEN) {
		v = adopt(s, p, sk, l, a);
	} else if (bears_kernel_cookie(ctx, p, sk)) {
		if (l)
			__sync_fetch_and_add(&l->window_acks, 1);
		reply_was_followed(s, p);
		track(s, p, SYNSHIELD_CONN_ESTABLISHED);
		v = PASS(kernel_cookie_ok);
	} else {
		v = unknown(ctx, s, p, l, a);
	}
	bpf_sk_release(sk);
	return v;
}

/* After a change to `off`, the cookies that are out still count until they are too old. */
static __always_inline bool cookies_are_out(const struct shield *s,
					    const struct synshield_listener *l,
					    enum synshield_mode mode)
{
	if (mode == SYNSHIELD_MODE_ALWAYS)
		return true; /* also if the entry was made anew since */
	return l->cookie_sent_jiffies && (mode != SYNSHIELD_MODE_OFF || cookies_went_out(s, l));
}

static __always_inline bool kernel_has(struct xdp_md *ctx, const struct packet *p)
{
	struct bpf_sock *sk = find_socket(ctx, p);
	bool has = sk && sk->state != TCP_LISTEN;

	if (sk)
		bpf_sk_release(sk);
	return has;
}

/*
 * The cookie held: the handshake, which is in the answer, is complete.  Or it has long been: a
 * full table has evicted the connection, and its client has had nothing else to acknowledge.
 * Where connections are counted it must not be taken for one more.
 */
__noinline verdict prove(struct xdp_md *ctx, const struct packet *p, struct answer *a)
{
	struct synshield_listener *l;
	__u32 refused;
	SHIELD_AGAIN(s, PASS(off));

	if (!p || !a)
		return PASS(off);
	l = find_listener(p);
	if (l && unlikely(limits_sources(l)) && !sockets_are_learned(s) && kernel_has(ctx, p)) {
		track(s, p, SYNSHIELD_CONN_ESTABLISHED);
		return PASS(adopted);
	}
	refused = l ? source_opens(s, p, l) : 0;
	if (refused && !a->observe)
		return REFUSE(refused);
	reply_was_followed(s, p);
	track(s, p, SYNSHIELD_CONN_PROVEN);
	if (l)
		__sync_fetch_and_add(&l->window_acks, 1);
	meta_write(ctx, META_PROVEN, &a->handshake, a->cookie.tsval);
	return refused ? REFUSE(refused) : PASS(cookie_ok);
}

/* May ACKs bring back cookies of ours? */
static __always_inline bool cookies_may_come(const struct shield *s,
					     const struct synshield_listener *l,
					     enum synshield_mode mode)
{
	if (!l)
		return mode != SYNSHIELD_MODE_OFF;
	return cookies_are_out(s, l, mode) && !(l->flags & SYNSHIELD_LISTENER_KERNEL_COOKIE);
}

/* A cookie of ours?  If so the answer has the handshake, and the TSecr that came with it. */
static __always_inline bool bears_cookie(struct xdp_md *ctx, const struct shield *s,
					 const struct packet *p, const struct siphash *begun,
					 struct answer *a)
{
	struct options o;

	if (!is_ack(p) || parse_options(ctx, p->l4 + TCP_HEADER_MIN, options_len(p), &o) ||
	    !cookie_check(p, &o, s->keys, begun, &a->handshake))
		return false;
	a->cookie.tsval = o.tsecr;
	return true;
}

__noinline verdict receive_untracked(struct xdp_md *ctx, const struct packet *p, struct answer *a)
{
	struct synshield_listener *l;
	enum synshield_mode mode;
	enum synshield_list list;
	bool cookies;
	SHIELD_AGAIN(s, PASS(off));

	if (!p || !a)
		return PASS(off);
	l = find_listener(p);
	if (l && !l->generation)
		l = NULL;
	if (!l && !find_local(p->tuple.local))
		return PASS(not_local);
	mode = l ? mode_of(s, l, p->tuple.local_port) : port_mode(s, p->tuple.local_port);
	a->observe = mode == SYNSHIELD_MODE_OBSERVE;
	list = mode == SYNSHIELD_MODE_OFF ? SYNSHIELD_LIST_NONE : list_of(s, p);
	if (unlikely(list))
		return list == SYNSHIELD_LIST_DENY ? DROP(denied) : PASS(allowed);
	cookies = cookies_may_come(s, l, mode);
	if (cookies && bears_cookie(ctx, s, p, NULL, a))
		return PROVE;
	if (mode == SYNSHIELD_MODE_OFF)
		return PASS(off);
	if (need_not_ask(s, p, l, a)) {
		/* what is not known for sure may be known, and matter, before the jiffy is over */
		if (cookies && l && l->checked_jiffies)
			heat_for_others(s, p);
		return VERDICT(SYNSHIELD_DROP, unknown_reason(p));
	}
	return ASK_KERNEL;
}

/* One more of those that need_not_ask() was said of in this jiffy. */
static __always_inline verdict receive_hot(struct xdp_md *ctx, const struct shield *s,
					   const struct packet *p, const struct hot *h,
					   struct answer *a)
{
	if (unlikely(bears_cookie(ctx, s, p, &h->mac, a)))
		return PROVE;
	return VERDICT(SYNSHIELD_DROP, unknown_reason(p));
}

/* --- tracked --- */

__noinline verdict rst_to_tracked(struct xdp_md *ctx, const struct packet *p,
				  struct synshield_conn *c, struct answer *a)
{
	enum synshield_mode mode;
	enum rst_effect effect;
	bool was_over;
	SHIELD_AGAIN(s, PASS(off));

	if (!p || !c || !a)
		return PASS(off);
	mode = port_mode(s, p->tuple.local_port);
	was_over = is_over(c);
	a->observe = mode == SYNSHIELD_MODE_OBSERVE;
	if (mode == SYNSHIELD_MODE_OFF)
		return PASS(off);
	effect = rst_effect(ctx, s, p, c);
	if (effect == RST_NONE)
		return DROP(blind_rst);
	c->last_seen_jiffies = s->now;
	c->remote_segments++;
	if (effect == RST_CLOSES) {
		c->remote.rst = 1;
		report(p, SYNSHIELD_REMOTE, SYNSHIELD_EVENT_SEGMENT);
		if (!was_over)
			source_closes(s, p, c);
	}
	return PASS(tracked);
}

/* A SYN-ACK is the answer to this host's SYN, or the kernel's to challenge. */
static __always_inline verdict synack_to_tracked(const struct shield *s, const struct packet *p,
						 struct synshield_conn *c, struct answer *a)
{
	if (c->state != SYNSHIELD_CONN_SYN_SENT) {
		a->observe = port_mode(s, p->tuple.local_port) == SYNSHIELD_MODE_OBSERVE;
		return syn_allowed(s, c) ? PASS(tracked) : DROP(tuple_rate);
	}
	if (p->ack == c->local_next) {
		c->remote.syn_acked = 1;
		c->remote_next = seq_end(p);
		if (c->local.syn_acked) /* a simultaneous open */
			establish(c);
	}
	c->last_seen_jiffies = s->now;
	c->remote_segments++;
	report(p, SYNSHIELD_REMOTE, SYNSHIELD_EVENT_SEGMENT);
	return PASS(tracked);
}

/* The third segment of a handshake that the kernel's SYN-ACK began. */
__noinline verdict complete(const struct packet *p, struct synshield_conn *c, struct answer *a)
{
	struct synshield_listener *l;
	__u32 refused;
	SHIELD_AGAIN(s, PASS(off));

	if (!p || !c || !a)
		return PASS(off);
	l = find_listener(p);
	refused = l ? source_opens(s, p, l) : 0;
	if (refused) {
		a->observe = mode_of(s, l, p->tuple.local_port) == SYNSHIELD_MODE_OBSERVE;
		if (a->observe)
			establish(c);
		return REFUSE(refused);
	}
	c->remote.syn_acked = 1;
	establish(c);
	report(p, SYNSHIELD_REMOTE, SYNSHIELD_EVENT_SEGMENT);
	return PASS(tracked);
}

/*
 * Both ends are done with it, as far as the shield saw.  False: the kernel holds it
 * still, in TIME_WAIT or because it did not heed the RST.
 */
__noinline int is_gone(struct xdp_md *ctx, const struct packet *p, struct synshield_conn *c)
{
	struct bpf_sock *sk;
	bool gone, lives;
	SHIELD_AGAIN(s, false);

	if (!p || !c)
		return false;
	sk = find_socket(ctx, p);
	if (!sk)
		return true;
	gone = sk->state == TCP_LISTEN;
	lives = !gone && sk->state != TCP_TIME_WAIT;
	bpf_sk_release(sk);
	if (lives && (c->remote.rst || c->local.rst)) {
		c->remote.rst = 0;
		c->local.rst = 0;
		source_goes_on(s, p, c);
	}
	return gone;
}

/* Its entry stays: the cookie that began it, replayed, shall not begin another. */
static __always_inline verdict receive_gone(const struct shield *s, const struct packet *p,
					    struct answer *a)
{
	enum synshield_mode mode = port_mode(s, p->tuple.local_port);

	a->observe = mode == SYNSHIELD_MODE_OBSERVE;
	return mode == SYNSHIELD_MODE_OFF ? PASS(off) : ASK_KERNEL;
}

static __always_inline bool answers_nothing(const struct packet *p, const struct synshield_conn *c)
{
	return p->flags & TCP_ACK && c->local_next && p->ack != c->local_next;
}

/*
 * A handshake's wrong third segment: the kernel answers each with a RST (RFC 9293
 * section 3.10.7.4), and whoever made up the SYN could have any number of them.
 */
static __noinline verdict wrong_third(const struct shield *s, const struct packet *p,
				      struct answer *a)
{
	enum synshield_mode mode = port_mode(s, p->tuple.local_port);

	if (mode == SYNSHIELD_MODE_OFF || reset_is_due(s))
		return PASS(tracked);
	a->observe = mode == SYNSHIELD_MODE_OBSERVE;
	return VERDICT(SYNSHIELD_DROP, unknown_reason(p));
}

static __always_inline verdict receive_tracked(struct xdp_md *ctx, const struct shield *s,
					       const struct packet *p, struct synshield_conn *c,
					       struct answer *a)
{
	bool was_over = is_over(c);

	seen(s, p, c);
	if (unlikely(!was_over && is_over(c)))
		source_closes(s, p, c);
	if (likely(c->state == SYNSHIELD_CONN_ESTABLISHED))
		return PASS(tracked);
	if (c->state == SYNSHIELD_CONN_PROVEN)
		meta_write(ctx, META_UNCONFIRMED, NULL, 0);
	else if (c->local.syn_acked && p->flags & TCP_ACK && p->ack == c->local_next)
		return complete(p, c, a);
	else if (answers_nothing(p, c))
		return wrong_third(s, p, a);
	return PASS(tracked);
}

static __always_inline verdict receive_segment(struct xdp_md *ctx, const struct shield *s,
					       const struct packet *p, __u64 absent,
					       struct answer *a)
{
	struct synshield_conn *c = absent ? NULL : find_conn(p);
	const struct hot *h;

	if (unlikely(!c)) {
		h = hot_slot(p);
		if (h && is_hot(s, p, h, h->other_jiffies))
			return receive_hot(ctx, s, p, h, a);
		return receive_untracked(ctx, p, a);
	}
	a->observe = s->settings->mode == SYNSHIELD_MODE_OBSERVE;
	if (unlikely(p->flags & TCP_RST))
		return rst_to_tracked(ctx, p, c, a);
	if (unlikely(p->flags & TCP_SYN))
		return synack_to_tracked(s, p, c, a);
	if (unlikely(is_over(c)) && is_gone(ctx, p, c))
		return receive_gone(s, p, a);
	return receive_tracked(ctx, s, p, c, a);
}

#endif
