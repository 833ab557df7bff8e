/* SPDX-License-Identifier: GPL-2.0-only */
/* A SYN arrives: the SYN rows of the packet table. */
#ifndef SYN_H
#define SYN_H

#include "conns.h"
#include "kernel_cookie.h"
#include "reply.h"

/* What goes with the verdict. */
struct answer {
	bool observe; /* only count it: the port is in mode observe */
	/* if it is REPLY: */
	struct handshake handshake;
	struct cookie cookie;
	__u16 window, mss;
	__u8 wscale;
};

static __always_inline bool ecn_is_asked_for(const struct shield *s, const struct packet *p)
{
	return s->host->flags & SYNSHIELD_HOST_ECN && !p->ect &&
	       (p->flags & (TCP_ECE | TCP_CWR)) == (TCP_ECE | TCP_CWR);
}

static __always_inline __u16 least_mss(const struct packet *p)
{
	return p->ipv6 ? MSS_MIN_IPV6 : MSS_MIN_IPV4;
}

static __always_inline __u16 client_mss(const struct packet *p, const struct options *o,
					const struct synshield_listener *l)
{
	__u16 mss = o->mss ?: least_mss(p);

	return l->user_mss && mss > l->user_mss ? l->user_mss : mss;
}

/*
 * The kernel takes over no connection with less (bpf_sk_assign_tcp_reqsk()).  While
 * there is no attack it may do such handshakes itself; in one, the MSS is raised.
 */
static __always_inline bool mss_is_too_small(const struct shield *s, const struct packet *p,
					     const struct options *o,
					     const struct synshield_listener *l)
{
	return unlikely(client_mss(p, o, l) < least_mss(p)) && !under_attack(s, l);
}

/* What this kernel would agree to, given its settings and the client's SYN. */
static __always_inline void agree(const struct shield *s, const struct packet *p,
				  const struct options *o, const struct synshield_listener *l,
				  struct handshake *h)
{
	h->mss = client_mss(p, o, l);
	if (h->mss < least_mss(p))
		h->mss = least_mss(p);
	if (h->mss > COOKIE_MSS_MASK)
		h->mss = COOKIE_MSS_MASK;
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

/* `chance`: bits that nobody outside can foresee. */
static __always_inline verdict own_cookie(const struct shield *s, const struct packet *p,
					  const struct options *o,
					  const struct synshield_listener *l, struct answer *a,
					  __u32 *chance)
{
	if (!s->keys->epoch)
		return PASS(no_key);
	agree(s, p, o, l, &a->handshake);
	*chance = cookie_make(p, &a->handshake, s->keys, &a->cookie);
	if (!a->handshake.timestamp && !wscale_index(a->handshake.wscale))
		a->handshake.wscale = WSCALE_NONE;
	a->window = l->window[a->handshake.timestamp];
	a->mss = l->mss;
	a->wscale = l->wscale;
	return REPLY(cookie);
}

static __always_inline verdict kernel_cookie(struct xdp_md *ctx, const struct packet *p,
					     const struct synshield_listener *l,
					     struct bpf_sock *listener, struct answer *a)
{
	__s64 isn = kernel_cookie_make(ctx, p, listener);

	if (isn < 0)
		return PASS(cookie_not_due);
	a->handshake.wscale = WSCALE_NONE;
	a->cookie.isn = isn;
	a->window = l->window[0];
	a->mss = l->mss;
	return REPLY(kernel_cookie);
}

static __always_inline bool wants_cookie(const struct shield *s, const struct synshield_listener *l)
{
	return l->mode == SYNSHIELD_MODE_ALWAYS || under_attack(s, l);
}

/* Whatever else holds, a cookie is out now, and ACKs that bring one back will come. */
static __always_inline void note_cookie(const struct shield *s, struct synshield_listener *l)
{
	if (l->cookie_sent_jiffies != s->now)
		l->cookie_sent_jiffies = s->now;
}

static __always_inline verdict decide_syn(struct xdp_md *ctx, const struct shield *s,
					  const struct packet *p, const struct options *o,
					  struct synshield_listener *l, struct bpf_sock *listener,
					  struct answer *a)
{
	__u32 chance;

