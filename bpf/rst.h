/* SPDX-License-Identifier: GPL-2.0-only */
/* Would the kernel heed, or challenge, a RST?  (RFC 5961 section 3) */
#ifndef RST_H
#define RST_H

#include "conns.h"
#include "conntrack.h"

#define FIRST_WINDOW_MAX 0x10000

enum rst_effect {
	RST_NONE,   /* the kernel ignores it */
	RST_MAYBE,  /* it challenges it, or it is not for us to tell */
	RST_CLOSES, /* it is exact */
};

static __always_inline enum rst_effect rst_in_window(__u32 seq, __u32 first, __u32 next, __u32 end)
{
	if (seq == next)
		return RST_CLOSES;
	return seq - first <= end - first ? RST_MAYBE : RST_NONE;
}

static __always_inline bool rst_answers(__u32 ack, __u32 una, __u32 next)
{
	return ack - una - 1 < next - una;
}

/* `ack`: SEG.ACK; meaningful only if the RST has it. */
static __always_inline enum rst_effect rst_to_socket(const struct packet *p, struct bpf_sock *sk)
{
	struct tcp_timewait_sock *tw;
	struct tcp_request_sock *req;
	struct tcp_sock *tp;

	tp = bpf_skc_to_tcp_sock(sk);
	if (tp && sk->state == TCP_SYN_SENT)
		/* snd_nxt moves only after the SYN was sent, and may be behind its answer */
		return p->flags & TCP_ACK && rst_answers(p->ack, tp->snd_una, tp->write_seq)
			       ? RST_CLOSES
			       : RST_NONE;
	if (tp) {
		__u32 first = tp->rcv_nxt - 1; /* a FIN that was received counts as not yet */

		if ((__s32)(tp->rcv_wup - first) < 0)
			first = tp->rcv_wup;
		return rst_in_window(p->seq, first, tp->rcv_nxt, tp->rcv_nxt + tp->rcv_wnd);
	}
	req = bpf_skc_to_tcp_request_sock(sk);
	if (req)
		return rst_in_window(p->seq, req->rcv_nxt, req->rcv_nxt,
				     req->rcv_nxt + req->req.req.__req_common.skc_rcv_wnd);
	tw = bpf_skc_to_tcp_timewait_sock(sk);
	if (tw) {
		__u32 next = tw->tw_sk.__tw_common.skc_tw_rcv_nxt;

		return rst_in_window(p->seq, next - 1, next, next + tw->tw_rcv_wnd);
	}
	return RST_MAYBE;
}

/*
 * There is no socket, or only the listener: the connection is on its way from the
 * cookie to one, or is netfilter's, or of a program that speaks TCP by itself.
 */
static __always_inline enum rst_effect rst_to_none(struct xdp_md *ctx, const struct shield *s,
						   const struct packet *p,
						   const struct synshield_conn *c)
{
	if (s->host->flags & SYNSHIELD_HOST_OTHER_CONNS || is_conntracked(ctx, s, p))
		return RST_MAYBE;
	if (c->state == SYNSHIELD_CONN_PROVEN && p->seq - c->remote_next < FIRST_WINDOW_MAX)
		return RST_CLOSES;
	return p->flags & TCP_ACK && c->local_next && p->ack == c->local_next ? RST_CLOSES
									      : RST_NONE;
}

static __always_inline enum rst_effect rst_effect(struct xdp_md *ctx, const struct shield *s,
						  const struct packet *p,
						  const struct synshield_conn *c)
{
	struct bpf_sock *sk = find_socket(ctx, p);
	enum rst_effect effect;

	if (!sk)
		return rst_to_none(ctx, s, p, c);
	if (sk->state == TCP_LISTEN)
		effect = rst_to_none(ctx, s, p, c);
	else
		effect = rst_to_socket(p, sk);
	bpf_sk_release(sk);
	/* TCP may not have got yet what came before it in this batch */
	return effect == RST_MAYBE && p->seq == c->remote_next ? RST_CLOSES : effect;
}

#endif
