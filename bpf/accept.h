/* SPDX-License-Identifier: GPL-2.0-only */
/* TC ingress: hands a proven handshake to the kernel's listener. */
#ifndef ACCEPT_H
#define ACCEPT_H

#include "conns.h"
#include "listener.h"
#include "meta.h"

/* The kernel's bpf_tcp_req_attrs, whose layout is fixed; kernels before 6.9 have none to relocate
 * to. */
struct reqsk_attrs {
	__u32 rcv_tsval, rcv_tsecr;
	__u16 mss;
	__u8 rcv_wscale, snd_wscale;
	__u8 ecn_ok, wscale_ok, sack_ok, tstamp_ok;
	__u8 usec_ts_ok;
	__u8 reserved[3];
};

extern int bpf_sk_assign_tcp_reqsk(struct __sk_buff *skb, struct sock *sk,
				   struct reqsk_attrs *attrs, int attrs__sz) __ksym __weak;

/*
 * The time that a batch of received packets takes at most from TC to TCP is
 * 1/BATCHES_PER_SECOND s.  A sender waits far longer than that before it repeats.
 */
#define BATCHES_PER_SECOND 50
/*
 * Two segments of one batch pass TC this shortly after each other.  An application that
 * accepts at once leaves no trace in the queue of what was handed over, so that what
 * came before a longer gap has to count as arrived.
 */
#define BATCH_GAP_US 30

/*
 * How many connections the listener's accept queue holds, with those that were
 * handed over in this batch: TCP puts them there only after all of it has passed
 * TC, and would drop those that it finds no room for.
 */
static __always_inline __u32 queue_to_come(const struct sock *sk, struct synshield_listener *l)
{
	__u32 queued = sk->sk_ack_backlog, arrived = queued - l->accept_queue;
	__u32 now = bpf_ktime_get_ns() >> 10;

	if (now - l->handed_us > BATCH_GAP_US)
		l->handed = 0;
	else if ((__s32)arrived > 0)
		l->handed -= arrived < l->handed ? arrived : l->handed;
	l->handed_us = now;
	l->accept_queue = queued;
	return queued + l->handed;
}

/* Is there room for one more?  Takes it, too. */
static __always_inline bool take_room(const struct sock *sk, struct synshield_listener *l)
{
	__u32 max = sk->sk_max_ack_backlog, queue;

	if (!l)
		return sk->sk_ack_backlog <= max;
	queue = queue_to_come(sk, l);
	if (queue >= max)
		l->full = 1;
	if (queue > max)
		return false;
	l->handed++;
	return true;
}

/* The window scale that the SYN-ACK announced. */
static __always_inline __u8 announced_wscale(const struct shield *s,
					     const struct synshield_listener *l,
					     struct tcp_sock *tp)
{
	struct synshield_listener fresh = {};

	if (l && l->generation)
		return l->wscale;
	read_window(s, tp, &fresh);
	return fresh.wscale;
}

/*
 * The kernel function goes by skb->protocol.  Behind one VLAN tag, which is beside the
 * packet by now, that is IP; behind two it is the second tag's, which has to go for
 * the moment.  0 or negative; the tags are as they were, or -EINTR.
 */
static __always_inline int assign_untagged(struct __sk_buff *skb, struct sock *sk,
					   struct reqsk_attrs *attrs)
{
	__u32 proto = skb->vlan_proto, tci = skb->vlan_tci;
	bool tagged =
		skb->protocol == bpf_htons(ETH_P_8021Q) || skb->protocol == bpf_htons(ETH_P_8021AD);
	int err;

	if (tagged && bpf_skb_vlan_pop(skb))
		return -EINVAL;
	err = bpf_sk_assign_tcp_reqsk(skb, sk, attrs, sizeof(*attrs));
	if (tagged && bpf_skb_vlan_push(skb, proto, tci))
		return -EINTR;
	return err;
}

