/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Segments in words, with the numbers that they would bear at that point:
 *
 *   ">S <SA >A >D10 <F >F <A"      > from the remote end, < from the local one
 *
 * and the flags of `conns` that go with them, by the comments in synshield.h.
 */
#ifndef SCRIPT_H
#define SCRIPT_H

#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include "fsm.h"

#define SECOND 1000000000ULL
#define FAR 0x7f000000u /* beyond every window */

/* KIND(enumerator, word, what it is) */
#define KINDS(X)                                                                                   \
	X(SYN, "S", "SYN")                                                                         \
	X(SYN_NEW, "SN", "SYN with another ISN")                                                   \
	X(SYNACK, "SA", "SYN-ACK")                                                                 \
	X(SYNACK_NEW, "SAN", "SYN-ACK with another ISN")                                           \
	X(SYNACK_WRONG, "SAW", "SYN-ACK of another SYN")                                           \
	X(ACK, "A", "ACK of all")                                                                  \
	X(ACK_LESS, "AL", "ACK of all but the last number")                                        \
	X(ACK_MORE, "AM", "ACK of what was not sent")                                              \
	X(ACK_STRAY, "AS", "ACK with a strange SEQ")                                               \
	X(DATA, "D", "data")                                                                       \
	X(FIN, "F", "FIN that acknowledges all")                                                   \
	X(FIN_LESS, "FL", "FIN that acknowledges all but the last number")                         \
	X(FIN_OLD, "FO", "FIN of before")                                                          \
	X(FIN_BARE, "FB", "FIN without ACK")                                                       \
	X(RST, "R", "RST")                                                                         \
	X(RST_STRAY, "RS", "RST outside the window")                                               \
	X(RST_ACK, "RA", "RST that answers a SYN")                                                 \
	X(RST_ACK_MORE, "RAM", "RST that answers another SYN")                                     \
	X(SYN_FIN, "SF", "SYN with FIN")                                                           \
	X(SYN_RST, "SR", "SYN with RST")                                                           \
	X(NOTHING, "N", "no flags")

enum kind {
#define X(name, word, what) name,
	KINDS(X)
#undef X
		KINDS_MAX
};

static const char *const kind_words[] = {
#define X(name, word, what) word,
	KINDS(X)
#undef X
};

static const char *const kind_names[] = {
#define X(name, word, what) what,
	KINDS(X)
#undef X
};

/* What both ends of a conversation have got to. */
struct talk {
	__u32 isn[2], next[2];
	bool fin[2];
};

static inline void talk_init(struct talk *t, __u32 remote_isn, __u32 local_isn)
{
	*t = (struct talk){.isn = {[FSM_REMOTE] = remote_isn, [FSM_LOCAL] = local_isn}};
	for (int i = 0; i < 2; i++)
		t->next[i] = t->isn[i] + 1;
}

static const __u8 kind_flags[KINDS_MAX] = {
	[SYN] = TH_SYN,
	[SYN_NEW] = TH_SYN,
	[SYNACK] = TH_SYN | TH_ACK,
	[SYNACK_NEW] = TH_SYN | TH_ACK,
	[SYNACK_WRONG] = TH_SYN | TH_ACK,
	[ACK] = TH_ACK,
	[ACK_LESS] = TH_ACK,
	[ACK_MORE] = TH_ACK,
	[ACK_STRAY] = TH_ACK,
	[DATA] = TH_ACK | TH_PUSH,
	[FIN] = TH_FIN | TH_ACK,
	[FIN_LESS] = TH_FIN | TH_ACK,
	[FIN_OLD] = TH_FIN | TH_ACK,
	[FIN_BARE] = TH_FIN,
	[RST] = TH_RST,
	[RST_STRAY] = TH_RST,
	[RST_ACK] = TH_RST | TH_ACK,
	[RST_ACK_MORE] = TH_RST | TH_ACK,
	[SYN_FIN] = TH_SYN | TH_FIN,
	[SYN_RST] = TH_SYN | TH_RST,
};

