/* SPDX-License-Identifier: GPL-2.0-only */
/* What goes with a verdict, and how a REPLY is sent. */
#ifndef ANSWER_H
#define ANSWER_H

#include "reply.h"

struct answer {
	bool observe; /* only count it: the port is in mode observe */
	bool doubt;   /* what is refused may be ahead of its cookie */
	bool reset;   /* REPLY is a RST; else a SYN-ACK, of which: */
	struct handshake handshake;
	struct cookie cookie;
	__u16 window, mss;
	__u8 wscale;
	__u8 hops;
};

static __always_inline void write_synack(struct reply *r, const struct packet *p,
					 const struct answer *a)
{
	r->seq = a->cookie.isn;
	r->ack = p->seq + 1;
	r->window = a->window;
	r->flags = TCP_SYN | TCP_ACK | (a->handshake.ecn ? TCP_ECE : 0);
	write_options(r, a->mss, a->wscale, &a->handshake, a->cookie.tsval);
}

/* RFC 9293 section 3.10.7.1 */
static __always_inline void write_reset(struct reply *r, const struct packet *p)
{
	if (p->flags & TCP_ACK) {
		r->seq = p->ack;
		r->flags = TCP_RST;
	} else {
		r->ack = seq_end(p);
		r->flags = TCP_RST | TCP_ACK;
	}
}

/*
 * Without the MSS, which every SYN-ACK bears though not every SYN does, the answer is
 * never longer than what it answers.  It is for packets that cannot grow; those who
 * mean what they send say their MSS.
 */
static __always_inline void leave_out_mss(struct reply *r)
{
#pragma unroll
	for (int i = 1; i < REPLY_OPTION_WORDS_MAX; i++)
		r->option[i - 1] = r->option[i];
	r->option[REPLY_OPTION_WORDS_MAX - 1] = 0;
	r->option_words--;
}

/* 0, or negative if the packet could not be turned; it is then as it was. */
__noinline int turn_into_answer(struct xdp_md *ctx, const struct packet *p, const struct answer *a)
{
	struct reply r = {};

	if (!p || !a)
		return -1;
	r.hops = a->hops;
	if (a->reset)
		write_reset(&r, p);
	else
		write_synack(&r, p, a);
	if (unlikely(fit_reply(ctx, p, &r))) {
		if (a->reset)
			return -1;
		leave_out_mss(&r);
		if (fit_reply(ctx, p, &r))
			return -1;
	}
	return write_reply(ctx, p, &r);
}

static __always_inline int send_answer(struct xdp_md *ctx, const struct shield *s,
				       const struct packet *p, struct answer *a)
{
	a->hops = p->ipv6 ? s->host->hop_limit : s->host->ttl;
	return turn_into_answer(ctx, p, a);
}

#endif
