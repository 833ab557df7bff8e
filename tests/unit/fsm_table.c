/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * user/fsm.c: every situation x every segment x both directions, against a table of
 * what RFC 9293 (figure 5, section 3.10.7) says.  States are written remote/local.
 *
 *      remote end ───────► NIC ───────► local end
 *                 ◄─────── (here) ◄────
 */
#include "view.h"

#define EST ">S <SA >A "

enum situation {
	NONE,
	SYN_IN,
	SYNACK_OUT,
	SYN_OUT,
	SYNACK_IN,
	CROSSED,
	CROSSED_REMOTE_FIRST,
	CROSSED_ANSWERED,
	CROSSED_ANSWER_SEEN,
	OPEN,
	OPEN_BY_LOCAL,
	OPEN_CROSSED,
	OPEN_COOKIE,
	LOCAL_FIN,
	LOCAL_FIN_ACKED,
	LOCAL_FIRST_BOTH,
	LOCAL_FIRST_DONE,
	REMOTE_FIN,
	REMOTE_FIN_ACKED,
	REMOTE_FIRST_BOTH,
	REMOTE_FIRST_DONE,
	BOTH_FIN,
	BOTH_FIN_LOCAL_DONE,
	BOTH_FIN_REMOTE_DONE,
	BOTH_FIN_DONE,
	EARLY_LOCAL_FIN,
	EARLY_REMOTE_FIN,
	RESET,
	RESET_IN_HANDSHAKE,
	RESET_OUT_IN_HANDSHAKE,
	REOPENS,
	SITUATIONS
};

static const struct {
	const char *script;
	struct pair pair;
} situations[SITUATIONS] = {
	[NONE] = {"", {S(CLOSED), S(LISTEN)}},
	[SYN_IN] = {">S", {S(SYN_SENT), S(SYN_RECEIVED)}},
	[SYNACK_OUT] = {">S <SA", {S(ESTABLISHED), S(SYN_RECEIVED)}},
	[SYN_OUT] = {"<S", {S(SYN_RECEIVED), S(SYN_SENT)}},
	[SYNACK_IN] = {"<S >SA", {S(SYN_RECEIVED), S(ESTABLISHED)}},
	[CROSSED] = {"<S >S", {S(SYN_RECEIVED), S(SYN_RECEIVED)}},
	[CROSSED_REMOTE_FIRST] = {">S <S", {S(SYN_RECEIVED), S(SYN_RECEIVED)}},
	[CROSSED_ANSWERED] = {"<S >S <SA", {S(ESTABLISHED), S(SYN_RECEIVED)}},
	[CROSSED_ANSWER_SEEN] = {"<S >S >SA", {S(SYN_RECEIVED), S(ESTABLISHED)}},
	[OPEN] = {EST, {S(ESTABLISHED), S(ESTABLISHED)}},
	[OPEN_BY_LOCAL] = {"<S >SA <A", {S(ESTABLISHED), S(ESTABLISHED)}},
	[OPEN_CROSSED] = {"<S >S <SA >SA", {S(ESTABLISHED), S(ESTABLISHED)}},
	[OPEN_COOKIE] = {">A <A", {S(ESTABLISHED), S(ESTABLISHED)}},
	[LOCAL_FIN] = {EST ">D20 <D20 <F", {S(CLOSE_WAIT), S(FIN_WAIT_1)}},
	[LOCAL_FIN_ACKED] = {EST "<F >A", {S(CLOSE_WAIT), S(FIN_WAIT_2)}},
	[LOCAL_FIRST_BOTH] = {EST "<F >A >F", {S(LAST_ACK), S(TIME_WAIT)}},
	[LOCAL_FIRST_DONE] = {EST "<F >A >F <A", {S(CLOSED), S(TIME_WAIT)}},
	[REMOTE_FIN] = {EST ">D20 <D20 >F", {S(FIN_WAIT_1), S(CLOSE_WAIT)}},
	[REMOTE_FIN_ACKED] = {EST ">F <A", {S(FIN_WAIT_2), S(CLOSE_WAIT)}},
	[REMOTE_FIRST_BOTH] = {EST ">F <A <F", {S(TIME_WAIT), S(LAST_ACK)}},
	[REMOTE_FIRST_DONE] = {EST ">F <A <F >A", {S(TIME_WAIT), S(CLOSED)}},
	[BOTH_FIN] = {EST "<F >FL", {S(CLOSING), S(CLOSING)}},
	[BOTH_FIN_LOCAL_DONE] = {EST "<F >FL >A", {S(CLOSING), S(TIME_WAIT)}},
	[BOTH_FIN_REMOTE_DONE] = {EST "<F >FL <A", {S(TIME_WAIT), S(CLOSING)}},
	[BOTH_FIN_DONE] = {EST "<F >FL <A >A", {S(TIME_WAIT), S(TIME_WAIT)}},
	[EARLY_LOCAL_FIN] = {">S <SA <F", {S(CLOSE_WAIT), S(FIN_WAIT_1)}},
	[EARLY_REMOTE_FIN] = {"<S >SA >F", {S(FIN_WAIT_1), S(CLOSE_WAIT)}},
	[RESET] = {EST ">R", {S(CLOSED), S(CLOSED)}},
	[RESET_IN_HANDSHAKE] = {">S <SA >R", {S(CLOSED), S(LISTEN)}},
	[RESET_OUT_IN_HANDSHAKE] = {"<S >SA <R", {S(LISTEN), S(CLOSED)}},
	[REOPENS] = {EST ">F <A <F >A <SN", {S(TIME_WAIT), S(SYN_SENT)}},
};