static inline __u32 talk_seq(const struct talk *t, enum fsm_end x, enum kind kind)
{
	switch (kind) {
	case SYN:
	case SYNACK:
	case SYNACK_WRONG:
	case SYN_FIN:
	case SYN_RST:
		return t->isn[x];
	case SYN_NEW:
	case SYNACK_NEW:
		return t->isn[x] + 0x10000000;
	case FIN:
	case FIN_LESS:
	case FIN_BARE:
		return t->next[x] - t->fin[x]; /* repeated, if it was sent */
	case FIN_OLD:
		return t->next[x] - 100;
	case ACK_STRAY:
	case RST_STRAY:
	case RST_ACK:
	case RST_ACK_MORE:
		return t->next[x] + FAR;
	default:
		return t->next[x];
	}
}

static inline __u32 talk_ack(const struct talk *t, enum fsm_end y, enum kind kind)
{
	switch (kind) {
	case SYNACK:
	case SYNACK_NEW:
		return t->isn[y] + 1;
	case SYNACK_WRONG:
		return t->isn[y] + 5000;
	case ACK_LESS:
	case FIN_LESS:
		return t->next[y] - 1;
	case ACK_MORE:
	case RST_ACK_MORE:
		return t->next[y] + 1;
	default:
		return t->next[y];
	}
}

static inline struct fsm_segment talk_segment(const struct talk *t, enum fsm_end from,
					      enum kind kind, __u32 len)
{
	return (struct fsm_segment){
		.from = from,
		.flags = kind_flags[kind],
		.seq = talk_seq(t, from, kind),
		.ack = kind_flags[kind] & TH_ACK ? talk_ack(t, !from, kind) : 0,
		.len = len,
	};
}

/* It was sent, in earnest. */
static inline void talk_advance(struct talk *t, const struct fsm_segment *s)
{
	int x = s->from;

	if (s->flags & TH_RST)
		return;
	if (s->flags & TH_SYN) {
		t->isn[x] = s->seq;
		t->fin[x] = false;
		t->next[x] = s->seq + 1 + s->len;
		return;
	}
	if (s->seq - t->next[x] < FAR && (__s32)(s->seq + s->len - t->next[x]) > 0)
		t->next[x] = s->seq + s->len;
	if (s->flags & TH_FIN && !t->fin[x]) {
		t->fin[x] = true;
		t->next[x]++;
	}
}

/* One word of a script: ">D10".  Returns what follows, NULL at the end. */
static inline const char *talk_word(struct talk *t, const char *at, struct fsm_segment *s)
{
	char word[8] = "";
	char end;
	unsigned int len = 0;
	int used = 0;

	if (sscanf(at, " %c%7[A-Z]%n%u%n", &end, word, &used, &len, &used) < 2)
		return NULL;
	for (int kind = 0; kind < KINDS_MAX; kind++) {
		if (strcmp(word, kind_words[kind]))
			continue;
		*s = talk_segment(t, end == '<' ? FSM_LOCAL : FSM_REMOTE, kind, len);
		talk_advance(t, s);
		return at + used;
	}
	return NULL;
}

/* --- `conns`, as the programs keep it: each side writes its own half --- */

struct kept {
	bool there;
	struct synshield_conn conn;
};

static inline __u32 kept_end(const struct fsm_segment *s)
{
	return s->seq + s->len + !!(s->flags & TH_SYN) + !!(s->flags & TH_FIN);
}

static inline bool kept_is_over(const struct kept *k)
{
	const struct synshield_sent *r = &k->conn.remote, *l = &k->conn.local;

	return !k->there || r->rst || l->rst || (r->fin && l->fin && r->fin_acked && l->fin_acked);
}

