/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * user/fsm.c: the rows of the design, segment by segment, and the deadlines.  States
 * are written remote/local; each is found again from the flags that `conns` keeps.
 *
 *      remote end ───────► NIC ───────► local end
 *                 ◄─────── (here) ◄────
 */
#include "view.h"

struct step {
	const char *segment;
	enum synshield_tcp_state remote, local;
	unsigned int done;
};

#define STEPS_MAX 12

struct row {
	const char *name;
	struct step step[STEPS_MAX];
};

#define ESTABLISHED_BY_REMOTE                                                                      \
	{">S", S(SYN_SENT), S(SYN_RECEIVED), O}, {"<SA", S(ESTABLISHED), S(SYN_RECEIVED), 0},      \
	{                                                                                          \
		">A", S(ESTABLISHED), S(ESTABLISHED), E                                            \
	}

static const struct row rows[] = {
	{"T1 three-way handshake, opened by the remote end", {ESTABLISHED_BY_REMOTE}},
	{"T1 three-way handshake, opened by this host",
	 {{"<S", S(SYN_RECEIVED), S(SYN_SENT), O},
	  {">SA", S(SYN_RECEIVED), S(ESTABLISHED), 0},
	  {"<A", S(ESTABLISHED), S(ESTABLISHED), E}}},
	{"T3 SYN, SYN-ACK and final ACK repeated are one connection",
	 {{">S", S(SYN_SENT), S(SYN_RECEIVED), O},
	  {">S", S(SYN_SENT), S(SYN_RECEIVED), 0},
	  {"<SA", S(ESTABLISHED), S(SYN_RECEIVED), 0},
	  {">S", S(ESTABLISHED), S(SYN_RECEIVED), 0},
	  {"<SA", S(ESTABLISHED), S(SYN_RECEIVED), 0},
	  {">A", S(ESTABLISHED), S(ESTABLISHED), E},
	  {"<SA", S(ESTABLISHED), S(ESTABLISHED), 0},
	  {">A", S(ESTABLISHED), S(ESTABLISHED), 0},
	  {">S", S(ESTABLISHED), S(ESTABLISHED), 0}}},
	{"T3 this host's SYN and the SYN-ACK repeated are one connection",
	 {{"<S", S(SYN_RECEIVED), S(SYN_SENT), O},
	  {"<S", S(SYN_RECEIVED), S(SYN_SENT), 0},
	  {">SA", S(SYN_RECEIVED), S(ESTABLISHED), 0},
	  {">SA", S(SYN_RECEIVED), S(ESTABLISHED), 0},
	  {"<A", S(ESTABLISHED), S(ESTABLISHED), E},
	  {">SA", S(ESTABLISHED), S(ESTABLISHED), 0},
	  {"<A", S(ESTABLISHED), S(ESTABLISHED), 0}}},
	{"T3 data completes the handshake when the final ACK is lost",
	 {{">S", S(SYN_SENT), S(SYN_RECEIVED), O},
	  {"<SA", S(ESTABLISHED), S(SYN_RECEIVED), 0},
	  {">D100", S(ESTABLISHED), S(ESTABLISHED), E}}},
	{"T3 data and FIN complete the handshake at once",
	 {{">S", S(SYN_SENT), S(SYN_RECEIVED), O},
	  {"<SA", S(ESTABLISHED), S(SYN_RECEIVED), 0},
	  {">F100", S(FIN_WAIT_1), S(CLOSE_WAIT), E}}},
	{"T3 a SYN may bear data",
	 {{">S500", S(SYN_SENT), S(SYN_RECEIVED), O},
	  {"<SA", S(ESTABLISHED), S(SYN_RECEIVED), 0},
	  {">A", S(ESTABLISHED), S(ESTABLISHED), E}}},
	{"T3 a cookie connection begins with its ACK",
	 {{">A", S(ESTABLISHED), S(ESTABLISHED), O | E},
	  {"<D10", S(ESTABLISHED), S(ESTABLISHED), 0}}},
	{"T5 four-way close, client first",
	 {ESTABLISHED_BY_REMOTE,
	  {">F", S(FIN_WAIT_1), S(CLOSE_WAIT), 0},
	  {"<A", S(FIN_WAIT_2), S(CLOSE_WAIT), 0},
	  {"<F", S(TIME_WAIT), S(LAST_ACK), 0},
	  {">A", S(TIME_WAIT), S(CLOSED), C}}},
	{"T6 four-way close, server first",
	 {ESTABLISHED_BY_REMOTE,
	  {"<F", S(CLOSE_WAIT), S(FIN_WAIT_1), 0},
	  {">A", S(CLOSE_WAIT), S(FIN_WAIT_2), 0},
	  {">F", S(LAST_ACK), S(TIME_WAIT), 0},
	  {"<A", S(CLOSED), S(TIME_WAIT), C}}},
	{"T5 every segment of the close repeated, nothing moves twice",
	 {ESTABLISHED_BY_REMOTE,
	  {">F", S(FIN_WAIT_1), S(CLOSE_WAIT), 0},
	  {">F", S(FIN_WAIT_1), S(CLOSE_WAIT), 0},
	  {"<A", S(FIN_WAIT_2), S(CLOSE_WAIT), 0},
	  {"<A", S(FIN_WAIT_2), S(CLOSE_WAIT), 0},
	  {">F", S(FIN_WAIT_2), S(CLOSE_WAIT), 0},
	  {"<F", S(TIME_WAIT), S(LAST_ACK), 0},
	  {"<F", S(TIME_WAIT), S(LAST_ACK), 0},
	  {">A", S(TIME_WAIT), S(CLOSED), C},
	  {">A", S(TIME_WAIT), S(CLOSED), 0}}},
	{"T7 half-close: data flows the other way, CLOSE_WAIT and FIN_WAIT_2",
	 {ESTABLISHED_BY_REMOTE,
	  {">F", S(FIN_WAIT_1), S(CLOSE_WAIT), 0},
	  {"<A", S(FIN_WAIT_2), S(CLOSE_WAIT), 0},
	  {"<D9000", S(FIN_WAIT_2), S(CLOSE_WAIT), 0},
	  {">A", S(FIN_WAIT_2), S(CLOSE_WAIT), 0},
	  {"<D9000", S(FIN_WAIT_2), S(CLOSE_WAIT), 0},
	  {">A", S(FIN_WAIT_2), S(CLOSE_WAIT), 0},
	  {"<F", S(TIME_WAIT), S(LAST_ACK), 0},
	  {">A", S(TIME_WAIT), S(CLOSED), C}}},
	{"T8 FIN and ACK in one segment: FIN_WAIT_1 to TIME_WAIT directly",
	 {ESTABLISHED_BY_REMOTE,
	  {"<F", S(CLOSE_WAIT), S(FIN_WAIT_1), 0},
	  {">F", S(LAST_ACK), S(TIME_WAIT), 0},
	  {"<A", S(CLOSED), S(TIME_WAIT), C}}},
	{"T9 simultaneous close reaches CLOSING on both ends, then TIME_WAIT",
	 {ESTABLISHED_BY_REMOTE,
	  {"<F", S(CLOSE_WAIT), S(FIN_WAIT_1), 0},
	  {">FL", S(CLOSING), S(CLOSING), 0},
	  {">A", S(CLOSING), S(TIME_WAIT), 0},
	  {"<A", S(TIME_WAIT), S(TIME_WAIT), C}}},
	{"T9 simultaneous close, the ACKs the other way round",
	 {ESTABLISHED_BY_REMOTE,
	  {">F", S(FIN_WAIT_1), S(CLOSE_WAIT), 0},
	  {"<FL", S(CLOSING), S(CLOSING), 0},
	  {"<A", S(TIME_WAIT), S(CLOSING), 0},
	  {">A", S(TIME_WAIT), S(TIME_WAIT), C}}},
	{"T9 simultaneous close, the remote FIN after the ACK that followed it",
	 {ESTABLISHED_BY_REMOTE,
	  {"<F", S(CLOSE_WAIT), S(FIN_WAIT_1), 0},
	  {">A", S(CLOSE_WAIT), S(FIN_WAIT_2), 0},
	  {">FL", S(CLOSING), S(TIME_WAIT), 0},
	  {"<A", S(TIME_WAIT), S(TIME_WAIT), C}}},
	{"T10 simultaneous open",
	 {{"<S", S(SYN_RECEIVED), S(SYN_SENT), O},
	  {">S", S(SYN_RECEIVED), S(SYN_RECEIVED), 0},
	  {"<SA", S(ESTABLISHED), S(SYN_RECEIVED), 0},
	  {">SA", S(ESTABLISHED), S(ESTABLISHED), E}}},
	{"T10 simultaneous open, the remote SYN first",
	 {{">S", S(SYN_SENT), S(SYN_RECEIVED), O},
	  {"<S", S(SYN_RECEIVED), S(SYN_RECEIVED), 0},
	  {">SA", S(SYN_RECEIVED), S(ESTABLISHED), 0},
	  {"<SA", S(ESTABLISHED), S(ESTABLISHED), E}}},
	{"T12 a SYN in TIME_WAIT that the kernel takes begins a connection",
	 {ESTABLISHED_BY_REMOTE,
	  {"<F", S(CLOSE_WAIT), S(FIN_WAIT_1), 0},
	  {">F", S(LAST_ACK), S(TIME_WAIT), 0},
	  {"<A", S(CLOSED), S(TIME_WAIT), C},
	  {">SN", S(CLOSED), S(TIME_WAIT), 0},
	  {"<SAN", S(ESTABLISHED), S(SYN_RECEIVED), O},
	  {">A", S(ESTABLISHED), S(ESTABLISHED), E}}},
	{"T12 a SYN in TIME_WAIT that the kernel refuses moves nothing",
	 {ESTABLISHED_BY_REMOTE,
	  {"<F", S(CLOSE_WAIT), S(FIN_WAIT_1), 0},
	  {">F", S(LAST_ACK), S(TIME_WAIT), 0},
	  {"<A", S(CLOSED), S(TIME_WAIT), C},
	  {">SN", S(CLOSED), S(TIME_WAIT), 0},
	  {"<A", S(CLOSED), S(TIME_WAIT), 0}}},
	{"T12 this host's SYN to a remote TIME_WAIT: it stays so until the SYN-ACK",
	 {ESTABLISHED_BY_REMOTE,
	  {">F", S(FIN_WAIT_1), S(CLOSE_WAIT), 0},
	  {"<F", S(TIME_WAIT), S(LAST_ACK), 0},
	  {">A", S(TIME_WAIT), S(CLOSED), C},
	  {"<SN", S(TIME_WAIT), S(SYN_SENT), O},
	  {">A", S(TIME_WAIT), S(SYN_SENT), 0},
	  {">SAN", S(SYN_RECEIVED), S(ESTABLISHED), 0},
	  {"<A", S(ESTABLISHED), S(ESTABLISHED), E}}},
	{"T13 an old SYN is answered, disowned by a RST, and establishes nothing",
	 {{">SN", S(SYN_SENT), S(SYN_RECEIVED), O},
	  {"<SA", S(ESTABLISHED), S(SYN_RECEIVED), 0},
	  {">R", S(CLOSED), S(LISTEN), R | F},
	  {">A", S(CLOSED), S(LISTEN), 0}}},
	{"T13 old segments after the close move nothing",
	 {ESTABLISHED_BY_REMOTE,
	  {">D30", S(ESTABLISHED), S(ESTABLISHED), 0},
	  {"<F", S(CLOSE_WAIT), S(FIN_WAIT_1), 0},
	  {">F", S(LAST_ACK), S(TIME_WAIT), 0},
	  {"<A", S(CLOSED), S(TIME_WAIT), C},
	  {">S", S(CLOSED), S(TIME_WAIT), 0},
	  {">FO", S(CLOSED), S(TIME_WAIT), 0},
	  {">SA", S(CLOSED), S(TIME_WAIT), 0},
	  {">AS", S(CLOSED), S(TIME_WAIT), 0},
	  {">RS", S(CLOSED), S(TIME_WAIT), 0}}},
	{"T15 closed port: both ends CLOSED",
	 {{">S", S(SYN_SENT), S(SYN_RECEIVED), O}, {"<RA", S(CLOSED), S(CLOSED), R | F}}},
	{"T15 this host's SYN to a closed port: both ends CLOSED",
	 {{"<S", S(SYN_RECEIVED), S(SYN_SENT), O}, {">RA", S(CLOSED), S(CLOSED), R | F}}},
	{"T15 abort with data queued: both ends CLOSED",
	 {ESTABLISHED_BY_REMOTE,
	  {"<D100", S(ESTABLISHED), S(ESTABLISHED), 0},
	  {">R", S(CLOSED), S(CLOSED), R | F},
	  {"<D100", S(CLOSED), S(CLOSED), 0}}},
	{"T15 abort by this host: both ends CLOSED",
	 {ESTABLISHED_BY_REMOTE, {"<R", S(CLOSED), S(CLOSED), R | F}}},
	{"T15 a RST outside the window is ignored",
	 {ESTABLISHED_BY_REMOTE,
	  {">RS", S(ESTABLISHED), S(ESTABLISHED), 0},
	  {"<RS", S(ESTABLISHED), S(ESTABLISHED), 0}}},
	{"T16 half-open: the end that was rebooted answers with a RST",
	 {ESTABLISHED_BY_REMOTE,
	  {">SN", S(ESTABLISHED), S(ESTABLISHED), 0},
	  {"<A", S(ESTABLISHED), S(ESTABLISHED), 0}}},
};