static __always_inline verdict assign(struct __sk_buff *skb, const struct shield *s,
				      const struct handshake *h, __u32 tsecr, struct tcp_sock *tp,
				      struct synshield_listener *l)
{
	struct reqsk_attrs attrs = {
		.rcv_tsval = h->tsval,
		.rcv_tsecr = tsecr,
		.mss = h->mss,
		.ecn_ok = h->ecn,
		.sack_ok = h->sack,
		.tstamp_ok = h->timestamp,
	};
	int err;

	if (h->wscale != WSCALE_NONE) {
		attrs.wscale_ok = 1;
		attrs.snd_wscale = h->wscale;
		attrs.rcv_wscale = announced_wscale(s, l, tp);
	}
	err = bpf_sk_assign_tcp_reqsk ? assign_untagged(skb, (struct sock *)tp, &attrs) : -EINVAL;
	if (err == -EINTR)
		return DROP(accept_failed);
	return err ? PASS(accept_failed) : PASS(accepted);
}

static __always_inline bool read_cookie_again(struct __sk_buff *skb, const struct shield *s,
					      const struct packet *p, struct handshake *h,
					      __u32 *tsecr)
{
	struct option_bytes bytes = {};
	__u32 len = options_len(p);
	struct options o = {};

	if (len > TCP_OPTIONS_MAX || (p->flags & (TCP_ACK | TCP_SYN | TCP_RST)) != TCP_ACK)
		return false;
	if (len && bpf_skb_load_bytes(skb, p->l4 + TCP_HEADER_MIN, &bytes, load_len(len)))
		return false;
	bytes.len = len;
	parse_options_bytewise(&bytes, &o);
	*tsecr = o.tsecr;
	return cookie_check(p, &o, s->keys, NULL, h);
}

/*
 * A segment of a proven connection, and the kernel has no socket for it yet.
 * Either its first: hand it over.  Or one that came in the same batch, whose
 * socket will exist by the time that TCP sees it: handing that over too would
 * lose it.  Or the first was lost on the way (accept queue full, no memory):
 * then it must prove itself anew, and what cannot is dropped until its sender
 * repeats the one that can.
 */
static __always_inline verdict accept_proven(struct __sk_buff *skb, const struct shield *s,
					     const struct packet *p, enum meta_kind kind,
					     struct handshake *h, __u32 tsecr,
					     struct bpf_sock *listener, struct synshield_conn *c)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(listener);
	struct synshield_listener *l = find_listener(p);
	verdict v;

	if (!tp)
		return PASS(accept_failed);
	if (c && c->handed_jiffies &&
	    (__u32)s->now - c->handed_jiffies <= s->host->hz / BATCHES_PER_SECOND)
		return PASS(tracked);
	if (kind != META_PROVEN && !read_cookie_again(skb, s, p, h, &tsecr))
		return DROP(bad_cookie);
	if (!take_room((struct sock *)tp, l))
		return DROP(backlog_full);
	v = assign(skb, s, h, tsecr, tp, l);
	if (c && v == PASS(accepted))
		c->handed_jiffies = (__u32)s->now ?: 1;
	return v;
}

static __always_inline verdict receive_proven(struct __sk_buff *skb, const struct shield *s,
					      const struct packet *p, enum meta_kind kind,
					      struct handshake *h, __u32 tsecr)
{
	struct synshield_conn *c = find_conn(p);
	struct bpf_sock *sk;
	verdict v = PASS(tracked);

	/* its entry may have been evicted since XDP made it */
	if (c ? c->state != SYNSHIELD_CONN_PROVEN : kind != META_PROVEN)
		return v;
	sk = find_socket(skb, p);
	if (!sk) {
		forget(p);
		return v;
	}
	if (sk->state == TCP_LISTEN)
		v = accept_proven(skb, s, p, kind, h, tsecr, sk, c);
	else if (c)
		establish(c);
	bpf_sk_release(sk);
	return v;
}

#endif