struct move {
	enum situation in;
	enum fsm_end from;
	enum kind kind;
	enum synshield_tcp_state remote, local;
	unsigned int done;
};

#define REMOTE FSM_REMOTE
#define LOCAL FSM_LOCAL
#define BOTH(in, from, a, b, remote, local, done)                                                  \
	{in, from, a, S(remote), S(local), done},                                                  \
	{                                                                                          \
		in, from, b, S(remote), S(local), done                                             \
	}
/* An end that has not sent its FIN yet acknowledges all, by ACK or data. */
#define ACKS(in, from, remote, local, done) BOTH(in, from, ACK, DATA, remote, local, done)
/* A RST, with or without ACK, that is in sequence. */
#define DIES(in, done)                                                                             \
	{in, REMOTE, RST, S(CLOSED), S(CLOSED), done},                                             \
	{                                                                                          \
		in, LOCAL, RST, S(CLOSED), S(CLOSED), done                                         \
	}

/* Whatever is not here moves nothing. */
static const struct move moves[] = {
	/* Figure 6 and 3.10.7.2, 3.10.7.3: the handshake */
	BOTH(NONE, REMOTE, SYN, SYN_NEW, SYN_SENT, SYN_RECEIVED, O),
	BOTH(RESET, REMOTE, SYN, SYN_NEW, SYN_SENT, SYN_RECEIVED, O),
	BOTH(RESET_IN_HANDSHAKE, REMOTE, SYN, SYN_NEW, SYN_SENT, SYN_RECEIVED, O),
	BOTH(RESET_OUT_IN_HANDSHAKE, REMOTE, SYN, SYN_NEW, SYN_SENT, SYN_RECEIVED, O),
	{SYN_IN, LOCAL, SYNACK, S(ESTABLISHED), S(SYN_RECEIVED), 0},
	{SYN_IN, LOCAL, SYNACK_NEW, S(ESTABLISHED), S(SYN_RECEIVED), 0},
	ACKS(SYNACK_OUT, REMOTE, ESTABLISHED, ESTABLISHED, E),
	BOTH(SYN_OUT, REMOTE, SYNACK, SYNACK_NEW, SYN_RECEIVED, ESTABLISHED, 0),
	BOTH(REOPENS, REMOTE, SYNACK, SYNACK_NEW, SYN_RECEIVED, ESTABLISHED, 0),
	ACKS(SYNACK_IN, LOCAL, ESTABLISHED, ESTABLISHED, E),
	{SYNACK_IN, LOCAL, SYNACK, S(ESTABLISHED), S(ESTABLISHED), E},
	{EARLY_REMOTE_FIN, LOCAL, SYNACK, S(FIN_WAIT_1), S(CLOSE_WAIT), E},
	/* the SYN was not seen; what is seen is the kernel's doing, or vouched for */
	BOTH(NONE, REMOTE, SYNACK, SYNACK_NEW, SYN_RECEIVED, ESTABLISHED, O),
	{NONE, REMOTE, SYNACK_WRONG, S(SYN_RECEIVED), S(ESTABLISHED), O},
	ACKS(NONE, REMOTE, ESTABLISHED, ESTABLISHED, O | E),
	BOTH(NONE, REMOTE, ACK_LESS, ACK_MORE, ESTABLISHED, ESTABLISHED, O | E),
	{NONE, REMOTE, ACK_STRAY, S(ESTABLISHED), S(ESTABLISHED), O | E},
	BOTH(NONE, REMOTE, FIN, FIN_LESS, FIN_WAIT_1, CLOSE_WAIT, O | E),
	{NONE, REMOTE, FIN_OLD, S(FIN_WAIT_1), S(CLOSE_WAIT), O | E},
	ACKS(NONE, LOCAL, ESTABLISHED, ESTABLISHED, O | E),
	BOTH(NONE, LOCAL, ACK_LESS, ACK_MORE, ESTABLISHED, ESTABLISHED, O | E),
	{NONE, LOCAL, ACK_STRAY, S(ESTABLISHED), S(ESTABLISHED), O | E},
	BOTH(NONE, LOCAL, FIN, FIN_LESS, CLOSE_WAIT, FIN_WAIT_1, O | E),
	{NONE, LOCAL, FIN_OLD, S(CLOSE_WAIT), S(FIN_WAIT_1), O | E},
	/* Figure 8: SYNs that cross; either end's ACK of the other's SYN establishes that one */
	BOTH(SYN_OUT, REMOTE, SYN, SYN_NEW, SYN_RECEIVED, SYN_RECEIVED, 0),
	BOTH(REOPENS, REMOTE, SYN, SYN_NEW, SYN_RECEIVED, SYN_RECEIVED, 0),
	BOTH(SYN_IN, LOCAL, SYN, SYN_NEW, SYN_RECEIVED, SYN_RECEIVED, 0),
	/* the remote SYN was not seen */
	BOTH(SYN_OUT, LOCAL, SYNACK, SYNACK_WRONG, ESTABLISHED, SYN_RECEIVED, 0),
	BOTH(REOPENS, LOCAL, SYNACK, SYNACK_WRONG, ESTABLISHED, SYN_RECEIVED, 0),
	{CROSSED, LOCAL, SYNACK, S(ESTABLISHED), S(SYN_RECEIVED), 0},
	{CROSSED, REMOTE, SYNACK, S(SYN_RECEIVED), S(ESTABLISHED), 0},
	ACKS(CROSSED, LOCAL, ESTABLISHED, SYN_RECEIVED, 0),
	ACKS(CROSSED, REMOTE, SYN_RECEIVED, ESTABLISHED, 0),
	{CROSSED_REMOTE_FIRST, LOCAL, SYNACK, S(ESTABLISHED), S(SYN_RECEIVED), 0},
	{CROSSED_REMOTE_FIRST, REMOTE, SYNACK, S(SYN_RECEIVED), S(ESTABLISHED), 0},
	ACKS(CROSSED_REMOTE_FIRST, LOCAL, ESTABLISHED, SYN_RECEIVED, 0),
	ACKS(CROSSED_REMOTE_FIRST, REMOTE, SYN_RECEIVED, ESTABLISHED, 0),
	{CROSSED_ANSWERED, REMOTE, SYNACK, S(ESTABLISHED), S(ESTABLISHED), E},
	ACKS(CROSSED_ANSWERED, REMOTE, ESTABLISHED, ESTABLISHED, E),
	{CROSSED_ANSWER_SEEN, LOCAL, SYNACK, S(ESTABLISHED), S(ESTABLISHED), E},
	ACKS(CROSSED_ANSWER_SEEN, LOCAL, ESTABLISHED, ESTABLISHED, E),

	/* 3.10.7.4, eighth: FIN.  An end of SYN_RECEIVED is established by the ACK in it */
	{SYNACK_OUT, REMOTE, FIN, S(FIN_WAIT_1), S(CLOSE_WAIT), E},
	BOTH(SYNACK_OUT, LOCAL, FIN, FIN_LESS, CLOSE_WAIT, FIN_WAIT_1, 0),
	{SYNACK_IN, LOCAL, FIN, S(CLOSE_WAIT), S(FIN_WAIT_1), E},
	BOTH(SYNACK_IN, REMOTE, FIN, FIN_LESS, FIN_WAIT_1, CLOSE_WAIT, 0),
	{CROSSED, REMOTE, FIN, S(FIN_WAIT_1), S(CLOSE_WAIT), 0},
	{CROSSED, LOCAL, FIN, S(CLOSE_WAIT), S(FIN_WAIT_1), 0},
	{CROSSED_REMOTE_FIRST, REMOTE, FIN, S(FIN_WAIT_1), S(CLOSE_WAIT), 0},
	{CROSSED_REMOTE_FIRST, LOCAL, FIN, S(CLOSE_WAIT), S(FIN_WAIT_1), 0},
	{CROSSED_ANSWERED, REMOTE, FIN, S(FIN_WAIT_1), S(CLOSE_WAIT), E},
	BOTH(CROSSED_ANSWERED, LOCAL, FIN, FIN_LESS, CLOSE_WAIT, FIN_WAIT_1, 0),
	{CROSSED_ANSWER_SEEN, LOCAL, FIN, S(CLOSE_WAIT), S(FIN_WAIT_1), E},
	BOTH(CROSSED_ANSWER_SEEN, REMOTE, FIN, FIN_LESS, FIN_WAIT_1, CLOSE_WAIT, 0),
	BOTH(OPEN, REMOTE, FIN, FIN_LESS, FIN_WAIT_1, CLOSE_WAIT, 0),
	BOTH(OPEN, LOCAL, FIN, FIN_LESS, CLOSE_WAIT, FIN_WAIT_1, 0),
	BOTH(OPEN_BY_LOCAL, REMOTE, FIN, FIN_LESS, FIN_WAIT_1, CLOSE_WAIT, 0),
	BOTH(OPEN_BY_LOCAL, LOCAL, FIN, FIN_LESS, CLOSE_WAIT, FIN_WAIT_1, 0),
	BOTH(OPEN_CROSSED, REMOTE, FIN, FIN_LESS, FIN_WAIT_1, CLOSE_WAIT, 0),
	BOTH(OPEN_CROSSED, LOCAL, FIN, FIN_LESS, CLOSE_WAIT, FIN_WAIT_1, 0),
	BOTH(OPEN_COOKIE, REMOTE, FIN, FIN_LESS, FIN_WAIT_1, CLOSE_WAIT, 0),
	BOTH(OPEN_COOKIE, LOCAL, FIN, FIN_LESS, CLOSE_WAIT, FIN_WAIT_1, 0),

	/* Figure 12: the local end first */
	ACKS(LOCAL_FIN, REMOTE, CLOSE_WAIT, FIN_WAIT_2, 0),
	{LOCAL_FIN, REMOTE, FIN, S(LAST_ACK), S(TIME_WAIT), 0},
	{LOCAL_FIN, REMOTE, FIN_LESS, S(CLOSING), S(CLOSING), 0},
	{LOCAL_FIN_ACKED, REMOTE, FIN, S(LAST_ACK), S(TIME_WAIT), 0},
	/* sent before that ACK, and overtaken by it */
	{LOCAL_FIN_ACKED, REMOTE, FIN_LESS, S(CLOSING), S(TIME_WAIT), 0},
	BOTH(LOCAL_FIRST_BOTH, LOCAL, ACK, FIN, CLOSED, TIME_WAIT, C),
	/* and the remote end first */
	ACKS(REMOTE_FIN, LOCAL, FIN_WAIT_2, CLOSE_WAIT, 0),
	{REMOTE_FIN, LOCAL, FIN, S(TIME_WAIT), S(LAST_ACK), 0},
	{REMOTE_FIN, LOCAL, FIN_LESS, S(CLOSING), S(CLOSING), 0},
	{REMOTE_FIN_ACKED, LOCAL, FIN, S(TIME_WAIT), S(LAST_ACK), 0},
	{REMOTE_FIN_ACKED, LOCAL, FIN_LESS, S(TIME_WAIT), S(CLOSING), 0},
	BOTH(REMOTE_FIRST_BOTH, REMOTE, ACK, FIN, TIME_WAIT, CLOSED, C),
	/* Figure 13: both at once */
	BOTH(BOTH_FIN, REMOTE, ACK, FIN, CLOSING, TIME_WAIT, 0),
	BOTH(BOTH_FIN, LOCAL, ACK, FIN, TIME_WAIT, CLOSING, 0),
	BOTH(BOTH_FIN_LOCAL_DONE, LOCAL, ACK, FIN, TIME_WAIT, TIME_WAIT, C),
	BOTH(BOTH_FIN_REMOTE_DONE, REMOTE, ACK, FIN, TIME_WAIT, TIME_WAIT, C),
	/* a FIN right behind the SYN-ACK: the first ACK may be of one or of both */
	ACKS(EARLY_LOCAL_FIN, REMOTE, CLOSE_WAIT, FIN_WAIT_2, E),
	{EARLY_LOCAL_FIN, REMOTE, ACK_LESS, S(CLOSE_WAIT), S(FIN_WAIT_1), E},
	{EARLY_LOCAL_FIN, REMOTE, FIN, S(LAST_ACK), S(TIME_WAIT), E},
	{EARLY_LOCAL_FIN, REMOTE, FIN_LESS, S(CLOSING), S(CLOSING), E},
	ACKS(EARLY_REMOTE_FIN, LOCAL, FIN_WAIT_2, CLOSE_WAIT, E),
	{EARLY_REMOTE_FIN, LOCAL, ACK_LESS, S(FIN_WAIT_1), S(CLOSE_WAIT), E},
	{EARLY_REMOTE_FIN, LOCAL, FIN, S(TIME_WAIT), S(LAST_ACK), E},
	{EARLY_REMOTE_FIN, LOCAL, FIN_LESS, S(CLOSING), S(CLOSING), E},

	/* 3.10.7.3, second, and 3.10.7.4, second: RST; figure 5, note 1 */
	{SYN_IN, LOCAL, RST_ACK, S(CLOSED), S(CLOSED), R | F},
	{SYN_IN, REMOTE, RST, S(CLOSED), S(LISTEN), R | F},
	{SYN_OUT, REMOTE, RST_ACK, S(CLOSED), S(CLOSED), R | F},
	{SYN_OUT, LOCAL, RST, S(LISTEN), S(CLOSED), R | F},
	{REOPENS, REMOTE, RST_ACK, S(CLOSED), S(CLOSED), R | F},
	{REOPENS, LOCAL, RST, S(CLOSED), S(CLOSED), R | F},
	{SYNACK_OUT, REMOTE, RST, S(CLOSED), S(LISTEN), R | F},
	{SYNACK_OUT, LOCAL, RST, S(CLOSED), S(CLOSED), R | F},
	{SYNACK_IN, LOCAL, RST, S(LISTEN), S(CLOSED), R | F},
	{SYNACK_IN, REMOTE, RST, S(CLOSED), S(CLOSED), R | F},
	/* this host has given up its own SYN, and refuses the other */
	{CROSSED, LOCAL, RST_ACK, S(CLOSED), S(CLOSED), R | F},
	{CROSSED_REMOTE_FIRST, LOCAL, RST_ACK, S(CLOSED), S(CLOSED), R | F},
	{CROSSED_ANSWER_SEEN, LOCAL, RST_ACK, S(CLOSED), S(CLOSED), R | F},
	DIES(CROSSED, R | F),
	DIES(CROSSED_REMOTE_FIRST, R | F),
	DIES(CROSSED_ANSWERED, R | F),
	DIES(CROSSED_ANSWER_SEEN, R | F),
	DIES(OPEN, R | F),
	DIES(OPEN_BY_LOCAL, R | F),
	DIES(OPEN_CROSSED, R | F),
	DIES(OPEN_COOKIE, R | F),
	DIES(LOCAL_FIN, R | F),
	DIES(LOCAL_FIN_ACKED, R | F),
	DIES(LOCAL_FIRST_BOTH, R | F),
	DIES(LOCAL_FIRST_DONE, F),
	DIES(REMOTE_FIN, R | F),
	DIES(REMOTE_FIN_ACKED, R | F),
	DIES(REMOTE_FIRST_BOTH, R | F),
	DIES(REMOTE_FIRST_DONE, F),
	DIES(BOTH_FIN, R | F),
	DIES(BOTH_FIN_LOCAL_DONE, R | F),
	DIES(BOTH_FIN_REMOTE_DONE, R | F),
	DIES(BOTH_FIN_DONE, F),
	DIES(EARLY_LOCAL_FIN, R | F),
	DIES(EARLY_REMOTE_FIN, R | F),
};

