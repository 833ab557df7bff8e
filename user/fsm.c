/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "fsm.h"

#include <netinet/tcp.h>
#include <string.h>

#define FLIGHT_MAX 65535
/* The largest window there is (RFC 7323 section 2.3): no honest number is further away. */
#define WINDOW_MAX (1U << 30)
/* Sparsely fed: how far a number may be ahead, a first ACK, and a RST behind. */
#define SPARSE_AHEAD 0x7fffffffU
#define SPARSE_FLIGHT 65535U
#define SPARSE_BEHIND (1U << 20)

/* One segment, x its sender, y its receiver. */
struct step {
	struct fsm *f;
	const struct fsm_segment *s;
	const struct fsm_config *c;
	struct fsm_side *x, *y;
	bool taken;  /* it was not ignored */
	bool began;  /* a connection */
	bool opened; /* both handshakes were complete before it */
	bool fresh;  /* nothing was seen before it */
	bool gone;   /* neither end had a state */
	bool again;  /* a FIN, repeated */
};

void fsm_init(struct fsm *f)
{
	*f = (struct fsm){.deadline = FSM_NEVER};
	f->side[FSM_REMOTE].state = SYNSHIELD_TCP_CLOSED;
	f->side[FSM_LOCAL].state = SYNSHIELD_TCP_LISTEN;
}

/* --- from what was sent to the states --- */

static bool has_spoken(const struct fsm_side *x)
{
	return x->syn || x->syn_acked || x->fin || x->rst || x->over;
}

/* Has x sent a SYN that y has not reacted to in any way? */
static bool is_unanswered(const struct fsm_side *x, const struct fsm_side *y)
{
	return x->syn && !y->syn && !y->syn_acked;
}

/* x heard a RST in SYN_RECEIVED, and came there from LISTEN: figure 5, note 1. */
static bool listens_again(const struct fsm_side *x, const struct fsm_side *y)
{
	return y->rst && !x->rst && !x->fin && y->syn && !x->syn && !y->syn_acked;
}

static enum synshield_tcp_state closing_state(const struct fsm_side *x, const struct fsm_side *y)
{
	if (!y->fin)
		return y->fin_acked ? SYNSHIELD_TCP_FIN_WAIT_2 : SYNSHIELD_TCP_FIN_WAIT_1;
	if (x->fin_first)
		return y->fin_acked ? SYNSHIELD_TCP_TIME_WAIT : SYNSHIELD_TCP_CLOSING;
	return y->fin_acked ? SYNSHIELD_TCP_CLOSED : SYNSHIELD_TCP_LAST_ACK;
}

static enum synshield_tcp_state state_of(const struct fsm_side *x, const struct fsm_side *y)
{
	if (listens_again(x, y))
		return SYNSHIELD_TCP_LISTEN;
	if (x->rst || y->rst || x->over)
		return SYNSHIELD_TCP_CLOSED;
	if (is_unanswered(x, y))
		return SYNSHIELD_TCP_SYN_SENT;
	if (is_unanswered(y, x)) /* a FIN is of the connection before: see begin() */
		return x->fin ? SYNSHIELD_TCP_TIME_WAIT : SYNSHIELD_TCP_SYN_RECEIVED;
	if (x->fin)
		return closing_state(x, y);
	if (y->fin)
		return SYNSHIELD_TCP_CLOSE_WAIT;
	return y->syn_acked ? SYNSHIELD_TCP_ESTABLISHED : SYNSHIELD_TCP_SYN_RECEIVED;
}

static bool is_gone(const struct fsm_side *x)
{
	return x->state == SYNSHIELD_TCP_CLOSED || x->state == SYNSHIELD_TCP_LISTEN;
}

static bool is_over(const struct fsm *f)
{
	for (int i = 0; i < 2; i++) {
		if (!is_gone(&f->side[i]) && f->side[i].state != SYNSHIELD_TCP_TIME_WAIT)
			return false;
	}
	return true;
}

/* --- deadlines --- */

static void set_deadline(struct fsm *f, __u64 from, const struct fsm_config *c)
{
	__u64 wait = fsm_time_out(c, fsm_timed(f));

	f->deadline = wait ? from + wait : FSM_NEVER;
}

/* --- numbers, modulo 2^32 --- */

static bool is_within(__u32 number, __u32 first, __u32 last)
{
	return number - first <= last - first;
}

static void set_flight(struct fsm_side *x, __u32 bytes)
{
	x->flight = bytes < FLIGHT_MAX ? bytes : FLIGHT_MAX;
}

static __u32 end_of(const struct fsm_segment *s)
{
	return s->seq + s->len + !!(s->flags & TH_SYN) + !!(s->flags & TH_FIN);
}