static bool is_as_said(struct view *v, const struct step *step)
{
	struct pair want = {step->remote, step->local};
	struct fsm_segment s;
	unsigned int done;

	if (!talk_word(&v->talk, step->segment, &s))
		bail_out("no such segment: %s", step->segment);
	done = feed(v, &s);
	if (is_pair(pair_of(&v->f), want) && done == step->done && is_rebuilt(v))
		return true;
	note("after %s: %s, not %s; actions %#x, not %#x%s", step->segment,
	     pair_text(pair_of(&v->f)), pair_text(want), done, step->done,
	     is_rebuilt(v) ? "" : "; rebuilt otherwise");
	return false;
}

static void row_design(const struct row *r)
{
	bool right = true;
	struct view v;

	view_init(&v);
	for (const struct step *step = r->step; step < r->step + STEPS_MAX && step->segment; step++)
		right &= is_as_said(&v, step);
	ok(right, "%s", r->name);
}

/* --- deadlines --- */

#define EST ">S <SA >A "

static bool has_deadline(const struct view *v, enum synshield_tcp_state state, __u64 at)
{
	if (fsm_timed(&v->f) == state && v->f.deadline == at)
		return true;
	note("%s: %s at %llu s, not %s at %llu s", pair_text(pair_of(&v->f)),
	     fsm_state_name(fsm_timed(&v->f)), v->f.deadline / SECOND, fsm_state_name(state),
	     at / SECOND);
	return false;
}