static bool is_silent(enum synshield_tcp_state state)
{
	return state == S(CLOSED) || state == S(LISTEN) || state == S(TIME_WAIT);
}

/*
 * Is it this host's SYN-ACK, or SYN, as it was sent before?  The former may be repeated
 * until the kernel takes the ACK, whatever has passed since; the latter as long as
 * nothing followed it.
 */
static bool is_repeated(enum situation in, enum kind kind)
{
	switch (in) {
	case NONE:
	case SYN_IN:
	case RESET:
	case RESET_IN_HANDSHAKE:
	case RESET_OUT_IN_HANDSHAKE:
		return false;
	case SYN_OUT:
	case SYNACK_IN:
	case CROSSED:
	case CROSSED_REMOTE_FIRST:
	case CROSSED_ANSWER_SEEN:
	case EARLY_REMOTE_FIN:
	case REOPENS:
		return kind == SYN;
	case CROSSED_ANSWERED:
	case OPEN_BY_LOCAL:
	case OPEN_CROSSED:
		return kind == SYN || kind == SYNACK;
	default:
		return kind == SYNACK;
	}
}

/*
 * What this host's kernel sends is what it does: its SYN, and a SYN-ACK of its own,
 * begin a connection wherever they are not repetitions.
 */
static bool kernel_begins(enum situation in, enum kind kind, struct move *m)
{
	struct pair before = situations[in].pair;
	bool syn = kind == SYN || kind == SYN_NEW;
	bool synack = kind == SYNACK || kind == SYNACK_NEW || kind == SYNACK_WRONG;

	if ((!syn && !synack) || is_repeated(in, kind))
		return false;
	m->remote = synack ? S(ESTABLISHED) : S(SYN_RECEIVED);
	m->local = synack ? S(SYN_RECEIVED) : S(SYN_SENT);
	if (syn && before.remote == S(TIME_WAIT))
		m->remote = S(TIME_WAIT);
	m->done = is_silent(before.remote) && is_silent(before.local) ? O : O | C;
	return true;
}