/* x's own, until the other end acknowledges it. */
static __u32 isn(const struct fsm_side *x)
{
	return x->next - x->flight - 1;
}

/* Is it a SYN-ACK of this connection?  Data, even a FIN, may have followed it. */
static bool has_numbers(const struct step *t)
{
	return t->x->next - end_of(t->s) <= FLIGHT_MAX && t->y->next - t->s->ack <= FLIGHT_MAX;
}

/* Does the segment's ACK acknowledge y's SYN, and nothing that y did not send? */
static bool acks_syn(const struct step *t)
{
	const struct fsm_side *y = t->y;

	return !y->known || is_within(t->s->ack, y->next - y->flight,
				      y->next + (t->c->sparse ? SPARSE_FLIGHT : 0));
}

/* This host has got what it acknowledges, even if it came by another way. */
static bool acks_sent(const struct step *t)
{
	const struct fsm_side *y = t->y;
	__u32 ahead = (t->c->sparse || t->s->from == FSM_LOCAL) && !y->fin ? SPARSE_AHEAD : 0;

	return !y->known || is_within(t->s->ack, y->next - WINDOW_MAX, y->next + ahead);
}

/*
 * May x have got there?  Until its SYN is acknowledged it may send but little; a FIN is
 * never older than what was seen; and nothing follows a FIN.  Old data may still bear
 * the latest ACK.
 */
static bool is_in_sequence(const struct step *t)
{
	const struct fsm_side *x = t->x;
	__u32 behind = t->s->flags & TH_FIN ? 0 : WINDOW_MAX;
	__u32 ahead = t->c->sparse ? SPARSE_AHEAD : WINDOW_MAX;

	if (!x->known)
		return true;
	if (!t->y->syn_acked)
		ahead = FLIGHT_MAX;
	if (x->fin)
		ahead = 0;
	return is_within(end_of(t->s), x->next - behind, x->next + ahead);
}

static void advance(struct fsm_side *x, __u32 end)
{
	__u32 ahead = end - x->next;

	if (!x->known && !x->next) {
		x->next = end;
	} else if (ahead && ahead <= SPARSE_AHEAD) {
		x->next = end;
		set_flight(x, ahead < FLIGHT_MAX ? x->flight + ahead : FLIGHT_MAX);
	}
	x->known = 1;
}

static void acknowledge(const struct step *t)
{
	struct fsm_side *y = t->y;
	__u32 ack = t->s->ack;
	bool ahead = t->s->from == FSM_LOCAL && ack - y->next <= SPARSE_AHEAD;

	if (!y->known || ahead) {
		y->next = ack;
		y->flight = 0;
	} else if (y->next - ack <= y->flight) {
		y->flight = y->next - ack;
	}
}

void fsm_sync(struct fsm *f, __u32 remote_next, __u32 local_next)
{
	__u32 next[2] = {[FSM_REMOTE] = remote_next, [FSM_LOCAL] = local_next};

	for (int i = 0; i < 2; i++) {
		struct fsm_side *x = &f->side[i];

		/* in the handshake, and after a FIN, the segments that were fed say it all */
		if (x->syn_acked && f->side[!i].syn_acked && !x->fin)
			advance(x, next[i]);
	}
}

/* --- segments --- */

static void speak(struct fsm_side *x, const struct fsm_segment *s)
{
	x->next = end_of(s);
	x->known = 1;
	set_flight(x, s->len);
}

/*
 * A connection begins.  That the remote end may be in TIME_WAIT yet is left for
 * state_of(), as its FIN.
 */
static void begin(struct step *t)
{
	bool waits = t->f->side[FSM_REMOTE].state == SYNSHIELD_TCP_TIME_WAIT &&
		     t->s->from == FSM_LOCAL && !(t->s->flags & TH_ACK);

	memset(t->f->side, 0, sizeof(t->f->side));
	t->f->side[FSM_REMOTE].fin = waits;
	t->began = t->taken = true;
}

static void take_syn(struct step *t)
{
	if (t->gone) {
		begin(t);
	} else if (t->x->syn && t->s->seq == isn(t->x)) {
		return;
	} else if (is_unanswered(t->y, t->x)) { /* simultaneous open */
		t->x->fin = 0;
		t->taken = true;
	} else if (t->s->from == FSM_LOCAL) {
		begin(t);
	} else {
		return;
	}
	t->x->syn = 1;
	speak(t->x, t->s);
}

/* Of either end of a simultaneous open: with the ISN of its SYN. */
static bool take_crossing_synack(struct step *t)
{
	bool crossed = t->y->syn || (t->s->from == FSM_LOCAL && t->y->syn_acked);

	if (!t->x->syn || !crossed || t->s->seq != isn(t->x) || !acks_syn(t))
		return false;
	t->x->syn_acked = 1;
	t->taken = true;
	return true;
}

