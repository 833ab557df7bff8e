/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One end of a connection as RFC 9293 section 3.10 has it, with the challenge ACKs of
 * RFC 5961 and a zero-copy network of segments without data in them, only lengths.
 * What it sends it puts into its outbox.  Written from the RFCs, for tests.
 */
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include <netinet/tcp.h>

#include "fsm.h"

#define WINDOW 65535u
#define BOX_MAX 64

struct box {
	struct fsm_segment at[BOX_MAX];
	int count;
};

struct endpoint {
	enum fsm_end me;
	enum synshield_tcp_state state;
	bool listens; /* after CLOSED it is in LISTEN */
	bool hasty;   /* may close in SYN_RECEIVED */
	bool passive; /* came from LISTEN */
	bool ack_due; /* a delayed ACK */
	bool fin_sent;
	bool fin_first; /* it was sent from ESTABLISHED or SYN_RECEIVED */
	__u32 iss, una, nxt, rcv;
	__u32 fin_seq;
	struct box out;
};

static inline void box_add(struct box *b, const struct fsm_segment *s)
{
	if (b->count < BOX_MAX)
		b->at[b->count++] = *s;
}

static inline struct fsm_segment box_take(struct box *b, int i)
{
	struct fsm_segment s = b->at[i];

	b->count--;
	for (; i < b->count; i++)
		b->at[i] = b->at[i + 1];
	return s;
}

static inline void ep_send(struct endpoint *e, __u8 flags, __u32 seq, __u32 ack, __u32 len)
{
	struct fsm_segment s = {e->me, flags, seq, ack, len};

	if (flags & TH_ACK && !(flags & TH_RST))
		e->ack_due = false;
	box_add(&e->out, &s);
}

static inline void ep_ack(struct endpoint *e)
{
	ep_send(e, TH_ACK, e->nxt, e->rcv, 0);
}

static inline enum synshield_tcp_state ep_rest(const struct endpoint *e)
{
	return e->listens ? SYNSHIELD_TCP_LISTEN : SYNSHIELD_TCP_CLOSED;
}

static inline void ep_open(struct endpoint *e, enum synshield_tcp_state state, __u32 iss)
{
	e->state = state;
	e->iss = e->una = iss;
	e->nxt = iss + 1;
	e->ack_due = e->fin_sent = e->fin_first = false;
	e->passive = state == SYNSHIELD_TCP_SYN_RECEIVED;
}

/* --- what the application does --- */

static inline void ep_connect(struct endpoint *e, __u32 iss)
{
	ep_open(e, SYNSHIELD_TCP_SYN_SENT, iss);
	ep_send(e, TH_SYN, iss, 0, 0);
}

static inline bool ep_may_send(const struct endpoint *e)
{
	return e->state == SYNSHIELD_TCP_ESTABLISHED || e->state == SYNSHIELD_TCP_CLOSE_WAIT;
}

static inline void ep_data(struct endpoint *e, __u32 len)
{
	if (!ep_may_send(e) || e->nxt - e->una > WINDOW / 2)
		return;
	ep_send(e, TH_ACK, e->nxt, e->rcv, len);
	e->nxt += len;
}

static inline void ep_close(struct endpoint *e)
{
	bool wait = e->state == SYNSHIELD_TCP_CLOSE_WAIT;

	if (!wait && e->state != SYNSHIELD_TCP_ESTABLISHED &&
	    !(e->hasty && e->state == SYNSHIELD_TCP_SYN_RECEIVED))
		return;
	e->fin_sent = true;
	e->fin_first = !wait;
	e->fin_seq = e->nxt;
	ep_send(e, TH_FIN | TH_ACK, e->nxt++, e->rcv, 0);
	e->state = wait ? SYNSHIELD_TCP_LAST_ACK : SYNSHIELD_TCP_FIN_WAIT_1;
}

static inline void ep_abort(struct endpoint *e)
{
	if (e->state < SYNSHIELD_TCP_SYN_RECEIVED || e->state == SYNSHIELD_TCP_TIME_WAIT)
		return;
	ep_send(e, TH_RST, e->nxt, 0, 0);
	e->state = ep_rest(e);
}

