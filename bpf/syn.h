/* SPDX-License-Identifier: GPL-2.0-only */
/* A SYN arrives: the SYN rows of the packet table. */
#ifndef SYN_H
#define SYN_H

#include "kernel_cookie.h"
#include "lists.h"
#include "budget.h"
#include "answer.h"
#include "hot.h"
#include "sources.h"

static __always_inline bool ecn_is_asked_for(const struct shield *s, const struct packet *p)
{
	return s->host->flags & SYNSHIELD_HOST_ECN && !p->ect &&
	       (p->flags & (TCP_ECE | TCP_CWR)) == (TCP_ECE | TCP_CWR);
}

static __always_inline __u16 least_mss(const struct packet *p)
{
	return p->ipv6 ? MSS_MIN_IPV6 : MSS_MIN_IPV4;
}

/* `most`: the listener's user_mss */
static __always_inline __u16 client_mss(const struct packet *p, const struct options *o, __u16 most)
{
	__u16 mss = o->mss ?: least_mss(p);

	return most && mss > most ? most : mss;
}

/*
 * The kernel takes over no connection with less (bpf_sk_assign_tcp_reqsk()).  While
 * there is no attack it may do such handshakes itself; in one, the MSS is raised.
 */
static __always_inline bool mss_is_too_small(const struct shield *s, const struct packet *p,
					     const struct options *o,
					     const struct synshield_listener *l)
{
	return unlikely(client_mss(p, o, l->user_mss) < least_mss(p)) && !under_attack(s, l);
}

/* What this kernel would agree to, given its settings and the client's SYN. */
static __always_inline void agree(const struct shield *s, const struct packet *p,
				  const struct options *o, __u16 mss, struct handshake *h)
{
	if (mss < least_mss(p))
		mss = least_mss(p);
	h->mss = mss > COOKIE_MSS_MASK ? COOKIE_MSS_MASK : mss;
	h->timestamp = o->timestamp && s->host->flags & SYNSHIELD_HOST_TIMESTAMPS;
	h->tsval = o->tsval;
	h->sack = o->sack && s->host->flags & SYNSHIELD_HOST_SACK;
	h->wscale = s->host->flags & SYNSHIELD_HOST_WSCALE ? o->wscale : WSCALE_NONE;
	h->ecn = h->timestamp && ecn_is_asked_for(s, p);
}

/* A kernel that knows the option drops such a SYN unless the listener has keys. */
static __always_inline bool signature_is_unexpected(const struct options *o)
{
	struct tcp_sock *tp = NULL;
	struct tcp_sock___ao *ao = NULL;

	return (o->md5 && bpf_core_field_exists(tp->md5sig_info)) ||
	       (o->ao && bpf_core_field_exists(ao->ao_info));
}

/* `mss`: client_mss(); `chance`: bits that nobody outside can foresee. */
static __always_inline verdict cookie_of(const struct shield *s, const struct packet *p,
					 const struct options *o, const struct hot *h, __u16 mss,
					 struct answer *a, __u32 *chance)
{
	agree(s, p, o, mss, &a->handshake);
	*chance = cookie_make(p, &a->handshake, &h->mac, h->epoch, &a->cookie);
	if (unlikely(!reply_is_due_sampled(s, p, *chance / SYNS_SAMPLE)))
		return DROP(reply_cap);
	if (!a->handshake.timestamp && !wscale_index(a->handshake.wscale))
		a->handshake.wscale = WSCALE_NONE;
	a->window = a->handshake.timestamp ? h->window[1] : h->window[0];
	a->mss = h->mss;
	a->wscale = h->wscale;
	return REPLY(cookie);
}

static __always_inline verdict own_cookie(const struct shield *s, const struct packet *p,
					  const struct options *o,
					  const struct synshield_listener *l, struct hot *h,
					  struct answer *a, __u32 *chance)
{
	if (!s->keys->epoch)
		return PASS(no_key);
	hot_claim(s, p, h);
	hot_offer(l, h);
	return cookie_of(s, p, o, h, client_mss(p, o, l->user_mss), a, chance);
}

static __always_inline verdict kernel_cookie(struct xdp_md *ctx, const struct shield *s,
					     const struct packet *p,
					     const struct synshield_listener *l,
					     struct bpf_sock *listener, struct answer *a)
{
	__s64 isn = kernel_cookie_make(ctx, p, listener);

	if (isn < 0)
		return PASS(cookie_not_due);
	if (!reply_is_due(s, p))
		return DROP(reply_cap);
	a->handshake.wscale = WSCALE_NONE;
	a->cookie.isn = isn;
	a->window = l->window[0];
	a->mss = l->mss;
	return REPLY(kernel_cookie);
}