static struct move reference(enum situation in, enum fsm_end from, enum kind kind)
{
	struct move m = {in, from, kind, situations[in].pair.remote, situations[in].pair.local, 0};

	for (unsigned int i = 0; i < sizeof(moves) / sizeof(*moves); i++) {
		if (moves[i].in == in && moves[i].from == from && moves[i].kind == kind)
			return moves[i];
	}
	if (from == FSM_LOCAL)
		kernel_begins(in, kind, &m);
	return m;
}

static bool cell(enum situation in, enum fsm_end from, enum kind kind)
{
	struct move want = reference(in, from, kind);
	struct pair pair = {want.remote, want.local};
	struct fsm_segment s;
	unsigned int done;
	struct view v;

	view_init(&v);
	play(&v, situations[in].script);
	s = talk_segment(&v.talk, from, kind, kind == DATA ? 10 : 0);
	done = feed(&v, &s);
	if (is_pair(pair_of(&v.f), pair) && done == want.done && is_rebuilt(&v))
		return true;
	note("%s, after '%s': %s, not %s; actions %#x, not %#x%s", kind_names[kind],
	     situations[in].script, pair_text(pair_of(&v.f)), pair_text(pair), done, want.done,
	     is_rebuilt(&v) ? "" : "; rebuilt otherwise");
	return false;
}

static void row_situation(enum situation in)
{
	static const char *const who[] = {"the remote end", "this host"};
	struct view v;

	view_init(&v);
	play(&v, situations[in].script);
	ok(is_pair(pair_of(&v.f), situations[in].pair) && is_rebuilt(&v),
	   "'%s' makes %s, rebuilt, too", situations[in].script, pair_text(pair_of(&v.f)));
	for (int from = FSM_REMOTE; from <= FSM_LOCAL; from++) {
		int right = 0;

		for (int kind = 0; kind < KINDS_MAX; kind++)
			right += cell(in, from, kind);
		ok(right == KINDS_MAX, "%s: each of %d segments of %s moves what RFC 9293 says",
		   pair_text(situations[in].pair), KINDS_MAX, who[from]);
	}
}

int main(void)
{
	fsm_defaults(&config);
	for (int in = 0; in < SITUATIONS; in++)
		row_situation(in);
	return tap_done();
}