	if (l->mode == SYNSHIELD_MODE_OFF)
		return PASS(off);
	a->observe = l->mode == SYNSHIELD_MODE_OBSERVE;
	if (l->flags & SYNSHIELD_LISTENER_VLAN && !p->vlan_tags)
		return PASS(vlan_offload);
	count_syn(s, l, bpf_get_prandom_u32());
	if (!wants_cookie(s, l)) {
		track(s, p, SYNSHIELD_CONN_SYN_RECEIVED);
		return PASS(calm);
	}
	if (signature_is_unexpected(o))
		return l->flags & SYNSHIELD_LISTENER_KEYED ? PASS(signed_syn)
							   : DROP(unsigned_listener);
	if (mss_is_too_small(s, p, o, l)) {
		track(s, p, SYNSHIELD_CONN_SYN_RECEIVED);
		return PASS(small_mss);
	}
	if (l->full)
		return DROP(backlog_full);
	if (l->flags & SYNSHIELD_LISTENER_KERNEL_COOKIE)
		return kernel_cookie(ctx, p, l, listener, a);
	return own_cookie(s, p, o, l, a, &chance);
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
		return PASS(no_listener);
	if (!l)
		l = make_listener(p);
	if (!l)
		return PASS(table_full);
	if (is_fresh(s, l))
		read_half_open(tp, l);
	else
		read_listener(s, p, tp, local, l);
	l->full = accept_queue_is_full(&tp->inet_conn.icsk_inet.sk);
	v = decide_syn(ctx, s, p, o, l, listener, a);
	if (action_of(v) == SYNSHIELD_REPLY)
		note_cookie(s, l);
	return v;
}

/* The kernel holds the tuple already: TIME_WAIT, half-open or established. */
static __always_inline verdict syn_to_known(const struct shield *s, const struct packet *p,
					    struct synshield_conn *c, struct answer *a)
{
	enum synshield_mode mode = port_mode(s, p->tuple.local_port);

	if (mode == SYNSHIELD_MODE_OFF)
		return PASS(off);
	a->observe = mode == SYNSHIELD_MODE_OBSERVE;
	if (!c)
		track(s, p, SYNSHIELD_CONN_ESTABLISHED);
	else if (!syn_allowed(s, c))
		return DROP(tuple_rate);
	return PASS(known_tuple);
}

/*
 * With the kernel's socket: when the listener's entry is new or a second old,
 * when all is calm, when the kernel's own cookie is wanted, and when the tuple
 * may be one that the kernel holds.
 */
static __noinline verdict syn_slowly(struct xdp_md *ctx, const struct shield *s,
				     const struct packet *p, const struct options *o,
				     struct answer *a)
{
	const struct synshield_local *local = find_local(p->tuple.local);
	struct synshield_conn *c = find_conn(p);
	struct bpf_sock *sk;
	verdict v;

	if (!local)
		return PASS(not_local);
	sk = find_socket(ctx, p);
	if (!sk) {
		forget_listener(p);
		return PASS(no_listener);
	}
	if (sk->state == TCP_LISTEN) {
		if (c)
			outdate(p, c);
		v = syn_to_listener(ctx, s, p, o, local, sk, a);
	} else {
		v = syn_to_known(s, p, c, a);
	}
	bpf_sk_release(sk);
	return v;
}

/* Is the answer a cookie of ours, with no need to look at the kernel's sockets? */
static __always_inline bool syn_is_plain(const struct shield *s, const struct packet *p,
					 const struct options *o,
					 const struct synshield_listener *l)
{
	return is_fresh(s, l) && wants_cookie(s, l) && !l->flags && !l->full && !o->md5 && !o->ao &&
	       !mss_is_too_small(s, p, o, l) && sockets_are_learned(s) && !find_conn(p);
}

static __always_inline verdict receive_syn(struct xdp_md *ctx, const struct shield *s,
					   const struct packet *p, const struct options *o,
					   struct answer *a)
{
	struct synshield_listener *l = find_listener(p);
	verdict v;
	__u32 chance = 0;

	if (l && is_fresh(s, l) && l->mode == SYNSHIELD_MODE_OFF)
		return PASS(off);
	if (unlikely(!l || !syn_is_plain(s, p, o, l)))
		return syn_slowly(ctx, s, p, o, a);
	a->observe = l->mode == SYNSHIELD_MODE_OBSERVE;
	v = own_cookie(s, p, o, l, a, &chance);
	count_syn(s, l, chance);
	note_cookie(s, l);
	return v;
}

static __always_inline int send_answer(struct xdp_md *ctx, const struct shield *s,
				       const struct packet *p, const struct answer *a)
{
	struct synack r = {
		.isn = a->cookie.isn,
		.window = a->window,
		.flags = TCP_SYN | TCP_ACK | (a->handshake.ecn ? TCP_ECE : 0),
		.hops = p->ipv6 ? s->host->hop_limit : s->host->ttl,
	};

	write_options(&r, a->mss, a->wscale, &a->handshake, a->cookie.tsval);
	return send_synack(ctx, p, &r);
}

#endif