/* The remote SYN that this host answers was not seen, or not taken for one. */
static void suppose_syn(struct step *t)
{
	*t->y = (struct fsm_side){.syn = 1, .known = 1, .next = t->s->ack};
}

static void take_local_synack(struct step *t)
{
	if (!t->gone) {
		if (t->x->syn_acked && has_numbers(t))
			return; /* repeated */
		if (is_unanswered(t->x, t->y) && t->s->seq == isn(t->x))
			suppose_syn(t);
		if (take_crossing_synack(t))
			return;
	}
	if (!t->gone && is_unanswered(t->y, t->x) && acks_syn(t)) {
		t->taken = true;
	} else {
		begin(t);
		suppose_syn(t);
	}
	t->x->syn_acked = 1;
	speak(t->x, t->s);
	acknowledge(t);
}

static void take_remote_synack(struct step *t)
{
	if (t->fresh) { /* the SYN was not seen */
		begin(t);
		t->y->syn = 1;
		t->y->next = t->s->ack;
	} else if (t->gone || take_crossing_synack(t) || !is_unanswered(t->y, t->x) ||
		   !acks_syn(t)) {
		return;
	}
	t->taken = true;
	t->x->fin = 0;
	t->x->syn_acked = 1;
	speak(t->x, t->s);
	acknowledge(t);
}

/* Is the segment's ACK acceptable? */
static bool acks(const struct step *t)
{
	if (is_unanswered(t->y, t->x)) /* a SYN-ACK would be */
		return false;
	if (t->x->syn_acked)
		return acks_sent(t);
	return !is_unanswered(t->x, t->y) && acks_syn(t);
}

static void take_fin(struct step *t, bool acks_fin)
{
	if (t->x->fin) {
		t->again = true;
		return;
	}
	t->x->fin = 1;
	t->x->fin_first = !acks_fin;
}

/* ACK, with or without data and FIN. */
static void take_ack(struct step *t)
{
	struct fsm_side *x = t->x, *y = t->y;
	bool acks_fin;

	if (t->fresh) {
		begin(t);
		x->syn_acked = y->syn_acked = 1;
	}
	if ((t->gone && !t->fresh) || !acks(t) || !is_in_sequence(t))
		return;
	t->taken = true;
	x->syn_acked = 1;
	advance(x, end_of(t->s));
	acknowledge(t);
	acks_fin = y->fin && t->s->ack == y->next;
	if (t->s->flags & TH_FIN)
		take_fin(t, acks_fin);
	if (acks_fin)
		x->fin_acked = 1;
}

/* Would y heed it?  RFC 9293 section 3.10.7.3, RFC 5961 section 3. */
static bool is_heeded(const struct step *t)
{
	const struct fsm_side *x = t->x;

	bool refuses = t->s->flags & TH_ACK && t->y->syn && !x->syn_acked && acks_syn(t);

	if (is_unanswered(t->y, x))
		return refuses;
	if (refuses && t->s->from == FSM_LOCAL) /* so its own SYN is given up */
		return true;
	if (!x->known && (t->s->from == FSM_LOCAL || !x->next))
		return true;
	return is_within(t->s->seq, x->next - (t->c->sparse ? SPARSE_BEHIND : x->flight),
			 x->next + (t->c->sparse ? SPARSE_AHEAD : 0));
}

static void take_rst(struct step *t)
{
	if (t->gone || !is_heeded(t))
		return;
	t->taken = true;
	t->x->rst = 1;
}

/* SYN with FIN or RST, and what has neither SYN, ACK nor RST, is malformed. */
static void take(struct step *t)
{
	switch (t->s->flags & (TH_SYN | TH_ACK | TH_RST | TH_FIN)) {
	case TH_SYN:
		take_syn(t);
		break;
	case TH_SYN | TH_ACK:
		if (t->s->from == FSM_LOCAL)
			take_local_synack(t);
		else
			take_remote_synack(t);
		break;
	case TH_ACK:
	case TH_ACK | TH_FIN:
		take_ack(t);
		break;
	case TH_RST:
	case TH_RST | TH_ACK:
		take_rst(t);
		break;
	}
}

/* --- what comes of it --- */

static void settle(struct fsm *f)
{
	struct fsm_side *remote = &f->side[FSM_REMOTE], *local = &f->side[FSM_LOCAL];

	remote->state = state_of(remote, local);
	local->state = state_of(local, remote);
}

static bool is_opened(const struct fsm *f)
{
	return f->side[0].syn_acked && f->side[1].syn_acked;
}