static inline void kept_local_syn(struct kept *k, const struct fsm_segment *s)
{
	struct synshield_conn *c = &k->conn;
	bool crossing = k->there && c->state == SYNSHIELD_CONN_SYN_RECEIVED && !c->local_segments &&
			!c->remote.rst && !c->local.rst;
	/* it closed first, and both FINs have arrived; or was left so by the SYN before */
	bool waits = k->there && !c->remote.rst && !c->local.rst && c->remote.fin &&
		     ((c->remote.fin_first && c->local.fin && c->local.fin_acked) ||
		      (c->state == SYNSHIELD_CONN_SYN_SENT && !c->remote.syn_acked));

	if (c->local.syn && !kept_is_over(k) && c->local_next == kept_end(s))
		return;
	if (!crossing) {
		*c = (struct synshield_conn){0};
		c->remote.fin = waits;
	}
	k->there = true;
	c->state = SYNSHIELD_CONN_SYN_SENT;
	c->local.syn = 1;
	c->local_next = kept_end(s);
	c->local_segments++;
}

static inline void kept_remote_syn(struct kept *k, const struct fsm_segment *s)
{
	struct synshield_conn *c = &k->conn;

	if (!k->there || c->remote.rst || c->local.rst) {
		*k = (struct kept){.there = true};
		c->state = SYNSHIELD_CONN_SYN_RECEIVED;
	} else if (c->state != SYNSHIELD_CONN_SYN_SENT || c->remote.syn || c->remote.syn_acked) {
		return;
	}
	c->remote = (struct synshield_sent){.syn = 1};
	c->remote_next = kept_end(s);
	c->remote_segments++;
}

static inline void kept_local_synack(struct kept *k, const struct fsm_segment *s)
{
	struct synshield_conn *c = &k->conn;
	bool live = k->there && !c->remote.rst && !c->local.rst;
	bool first = live && c->state == SYNSHIELD_CONN_SYN_RECEIVED && !c->local_segments;
	bool any = c->local.syn_acked || c->remote.syn || c->remote.syn_acked ||
		   c->state == SYNSHIELD_CONN_ESTABLISHED;
	bool again = live && !first && any && c->local_next - kept_end(s) < 65536 &&
		     c->remote_next - s->ack < 65536;

	if (live && c->state == SYNSHIELD_CONN_SYN_SENT && c->local_next == kept_end(s) &&
	    !c->remote.syn && !c->remote.syn_acked) {
		c->remote = (struct synshield_sent){.syn = 1};
		c->remote_next = s->ack;
		again = true;
	}
	if (!again) {
		if (!first || c->remote_next != s->ack) {
			*k = (struct kept){.there = true};
			c->state = SYNSHIELD_CONN_SYN_RECEIVED;
			c->remote.syn = 1;
			c->remote_next = s->ack;
		}
		c->local_next = kept_end(s);
	}
	c->local.syn_acked = 1;
	c->local_segments++;
	if (c->local.syn && c->remote.syn_acked)
		c->state = SYNSHIELD_CONN_ESTABLISHED;
}

static inline void kept_remote_synack(struct kept *k, const struct fsm_segment *s)
{
	struct synshield_conn *c = &k->conn;

	if (!k->there || c->state != SYNSHIELD_CONN_SYN_SENT || c->remote.syn_acked ||
	    c->local.rst || c->remote.rst || s->ack != c->local_next ||
	    (c->remote.syn && c->remote_next != kept_end(s)))
		return;
	if (!c->remote.syn)
		c->remote = (struct synshield_sent){0};
	c->remote.syn_acked = 1;
	c->remote_next = kept_end(s);
	c->remote_segments++;
	if (c->local.syn_acked)
		c->state = SYNSHIELD_CONN_ESTABLISHED;
}

/* Vouched for: a cookie, or a socket. */
static inline void kept_adopt(struct kept *k, const struct fsm_segment *s)
{
	bool local = s->from == FSM_LOCAL;

	*k = (struct kept){.there = true};
	k->conn.state = SYNSHIELD_CONN_ESTABLISHED;
	k->conn.remote_next = local ? s->ack : s->seq;
	k->conn.local_next = local ? s->seq : s->ack;
}