/* --- its timers --- */

static inline bool ep_is_quiet(const struct endpoint *e)
{
	bool open = e->state > SYNSHIELD_TCP_LISTEN && e->state != SYNSHIELD_TCP_TIME_WAIT;

	return !e->out.count && !e->ack_due && !(open && e->una != e->nxt);
}

/* The retransmission timer: the oldest that is not acknowledged, with today's ACK. */
static inline void ep_resend(struct endpoint *e)
{
	__u32 end = e->fin_sent ? e->fin_seq : e->nxt, len = end - e->una;

	if (e->state == SYNSHIELD_TCP_SYN_SENT)
		ep_send(e, TH_SYN, e->iss, 0, 0);
	else if (e->state < SYNSHIELD_TCP_SYN_RECEIVED || e->una == e->nxt)
		return;
	else if (e->una == e->iss && e->rcv)
		ep_send(e, TH_SYN | TH_ACK, e->iss, e->rcv, 0);
	else if (len)
		ep_send(e, TH_ACK, e->una, e->rcv, len);
	else
		ep_send(e, TH_FIN | TH_ACK, e->fin_seq, e->rcv, 0);
}

/* --- 3.10.7: SEGMENT ARRIVES --- */

static inline void ep_refuse(struct endpoint *e, const struct fsm_segment *s)
{
	__u32 end = s->seq + s->len + !!(s->flags & TH_SYN) + !!(s->flags & TH_FIN);

	if (s->flags & TH_RST)
		return;
	if (s->flags & TH_ACK)
		ep_send(e, TH_RST, s->ack, 0, 0);
	else
		ep_send(e, TH_RST | TH_ACK, 0, end, 0);
}

static inline void ep_in_listen(struct endpoint *e, const struct fsm_segment *s, __u32 iss)
{
	if (s->flags & TH_RST)
		return;
	if (s->flags & TH_ACK) {
		ep_refuse(e, s);
	} else if (s->flags & TH_SYN) {
		ep_open(e, SYNSHIELD_TCP_SYN_RECEIVED, iss);
		e->rcv = s->seq + 1;
		ep_send(e, TH_SYN | TH_ACK, iss, e->rcv, 0);
	}
}

static inline void ep_in_syn_sent(struct endpoint *e, const struct fsm_segment *s)
{
	bool acks = s->flags & TH_ACK && s->ack == e->nxt;

	if (s->flags & TH_ACK && !acks) {
		ep_refuse(e, s);
	} else if (s->flags & TH_RST) {
		if (acks)
			e->state = ep_rest(e);
	} else if (s->flags & TH_SYN) {
		e->rcv = s->seq + 1;
		if (acks) {
			e->una = s->ack;
			e->state = SYNSHIELD_TCP_ESTABLISHED;
			e->ack_due = true;
		} else {
			e->state = SYNSHIELD_TCP_SYN_RECEIVED;
			ep_send(e, TH_SYN | TH_ACK, e->iss, e->rcv, 0);
		}
	}
}

static inline bool ep_acceptable(const struct endpoint *e, const struct fsm_segment *s)
{
	__u32 len = s->len + !!(s->flags & TH_SYN) + !!(s->flags & TH_FIN);

	return s->seq - e->rcv < WINDOW || (len && s->seq + len - 1 - e->rcv < WINDOW);
}

static inline void ep_reset(struct endpoint *e, const struct fsm_segment *s)
{
	if (s->seq != e->rcv)
		ep_ack(e);
	else
		e->state = e->state == SYNSHIELD_TCP_SYN_RECEIVED && e->passive
				   ? SYNSHIELD_TCP_LISTEN
				   : ep_rest(e);
}