static unsigned int actions(const struct step *t, bool was_over)
{
	const struct fsm *f = t->f;
	unsigned int done = 0;

	if (t->began)
		done |= was_over ? FSM_OPENED : FSM_OPENED | FSM_CLOSED;
	if (is_opened(f) && !t->opened)
		done |= FSM_ESTABLISHED;
	if (!was_over && is_over(f))
		done |= t->x->rst ? FSM_RESET : FSM_CLOSED;
	if (is_gone(&f->side[0]) && is_gone(&f->side[1]))
		done |= FSM_FORGET;
	return done;
}

unsigned int fsm_segment(struct fsm *f, const struct fsm_segment *s, __u64 now,
			 const struct fsm_config *c)
{
	struct step t = {
		.f = f,
		.s = s,
		.c = c,
		.x = &f->side[s->from],
		.y = &f->side[!s->from],
		.opened = is_opened(f),
	};
	enum synshield_tcp_state timed = fsm_timed(f);
	bool was_over = is_over(f);

	t.fresh = !has_spoken(t.x) && !has_spoken(t.y);
	t.gone = is_gone(t.x) && is_gone(t.y);
	take(&t);
	if (!t.taken)
		return 0;
	settle(f);
	if (t.began || t.again || fsm_is_for_idle(timed) || fsm_timed(f) != timed)
		set_deadline(f, now, c);
	return actions(&t, was_over);
}

void fsm_end(struct fsm *f)
{
	f->side[FSM_REMOTE].over = f->side[FSM_LOCAL].over = 1;
	settle(f);
	f->deadline = FSM_NEVER;
}

unsigned int fsm_timeout(struct fsm *f, __u64 now, __u64 last_seen, const struct fsm_config *c)
{
	enum synshield_tcp_state timed = fsm_timed(f);

	if (f->deadline == FSM_NEVER)
		return 0;
	if (fsm_is_for_idle(timed) && last_seen + fsm_time_out(c, timed) > f->deadline)
		f->deadline = last_seen + fsm_time_out(c, timed);
	if (now < f->deadline)
		return 0;
	fsm_end(f);
	return timed == SYNSHIELD_TCP_TIME_WAIT ? FSM_FORGET : FSM_TIMED_OUT | FSM_FORGET;
}

static void load_side(struct fsm_side *x, const struct synshield_sent *sent, __u32 next)
{
	*x = (struct fsm_side){
		.next = next,
		.known = !!next,
		.syn = sent->syn,
		.syn_acked = sent->syn_acked,
		.fin = sent->fin,
		.fin_first = sent->fin_first,
		.fin_acked = sent->fin_acked,
		.rst = sent->rst,
	};
}

/* Some say less by their flags than by how far the handshake is. */
static void load_handshake(struct fsm *f, const struct synshield_conn *conn)
{
	struct fsm_side *remote = &f->side[FSM_REMOTE], *local = &f->side[FSM_LOCAL];

	switch (conn->state) {
	case SYNSHIELD_CONN_SYN_SENT:
		local->syn = 1;
		break;
	case SYNSHIELD_CONN_SYN_RECEIVED:
		remote->syn = 1;
		local->syn_acked |= local->syn | !!conn->local_segments;
		local->syn = 0;
		break;
	case SYNSHIELD_CONN_PROVEN:
		remote->syn = 1;
		local->syn = 0;
		remote->syn_acked = local->syn_acked = 1;
		break;
	case SYNSHIELD_CONN_ESTABLISHED:
		remote->syn_acked = local->syn_acked = 1;
		break;
	}
}

unsigned int fsm_rebuild(struct fsm *f, const struct synshield_conn *conn, __u64 last_seen,
			 const struct fsm_config *c)
{
	fsm_init(f);
	load_side(&f->side[FSM_REMOTE], &conn->remote, conn->remote_next);
	load_side(&f->side[FSM_LOCAL], &conn->local, conn->local_next);
	load_handshake(f, conn);
	settle(f);
	set_deadline(f, last_seen, c);
	return is_gone(&f->side[FSM_REMOTE]) && is_gone(&f->side[FSM_LOCAL]) ? FSM_FORGET : 0;
}

bool fsm_client(const struct fsm *f, enum fsm_end *client)
{
	if (f->side[FSM_REMOTE].syn == f->side[FSM_LOCAL].syn)
		return false;
	*client = f->side[FSM_LOCAL].syn ? FSM_LOCAL : FSM_REMOTE;
	return true;
}

const char *fsm_state_name(enum synshield_tcp_state state)
{
	static const char *const names[] = {
#define X(name) #name,
		SYNSHIELD_TCP_STATES(X)
#undef X
	};

	return state < SYNSHIELD_TCP_STATES_MAX ? names[state] : "?";
}