/* Whatever else holds, a cookie is out now, and ACKs that bring one back will come. */
static __always_inline void note_cookie(const struct shield *s, struct synshield_listener *l)
{
	if (l->cookie_sent_jiffies != s->now)
		l->cookie_sent_jiffies = s->now;
}

/* The listener wants a cookie; which, if any? */
static __always_inline verdict answer_syn(struct xdp_md *ctx, const struct shield *s,
					  const struct packet *p, const struct options *o,
					  struct synshield_listener *l, struct bpf_sock *listener,
					  struct answer *a)
{
	struct hot *h;
	__u32 chance;

	if (signature_is_unexpected(o))
		return l->flags & SYNSHIELD_LISTENER_KEYED ? PASS(signed_syn)
							   : DROP(unsigned_listener);
	if (mss_is_too_small(s, p, o, l))
		return PASS(small_mss);
	if (l->full)
		return DROP(backlog_full);
	if (l->flags & SYNSHIELD_LISTENER_KERNEL_COOKIE)
		return kernel_cookie(ctx, s, p, l, listener, a);
	h = hot_slot(p);
	return h ? own_cookie(s, p, o, l, h, a, &chance) : PASS(no_key);
}

static __always_inline verdict decide_syn(struct xdp_md *ctx, const struct shield *s,
					  const struct packet *p, const struct options *o,
					  struct synshield_listener *l, struct bpf_sock *listener,
					  struct answer *a)
{
	__u32 over;

	if (l->flags & SYNSHIELD_LISTENER_VLAN && !p->vlan_tags)
		return PASS(vlan_offload);
	over = source_may_not(s, p, l);
	if (over)
		return REFUSE(over);
	count_syn(s, l, bpf_get_prandom_u32(), 1);
	if (!wants_cookie(s, l))
		return PASS(calm);
	return answer_syn(ctx, s, p, o, l, listener, a);
}

/* The socket in state LISTEN is at hand: bring the listener's entry up to date, and decide. */
static __always_inline verdict syn_to_listener(struct xdp_md *ctx, const struct shield *s,
					       const struct packet *p, const struct options *o,
					       const struct synshield_local *local,
					       struct bpf_sock *listener, struct answer *a)
{
	struct synshield_listener *l = find_listener(p);
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(listener);
	verdict v;

	if (!tp)
		return PASS(table_full);
	if (!l)
		l = make_listener(p);
	if (!l)
		return PASS(table_full);
	if (is_fresh(s, l))
		read_half_open(tp, l);
	else
		read_listener(s, p, tp, local, l);
	l->full = accept_queue_is_full(&tp->inet_conn.icsk_inet.sk);
	if (l->mode == SYNSHIELD_MODE_OFF)
		return PASS(off);
	a->observe = l->mode == SYNSHIELD_MODE_OBSERVE;
	v = decide_syn(ctx, s, p, o, l, listener, a);
	if (action_of(v) == SYNSHIELD_PASS)
		track(s, p, SYNSHIELD_CONN_SYN_RECEIVED);
	else if (action_of(v) == SYNSHIELD_REPLY && !a->reset)
		note_cookie(s, l);
	return v;
}

/*
 * Mode observe let the kernel have a SYN that a cookie would have answered, and that
 * is repeated: the kernel would not know it.
 */
static __always_inline bool only_observed(const struct shield *s, const struct packet *p,
					  const struct synshield_conn *c, const struct bpf_sock *sk,
					  const struct answer *a)
{
	const struct synshield_listener *l = find_listener(p);

	return a->observe && !c && sk->state == TCP_NEW_SYN_RECV && l && wants_cookie(s, l);
}

/* The kernel holds the tuple already: TIME_WAIT, half-open or established. */
static __always_inline verdict syn_to_known(const struct shield *s, const struct packet *p,
					    struct synshield_conn *c, const struct bpf_sock *sk,
					    struct answer *a)
{
	if (only_observed(s, p, c, sk, a))
		return reply_is_due(s, p) ? REPLY(cookie) : DROP(reply_cap);
	if (!c) {
		track(s, p, SYNSHIELD_CONN_ESTABLISHED);
	} else if (!syn_allowed(s, c)) {
		return DROP(tuple_rate);
	} else if (c->state == SYNSHIELD_CONN_SYN_SENT) { /* simultaneous open */
		c->remote.syn = 1;
		c->remote_next = seq_end(p);
		report(p, SYNSHIELD_REMOTE, SYNSHIELD_EVENT_SEGMENT);
	} else {
		report(p, SYNSHIELD_REMOTE, SYNSHIELD_EVENT_SEGMENT);
	}
	return PASS(known_tuple);
}