/* One tick before nothing happens, at the deadline everything does. */
static bool ends(struct view *v, __u64 last_seen, unsigned int done)
{
	struct pair closed = {S(CLOSED), S(CLOSED)}, before = pair_of(&v->f);
	__u64 at = v->f.deadline;

	return !fsm_timeout(&v->f, at - 1, last_seen, &config) && v->f.deadline == at &&
	       is_pair(pair_of(&v->f), before) &&
	       fsm_timeout(&v->f, at, last_seen, &config) == done && v->f.deadline == FSM_NEVER &&
	       is_pair(pair_of(&v->f), closed) && !fsm_timeout(&v->f, at + 1, last_seen, &config);
}

static void rows_half_open(void)
{
	struct fsm_config attack = config;
	struct view v;
	__u64 at;

	view_init(&v);
	play(&v, ">S");
	at = v.now + 60 * SECOND;
	v.now += 5 * SECOND;
	play(&v, "<SA >S <SA");
	ok(has_deadline(&v, S(SYN_RECEIVED), at), "T4 SYN_RECEIVED ends 60 s after the SYN, "
						  "however often it and the SYN-ACK are repeated");
	attack.syn_received = 9 * SECOND;
	fsm_retime(&v.f, &config, &attack);
	ok(has_deadline(&v, S(SYN_RECEIVED), at - 51 * SECOND), "T4 and 9 s after it under attack");
	ok(ends(&v, v.now, FSM_TIMED_OUT | FSM_FORGET), "T4 it is timed out and forgotten");
	play(&v, ">A >D1 <A");
	ok(is_pair(pair_of(&v.f), (struct pair){S(CLOSED), S(CLOSED)}),
	   "T4 what comes too late moves nothing");
	view_init(&v);
	play(&v, "<S");
	at = v.now + 120 * SECOND;
	v.now += 63 * SECOND;
	play(&v, "<S");
	ok(has_deadline(&v, S(SYN_SENT), at) && ends(&v, v.now, FSM_TIMED_OUT | FSM_FORGET),
	   "T4 SYN_SENT ends 120 s after the first SYN");
}