/* ACK, data, FIN: alike for both sides. */
static inline void kept_ack(struct kept *k, const struct fsm_segment *s)
{
	struct synshield_conn *c = &k->conn;
	bool local = s->from == FSM_LOCAL;
	struct synshield_sent *x = local ? &c->local : &c->remote;
	const struct synshield_sent *y = local ? &c->remote : &c->local;
	__u32 *next = local ? &c->local_next : &c->remote_next;
	__u32 other = local ? c->remote_next : c->local_next, end = kept_end(s);
	/* what may have followed the SYN-ACK already: data, a FIN */
	__u32 sent = (local ? c->remote_segments : c->local_segments) - y->syn;
	__u32 more = sent > 1 ? 65535 : 0;
	bool acks_fin;

	if (!k->there)
		kept_adopt(k, s);
	if (c->remote.rst || c->local.rst)
		return;
	/* its first: the other end's SYN-ACK has passed, or both SYNs, and it is the answer */
	if (!x->syn_acked && c->state != SYNSHIELD_CONN_ESTABLISHED &&
	    (!(y->syn_acked || (x->syn && y->syn)) || other - s->ack > more))
		return;
	/* what this host acknowledges it has got */
	if ((!local || y->fin) && s->ack - other - 1 < 0x40000000)
		return;
	if ((__s32)(end - *next) > 0x40000000)
		return;
	if (!y->syn_acked && c->state != SYNSHIELD_CONN_ESTABLISHED && (__s32)(end - *next) > 65535)
		return;
	if (x->fin ? (__s32)(end - *next) > 0 : s->flags & TH_FIN && (__s32)(end - *next) < 0)
		return;
	if (x->fin && s->flags & TH_FIN && end != *next)
		return;
	x->syn_acked = 1;
	if (y->syn_acked)
		c->state = SYNSHIELD_CONN_ESTABLISHED;
	if ((__s32)(end - *next) > 0)
		*next = end;
	acks_fin = y->fin && s->ack == other;
	if (s->flags & TH_FIN && !x->fin) {
		x->fin = 1;
		x->fin_first = !acks_fin;
	}
	x->fin_acked |= acks_fin;
	if (local)
		c->local_segments++;
	else
		c->remote_segments++;
}

static inline void kept_rst(struct kept *k, const struct fsm_segment *s)
{
	struct synshield_conn *c = &k->conn;
	bool local = s->from == FSM_LOCAL;
	struct synshield_sent *x = local ? &c->local : &c->remote;
	const struct synshield_sent *y = local ? &c->remote : &c->local;
	__u32 next = local ? c->local_next : c->remote_next;
	__u32 other = local ? c->remote_next : c->local_next;
	bool unanswered = y->syn && !x->syn && !x->syn_acked && !y->syn_acked;
	bool refuses = y->syn && !x->syn_acked && s->flags & TH_ACK && s->ack == other;

	if (!k->there || x->rst || y->rst)
		return;
	if ((refuses && (local || unanswered)) || (!unanswered && s->seq == next))
		x->rst = 1;
}

static inline void keep(struct kept *k, const struct fsm_segment *s)
{
	switch (s->flags & (TH_SYN | TH_ACK | TH_RST | TH_FIN)) {
	case TH_SYN:
		if (s->from == FSM_LOCAL)
			kept_local_syn(k, s);
		else
			kept_remote_syn(k, s);
		break;
	case TH_SYN | TH_ACK:
		if (s->from == FSM_LOCAL)
			kept_local_synack(k, s);
		else
			kept_remote_synack(k, s);
		break;
	case TH_ACK:
	case TH_ACK | TH_FIN:
		kept_ack(k, s);
		break;
	case TH_RST:
	case TH_RST | TH_ACK:
		kept_rst(k, s);
	}
}

#endif
