/* SPDX-License-Identifier: GPL-2.0-only */
/* A segment other than a SYN arrives: the ACK, data, FIN and RST rows of the packet table. */
#ifndef SEGMENT_H
#define SEGMENT_H

#include "kernel_cookie.h"
#include "meta.h"
#include "conns.h"

/* Is what belongs to nothing dropped, rather than left to the kernel? */
static __always_inline bool is_hot(const struct shield *s, const struct packet *p,
				   const struct synshield_listener *l)
{
	return mode_of(s, l, p->tuple.local_port) == SYNSHIELD_MODE_ALWAYS || under_attack(s, l);
}

/*
 * No cookie of ours, not tracked: what do the kernel's sockets say?  It may also have
 * sent cookies of its own, before the shield was there or switched on.
 */
static __noinline verdict ask_kernel(struct xdp_md *ctx, const struct shield *s,
				     const struct packet *p, struct synshield_listener *l)
{
	struct bpf_sock *sk = find_socket(ctx, p);
	verdict v = PASS(no_connection);

	if (is_hot(s, p, l))
		v = p->flags & TCP_RST ? DROP(unknown_rst) : DROP(bad_cookie);
	if (!sk)
		return v;
	if (sk->state != TCP_LISTEN) {
		track(s, p, SYNSHIELD_CONN_ESTABLISHED);
		v = PASS(adopted);
	} else if ((p->flags & (TCP_ACK | TCP_SYN | TCP_RST)) == TCP_ACK &&
		   kernel_cookie_check(ctx, p, sk)) {
		__sync_fetch_and_add(&l->window_acks, 1);
		v = PASS(kernel_cookie_ok);
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
	return l->cookie_sent_jiffies &&
	       (mode != SYNSHIELD_MODE_OFF ||
		s->now - l->cookie_sent_jiffies < 2ULL * s->settings->epoch * s->host->hz);
}

static __always_inline bool may_bear_cookie(const struct packet *p,
					    const struct synshield_listener *l)
{
	return !(l->flags & SYNSHIELD_LISTENER_KERNEL_COOKIE) &&
	       (p->flags & (TCP_ACK | TCP_SYN | TCP_RST)) == TCP_ACK;
}

static __always_inline verdict receive_untracked(struct xdp_md *ctx, const struct shield *s,
						 const struct packet *p, bool *observe)
{
	struct synshield_listener *l = find_listener(p);
	enum synshield_mode mode;
	struct handshake h;
	struct options o;

	if (!l || l->generation == 0)
		return PASS(no_listener);
	mode = mode_of(s, l, p->tuple.local_port);
	*observe = mode == SYNSHIELD_MODE_OBSERVE;
	if (cookies_are_out(s, l, mode) && may_bear_cookie(p, l)) {
		if (!parse_options(ctx, p->l4 + TCP_HEADER_MIN, options_len(p), &o) &&
		    cookie_check(p, &o, s->keys, &h)) {
			track(s, p, SYNSHIELD_CONN_PROVEN);
			__sync_fetch_and_add(&l->window_acks, 1);
			meta_write(ctx, META_PROVEN, &h, o.tsecr);
			return PASS(cookie_ok);
		}
	}
	if (mode == SYNSHIELD_MODE_OFF)
		return PASS(off);
	return ask_kernel(ctx, s, p, l);
}

static __always_inline verdict receive_segment(struct xdp_md *ctx, const struct shield *s,
					       const struct packet *p, bool *observe)
{
	struct synshield_conn *c = find_conn(p);

	if (unlikely(!c))
		return receive_untracked(ctx, s, p, observe);
	seen(s, c);
	if (unlikely(c->state == SYNSHIELD_CONN_PROVEN))
		meta_write(ctx, META_UNCONFIRMED, NULL, 0);
	return PASS(tracked);
}

#endif