/* `then`: what follows the segment that enters the state whose deadline it is. */
static void row_time_wait(const char *script, const char *then, const char *again, __u64 msl)
{
	__u64 usual = config.msl, at;
	bool right = true;
	struct view v;

	config.msl = msl;
	view_init(&v);
	play(&v, script);
	at = v.now + 2 * msl;
	v.now += msl;
	play(&v, then);
	play(&v, "<A >A >AS >FO >RS");
	right &= has_deadline(&v, S(TIME_WAIT), at);
	play(&v, again);
	right &= has_deadline(&v, S(TIME_WAIT), v.now + 2 * msl);
	right &= ends(&v, v.now, FSM_FORGET);
	ok(right, "T11 after '%s' TIME_WAIT lasts %llu s, and again after a repeated FIN", script,
	   2 * msl / SECOND);
	config.msl = usual;
}

static void rows_time_wait(void)
{
	static const __u64 msl[] = {30 * SECOND, 60 * SECOND, 120 * SECOND};
	struct view v;
	__u64 at;

	for (int i = 0; i < 3; i++) {
		row_time_wait(EST "<F >A >F", "<A", ">F", msl[i]);
		row_time_wait(EST ">F <A <F >A", "", "<F", msl[i]);
		row_time_wait(EST "<F >FL <A >A", "", ">F", msl[i]);
	}
	view_init(&v);
	play(&v, EST "<F >A >F <A");
	at = v.f.deadline;
	play(&v, ">SN");
	ok(has_deadline(&v, S(TIME_WAIT), at), "T12 a SYN does not prolong TIME_WAIT");
	view_init(&v);
	play(&v, EST "<F >A >F");
	ok(has_deadline(&v, S(TIME_WAIT), v.now + 60 * SECOND) && ends(&v, v.now, FSM_FORGET),
	   "T11 TIME_WAIT ends, too, if its ACK is never seen");
}