/* Nobody on this host listens, as far as its sockets say. */
static __always_inline verdict syn_to_none(const struct shield *s, const struct packet *p)
{
	forget_listener(p);
	if (s->host->flags & SYNSHIELD_HOST_OTHER_LISTENERS)
		return PASS(closed_port);
	return REFUSE(SYNSHIELD_REASON_closed_port);
}

/*
 * With the kernel's socket: when the listener's entry is new or a second old,
 * when all is calm, when the kernel's own cookie is wanted, and when the tuple
 * may be one that the kernel holds.
 */
__noinline verdict syn_slowly(struct xdp_md *ctx, const struct packet *p, const struct options *o,
			      struct answer *a)
{
	const struct synshield_local *local;
	enum synshield_mode mode;
	enum synshield_list list;
	struct synshield_conn *c;
	struct bpf_sock *sk;
	verdict v;
	SHIELD_AGAIN(s, PASS(off));

	if (!p || !o || !a)
		return PASS(off);
	local = find_local(p->tuple.local);
	if (!local)
		return PASS(not_local);
	mode = port_mode(s, p->tuple.local_port);
	if (mode == SYNSHIELD_MODE_OFF)
		return PASS(off);
	a->observe = mode == SYNSHIELD_MODE_OBSERVE;
	list = list_of(s, p);
	if (unlikely(list))
		return list == SYNSHIELD_LIST_DENY ? DROP(denied) : PASS(allowed);
	c = find_conn_again(p);
	sk = find_socket(ctx, p);
	if (!sk)
		return syn_to_none(s, p);
	if (sk->state == TCP_LISTEN) {
		if (c)
			outdate(p, c);
		v = syn_to_listener(ctx, s, p, o, local, sk, a);
	} else {
		v = syn_to_known(s, p, c, sk, a);
	}
	bpf_sk_release(sk);
	return v;
}

/* Is the answer a cookie of ours, with no need to look at the kernel's sockets? */
static __always_inline bool syn_is_plain(const struct shield *s, const struct packet *p,
					 const struct options *o,
					 const struct synshield_listener *l, __u64 absent)
{
	return is_fresh(s, l) && l->mode != SYNSHIELD_MODE_OBSERVE && wants_cookie(s, l) &&
	       !l->flags && !l->full && !o->md5 && !o->ao && !mss_is_too_small(s, p, o, l) &&
	       !limits_sources(l) && !may_be_listed(s, p) && sockets_are_learned(s) &&
	       (absent || !find_conn(p));
}

static __always_inline verdict plain_syn(const struct shield *s, const struct packet *p,
					 const struct options *o, struct synshield_listener *l,
					 struct hot *h, struct answer *a)
{
	__u32 chance = 0;
	verdict v = own_cookie(s, p, o, l, h, a, &chance);

	count_syn(s, l, chance, 1);
	if (likely(action_of(v) == SYNSHIELD_REPLY)) {
		note_cookie(s, l);
		if (l->window_syns >= EXACT_SYNS)
			h->syn_jiffies = s->now;
	}
	return v;
}

/* Like many before it in this jiffy: nothing that the listener's entry says is needed. */
static __always_inline bool syn_is_hot(const struct shield *s, const struct packet *p,
				       const struct options *o, const struct hot *h, __u16 mss,
				       __u64 absent)
{
	return is_hot(s, p, h, h->syn_jiffies) && !o->md5 && !o->ao && mss >= least_mss(p) &&
	       (absent || !find_conn(p));
}

static __always_inline verdict hot_syn(const struct shield *s, const struct packet *p,
				       const struct options *o, const struct hot *h, __u16 mss,
				       struct answer *a)
{
	struct synshield_listener *l;
	__u32 chance = 0;
	verdict v = cookie_of(s, p, o, h, mss, a, &chance);

	if (unlikely(!(chance % SYNS_SAMPLE))) {
		l = find_listener(p);
		if (l)
			count_syn(s, l, chance, SYNS_SAMPLE);
	}
	return v;
}

static __always_inline verdict receive_syn(struct xdp_md *ctx, const struct shield *s,
					   const struct packet *p, const struct options *o,
					   __u64 absent, struct answer *a)
{
	struct hot *h = hot_slot(p);
	struct synshield_listener *l;
	__u16 mss;

	mss = h ? client_mss(p, o, h->user_mss) : 0;
	if (h && likely(syn_is_hot(s, p, o, h, mss, absent)))
		return hot_syn(s, p, o, h, mss, a);
	l = find_listener(p);
	if (l && is_fresh(s, l) && l->mode == SYNSHIELD_MODE_OFF)
		return PASS(off);
	if (unlikely(!h || !l || !syn_is_plain(s, p, o, l, absent)))
		return syn_slowly(ctx, p, o, a);
	return plain_syn(s, p, o, l, h, a);
}

#endif