/* The ACK field; false: the segment goes no further. */
static inline bool ep_take_ack(struct endpoint *e, const struct fsm_segment *s)
{
	bool fin_acked = e->fin_sent && s->ack == e->fin_seq + 1;

	/* also if it has closed since: two ends that disagree would never find out else */
	if (e->una == e->iss && s->ack - e->una - 1 >= e->nxt - e->una) {
		ep_refuse(e, s);
		return false;
	}
	if (e->state == SYNSHIELD_TCP_SYN_RECEIVED)
		e->state = SYNSHIELD_TCP_ESTABLISHED;
	if (s->ack - e->una > e->nxt - e->una) {
		if ((__s32)(s->ack - e->nxt) > 0) {
			ep_ack(e);
			return false;
		}
	} else {
		e->una = s->ack;
	}
	if (fin_acked && e->state == SYNSHIELD_TCP_FIN_WAIT_1)
		e->state = SYNSHIELD_TCP_FIN_WAIT_2;
	else if (fin_acked && e->state == SYNSHIELD_TCP_CLOSING)
		e->state = SYNSHIELD_TCP_TIME_WAIT;
	else if (fin_acked && e->state == SYNSHIELD_TCP_LAST_ACK)
		e->state = ep_rest(e);
	return e->state != ep_rest(e);
}

static inline void ep_take_fin(struct endpoint *e)
{
	switch (e->state) {
	case SYNSHIELD_TCP_ESTABLISHED:
		e->state = SYNSHIELD_TCP_CLOSE_WAIT;
		break;
	case SYNSHIELD_TCP_FIN_WAIT_1:
		e->state = SYNSHIELD_TCP_CLOSING;
		break;
	case SYNSHIELD_TCP_FIN_WAIT_2:
		e->state = SYNSHIELD_TCP_TIME_WAIT;
		break;
	default:
		return;
	}
	e->rcv++;
	e->ack_due = true;
}

/* Data and FIN, if nothing is missing before them; what comes too early is not kept. */
static inline void ep_take_text(struct endpoint *e, const struct fsm_segment *s)
{
	__u32 end = s->seq + s->len;

	if (s->len && (__s32)(end - e->rcv) >= 0 && (__s32)(s->seq - e->rcv) <= 0 &&
	    e->state <= SYNSHIELD_TCP_FIN_WAIT_2) {
		e->rcv = end;
		e->ack_due = true;
	}
	if (s->flags & TH_FIN && end == e->rcv)
		ep_take_fin(e);
	else if ((s->len || s->flags & TH_FIN) && (__s32)(s->seq - e->rcv) > 0)
		ep_ack(e);
}

static inline void ep_in_synchronized(struct endpoint *e, const struct fsm_segment *s, __u32 iss)
{
	struct fsm_segment t = *s;

	if (e->state == SYNSHIELD_TCP_SYN_RECEIVED && !e->passive &&
	    (s->flags & (TH_SYN | TH_ACK)) == (TH_SYN | TH_ACK) && s->seq + 1 == e->rcv) {
		t.flags &= ~TH_SYN; /* figure 8: it counts for its ACK */
		t.seq++;
	}
	/* 3.6.1: MAY accept a new SYN, here by its sequence number */
	if (e->state == SYNSHIELD_TCP_TIME_WAIT && e->listens && t.flags == TH_SYN &&
	    (__s32)(t.seq - e->rcv) > 0) {
		ep_in_listen(e, &t, iss);
		return;
	}
	if (!ep_acceptable(e, &t)) {
		if (!(t.flags & TH_RST))
			ep_ack(e);
		return;
	}
	if (t.flags & TH_RST)
		ep_reset(e, &t);
	else if (t.flags & TH_SYN)
		ep_ack(e);
	else if (t.flags & TH_ACK && ep_take_ack(e, &t))
		ep_take_text(e, &t);
}

static inline void ep_receive(struct endpoint *e, const struct fsm_segment *s, __u32 iss)
{
	if (e->state == SYNSHIELD_TCP_CLOSED)
		ep_refuse(e, s);
	else if (e->state == SYNSHIELD_TCP_LISTEN)
		ep_in_listen(e, s, iss);
	else if (e->state == SYNSHIELD_TCP_SYN_SENT)
		ep_in_syn_sent(e, s);
	else
		ep_in_synchronized(e, s, iss);
}

#endif