static const struct {
	const char *script;
	enum synshield_tcp_state state;
	__u64 seconds;
} idle_rows[] = {
	{EST, S(ESTABLISHED), 7440},	   {EST "<F", S(FIN_WAIT_1), 60},
	{EST "<F >A", S(FIN_WAIT_2), 60},  {EST ">F", S(CLOSE_WAIT), 7440},
	{EST ">F <A <F", S(LAST_ACK), 60}, {EST "<F >FL", S(CLOSING), 60},
};

/* No segment is fed in the meantime; `conns` says when one was seen last. */
static void row_idle(unsigned int i)
{
	__u64 wait = idle_rows[i].seconds * SECOND, seen;
	struct fsm again;
	struct view v;
	bool right;

	view_init(&v);
	play(&v, idle_rows[i].script);
	right = has_deadline(&v, idle_rows[i].state, v.now + wait);
	fsm_rebuild(&again, &v.kept.conn, v.now, &config);
	right &= again.deadline == v.f.deadline;
	seen = v.now + wait / 2;
	right &= !fsm_timeout(&v.f, v.f.deadline, seen, &config) && v.f.deadline == seen + wait;
	right &= ends(&v, seen, FSM_TIMED_OUT | FSM_FORGET);
	ok(right, "T14 %s ends %llu s after the last segment seen, and is timed out",
	   fsm_state_name(idle_rows[i].state), idle_rows[i].seconds);
}

static void row_live(void)
{
	struct view v;
	bool right = true;

	view_init(&v);
	play(&v, EST);
	for (int i = 0; i < 10; i++) {
		v.now += 100 * SECOND;
		play(&v, i & 1 ? ">D10" : "<D10");
		right &= has_deadline(&v, S(ESTABLISHED), v.now + 7440 * SECOND);
	}
	v.now += 100 * SECOND;
	play(&v, ">AM >AS >FO >RS >SA >FB >N");
	right &= v.f.deadline + 100 * SECOND < v.now + 7440 * SECOND;
	ok(right, "T14 data postpones the end of an idle connection, what is ignored does not");
}

static void row_half_close(void)
{
	struct view v;
	bool right = true;

	view_init(&v);
	play(&v, EST "<F >A");
	for (int i = 0; i < 1000; i++) {
		v.now += 50 * SECOND;
		right &= !fsm_timeout(&v.f, v.f.deadline, v.now, &config);
		right &= v.f.deadline == v.now + 60 * SECOND;
	}
	ok(right && is_pair(pair_of(&v.f), (struct pair){S(CLOSE_WAIT), S(FIN_WAIT_2)}),
	   "T7 a half-close with data every 50 s lasts as long as it likes");
}

/* --- the rest --- */

/* Only the rare segments are fed; the numbers move on meanwhile. */
static void row_sparse(bool synced)
{
	static const struct pair want[] = {{S(FIN_WAIT_1), S(CLOSE_WAIT)},
					   {S(FIN_WAIT_2), S(CLOSE_WAIT)},
					   {S(TIME_WAIT), S(LAST_ACK)},
					   {S(TIME_WAIT), S(CLOSED)}};
	static const char *const close[] = {">F", "<A", "<F", ">A"};
	__u64 sent = synced ? 5000000000ULL : 2000000000ULL;
	struct fsm_segment s;
	bool right = true;
	struct view v;

	config.sparse = true;
	view_init(&v);
	play(&v, EST);
	v.talk.next[FSM_REMOTE] += sent;
	v.talk.next[FSM_LOCAL] += sent / 2;
	for (__u64 at = 1ULL << 30; synced && at < sent; at += 1ULL << 30)
		fsm_sync(&v.f, REMOTE_ISN + 1 + at, LOCAL_ISN + 1 + at / 2);
	for (int i = 0; i < 4; i++) {
		talk_word(&v.talk, close[i], &s);
		fsm_segment(&v.f, &s, v.now, &config);
		right &= is_pair(pair_of(&v.f), want[i]);
	}
	config.sparse = false;
	ok(right, "a close is followed after %llu bytes that were not fed%s", sent,
	   synced ? ", if their numbers were told" : "");
}

/* The numbers of what took another way, or passed before the shield was there. */
static void rows_unseen(void)
{
	struct view v;

	view_init(&v);
	play(&v, EST);
	v.talk.next[FSM_REMOTE] += 5000;
	play(&v, "<F >A");
	ok(is_pair(pair_of(&v.f), (struct pair){S(CLOSE_WAIT), S(FIN_WAIT_2)}),
	   "this host's FIN counts, though it acknowledges what was not seen");
	play(&v, ">R");
	ok(is_pair(pair_of(&v.f), (struct pair){S(CLOSED), S(CLOSED)}),
	   "and tells how far the remote end was, when that sends a RST");
	view_init(&v);
	play(&v, ">A");
	v.talk.next[FSM_LOCAL] += 5000;
	play(&v, "<R");
	ok(is_pair(pair_of(&v.f), (struct pair){S(CLOSED), S(CLOSED)}),
	   "this host's RST is the first that is seen of it");
	view_init(&v);
	config.sparse = true;
	play(&v, ">S <SA");
	v.talk.next[FSM_LOCAL] += 3000;
	play(&v, ">A");
	config.sparse = false;
	ok(is_pair(pair_of(&v.f), (struct pair){S(ESTABLISHED), S(ESTABLISHED)}),
	   "T3 the final ACK counts, though it acknowledges data that was not fed");
}

static void rows_client(void)
{
	enum fsm_end client;
	struct view v;

	view_init(&v);
	play(&v, ">S <SA >A >F <A");
	ok(fsm_client(&v.f, &client) && client == FSM_REMOTE, "the remote end opened it");
	view_init(&v);
	play(&v, "<S >SA <A >F <A");
	ok(fsm_client(&v.f, &client) && client == FSM_LOCAL, "this host opened it");
	view_init(&v);
	play(&v, "<S >S <SA >SA");
	ok(!fsm_client(&v.f, &client), "both opened it");
}

static void row_proven(void)
{
	struct synshield_conn conn = {.state = SYNSHIELD_CONN_PROVEN, .handed_jiffies = 12345};
	enum fsm_end client;
	struct fsm f;

	ok(!fsm_rebuild(&f, &conn, SECOND, &config) &&
		   is_pair(pair_of(&f), (struct pair){S(ESTABLISHED), S(ESTABLISHED)}) &&
		   fsm_client(&f, &client) && client == FSM_REMOTE,
	   "T3 a cookie that came back is rebuilt as a connection that the remote end opened");
}

/* Also as they are without syn_acked, with syn for a SYN-ACK. */
static const struct {
	struct synshield_conn conn;
	struct pair want;
} kept_rows[] = {
	{{.state = SYNSHIELD_CONN_SYN_RECEIVED, .remote = {.syn = 1}},
	 {S(SYN_SENT), S(SYN_RECEIVED)}},
	{{.state = SYNSHIELD_CONN_SYN_RECEIVED, .remote = {.syn = 1}, .local_segments = 1},
	 {S(ESTABLISHED), S(SYN_RECEIVED)}},
	{{.state = SYNSHIELD_CONN_SYN_RECEIVED, .remote = {.syn = 1}, .local = {.syn = 1}},
	 {S(ESTABLISHED), S(SYN_RECEIVED)}},
	{{.state = SYNSHIELD_CONN_SYN_SENT, .local = {.syn = 1}}, {S(SYN_RECEIVED), S(SYN_SENT)}},
	{{.state = SYNSHIELD_CONN_SYN_SENT}, {S(SYN_RECEIVED), S(SYN_SENT)}},
	{{.state = SYNSHIELD_CONN_SYN_SENT, .local = {.syn = 1}, .remote = {.syn_acked = 1}},
	 {S(SYN_RECEIVED), S(ESTABLISHED)}},
	{{.state = SYNSHIELD_CONN_SYN_SENT,
	  .local = {.syn = 1},
	  .remote = {.syn = 1, .syn_acked = 1}},
	 {S(SYN_RECEIVED), S(ESTABLISHED)}},
	{{.state = SYNSHIELD_CONN_ESTABLISHED}, {S(ESTABLISHED), S(ESTABLISHED)}},
	{{.state = SYNSHIELD_CONN_ESTABLISHED, .remote = {.syn = 1}, .local = {.syn = 1}},
	 {S(ESTABLISHED), S(ESTABLISHED)}},
	{{.state = SYNSHIELD_CONN_ESTABLISHED, .remote = {.syn = 1, .fin = 1, .fin_first = 1}},
	 {S(FIN_WAIT_1), S(CLOSE_WAIT)}},
	{{.state = SYNSHIELD_CONN_PROVEN, .remote = {.fin = 1, .fin_first = 1}},
	 {S(FIN_WAIT_1), S(CLOSE_WAIT)}},
	{{.state = SYNSHIELD_CONN_ESTABLISHED, .local = {.rst = 1}}, {S(CLOSED), S(CLOSED)}},
};

static void rows_kept(void)
{
	struct fsm f;

	for (unsigned int i = 0; i < sizeof(kept_rows) / sizeof(*kept_rows); i++) {
		struct pair want = kept_rows[i].want;
		unsigned int done = fsm_rebuild(&f, &kept_rows[i].conn, SECOND, &config);

		ok(is_pair(pair_of(&f), want) && done == (want.local == S(CLOSED) ? F : 0),
		   "rebuilt from flags %#x/%#x in state %d: %s",
		   *(const __u8 *)&kept_rows[i].conn.remote,
		   *(const __u8 *)&kept_rows[i].conn.local, kept_rows[i].conn.state,
		   pair_text(pair_of(&f)));
	}
}

static void row_names(void)
{
	static const char *const names[] = {
		"CLOSED",     "LISTEN",	    "SYN_SENT", "SYN_RECEIVED", "ESTABLISHED", "FIN_WAIT_1",
		"FIN_WAIT_2", "CLOSE_WAIT", "CLOSING",	"LAST_ACK",	"TIME_WAIT"};
	int right = 0;

	for (int i = 0; i < SYNSHIELD_TCP_STATES_MAX; i++)
		right += !strcmp(fsm_state_name(i), names[i]);
	ok(right == 11 && !strcmp(fsm_state_name(11), "?"), "T19 11 states, named as in RFC 9293");
}

int main(void)
{
	fsm_defaults(&config);
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		row_design(&rows[i]);
	rows_half_open();
	rows_time_wait();
	for (unsigned int i = 0; i < sizeof(idle_rows) / sizeof(*idle_rows); i++)
		row_idle(i);
	row_live();
	row_half_close();
	rows_unseen();
	rows_kept();
	row_sparse(false);
	row_sparse(true);
	rows_client();
	row_proven();
	row_names();
	return tap_done();
}
