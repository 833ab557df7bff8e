/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Random and mutated frames through the real XDP and TC programs, each checked against
 * model.c: verdict and reason, the bytes that come out, what changed in the maps.
 *
 *	fuzz-packets CORPUS [--seconds N] [--seed N] [--round N [--from N] [--to N]]
 *
 * A round has settings of its own, and begins with empty maps.  Each frame of a round is a
 * function of the seed, of the round and its number, and of what the maps hold by then.
 */
#include <linux/pkt_cls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "generate.h"
#include "model.h"

#define ROUND 2000  /* frames */
#define REFRESH 200 /* of them, until the budget is spent anew */
#define SHORTEST 74 /* bytes, that the kernel takes for a test of TC, whatever is in them */
#define LINEAR 3000
#define ALL (~0u)

static __u64 seed;
static __u64 frames, verdicts[2 * SYNSHIELD_ACTION_MAX * SYNSHIELD_REASON_MAX];
static bool quiet; /* it is only tried whether it fails */

/* What it is about, should the program end. */
static const struct frame *now_running;
static __u32 now_round, now_index;

static const char *const reasons[] = {
#define X(name, text) #name,
	SYNSHIELD_REASONS(X)
#undef X
};
static const char *const actions[] = {"pass", "drop", "reply"};

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void note_hex(const char *what, const struct frame *f)
{
	printf("#   %s: ", what);
	for (__u32 i = 0; i < f->len; i++)
		printf("%02x", f->byte[i]);
	printf("\n");
}

/* --- one frame --- */

/* The one counter that moved; -1: none or several. */
static int counter_of(const struct outcome *o)
{
	const __u64 *count = (const __u64 *)&o->counted;
	int at = -1;

	for (int i = 0; i < 2 * SYNSHIELD_ACTION_MAX * SYNSHIELD_REASON_MAX; i++) {
		if (!count[i])
			continue;
		if (at >= 0 || count[i] > 1)
			return -1;
		at = i;
	}
	return at;
}

static int code_of(int action, bool observed)
{
	if (observed || action == SYNSHIELD_PASS)
		return XDP_PASS;
	return action == SYNSHIELD_DROP ? XDP_DROP : XDP_TX;
}

static bool same_bytes(const struct frame *a, const struct frame *b)
{
	return a->len == b->len && !memcmp(a->byte, b->byte, a->len);
}

/* A SYN-ACK is 1.2 times as long as the SYN at most, on the wire; a RST never longer. */
static bool is_amplified(const struct frame *in, const struct frame *out, int reason)
{
	bool synack = reason == SYNSHIELD_REASON_cookie || reason == SYNSHIELD_REASON_kernel_cookie;

	return 10 * frame_wire_len(out) > (synack ? 12 : 10) * frame_wire_len(in);
}

static const char *check_bytes(const struct frame *in, const struct outcome *o,
			       const struct allowed *a, int action, int reason)
{
	if (o->code == XDP_PASS && !same_bytes(in, &o->frame))
		return "it passed, but was changed";
	if (o->code != XDP_TX)
		return NULL;
	if (is_amplified(in, &o->frame, reason))
		return "the answer is longer than it may be";
	if (a->answered && reason != SYNSHIELD_REASON_kernel_cookie &&
	    !same_bytes(&o->frame, &a->answer))
		return "it was answered with other bytes";
	return NULL;
}

static const char *check(const struct world *w, const struct frame *in, const struct seen *seen,
			 const struct before *b, const struct allowed *a, const struct outcome *o)
{
	int at = counter_of(o), action, reason;
	const char *wrong;
	bool observed;

	if (at < 0)
		return "not exactly one verdict was counted";
	reason = at % SYNSHIELD_REASON_MAX;
	action = at / SYNSHIELD_REASON_MAX;
	observed = action >= SYNSHIELD_ACTION_MAX;
	action %= SYNSHIELD_ACTION_MAX;
	if (!model_allows(a, action, reason))
		return "that is not what the table says";
	/* what is tracked passes, and is counted as the interface's mode wants it */
	if (reason != SYNSHIELD_REASON_tracked &&
	    observed != (a->observed && !is_never_observed(reason)))
		return observed ? "it was only observed" : "it was not only observed";
	if (o->code != code_of(action, observed))
		return "what was done is not what was counted";
	wrong = check_bytes(in, o, a, action, reason);
	if (!wrong)
		wrong = model_changes(w, seen, b, a, action, reason);
	if (!wrong)
		verdicts[at]++;
	return wrong;
}

static void note_before(const struct before *b)
{
	const struct synshield_conn *c = &b->conn;
	const __u8 *sent = (const __u8 *)&c->remote;

	if (b->has_conn)
		note("  connection: state %d, syns %u, sent 0x%02x and 0x%02x, next %08x and %08x",
		     c->state, c->syns, sent[0], sent[1], c->remote_next, c->local_next);
	if (b->has_listener)
		note("  listener: cookie sent at %llu, under attack until %llu, now %llu",
		     b->listener.cookie_sent_jiffies, b->listener.cookies_until_jiffies, b->now);
	if (b->has_source)
		note("  source: %u connections", b->source.conns);
}

static void explain(const struct frame *in, const struct before *b, const struct allowed *a,
		    const struct outcome *o, const char *wrong)
{
	const __u64 *count = (const __u64 *)&o->counted;

	note("%s", wrong);
	note_before(b);
	for (int i = 0; i < a->count; i++)
		note("  allowed: %s%s %s", a->observed ? "would " : "",
		     actions[a->verdict[i].action], reasons[a->verdict[i].reason]);
	for (int i = 0; i < 2 * SYNSHIELD_ACTION_MAX * SYNSHIELD_REASON_MAX; i++)
		if (count[i])
			note("  counted: %s%s %s, code %d",
			     i < SYNSHIELD_ACTION_MAX * SYNSHIELD_REASON_MAX ? "" : "would ",
			     actions[i / SYNSHIELD_REASON_MAX % SYNSHIELD_ACTION_MAX],
			     reasons[i % SYNSHIELD_REASON_MAX], o->code);
	note_hex("frame ", in);
	if (o->code == XDP_TX)
		note_hex("answer", &o->frame);
	if (o->code == XDP_TX && a->answered)
		note_hex("wanted", &a->answer);
}

/* TC ingress leaves alone what XDP told it nothing about. */
static const char *check_tc(const struct frame *in)
{
	static struct outcome o;

	if (in->len > LINEAR || in->len < SHORTEST)
		return NULL;
	shield_run_tc(in, &o);
	if (o.code != TC_ACT_UNSPEC || o.frame.len != in->len ||
	    memcmp(o.frame.byte, in->byte, in->len))
		return "TC ingress did not leave it alone";
	for (unsigned int i = 0; i < sizeof(o.counted) / sizeof(__u64); i++)
		if (((__u64 *)&o.counted)[i])
			return "TC ingress counted it";
	return NULL;
}

static const char *receive(const struct world *w, struct dice *d)
{
	static struct frame f;
	static struct outcome o;
	static struct allowed a;
	const struct holder *h;
	struct seen seen;
	struct before b;
	const char *wrong;

	generate(d, &f);
	now_running = &f;
	seen_read(&f, &seen);
	if (!world_find(&seen.s, &h))
		return NULL;
	model_before(&seen, &b);
	model_verdict(w, &f, &seen, &b, &a);
	shield_run(&f, &o);
	frames++;
	wrong = check(w, &f, &seen, &b, &a, &o);
	if (!wrong && o.code == XDP_PASS && dice_chance(d, 20))
		wrong = check_tc(&f);
	if (wrong && !quiet)
		explain(&f, &b, &a, &o, wrong);
	return wrong;
}

/*
 * TC egress changes no frame and counts none, or the harness ends the test; nor does it store
 * more than the frame's connection.
 */
static const char *send(struct dice *d)
{
	static struct frame f;
	struct before b, after;
	struct seen seen;

	generate_sent(d, &f);
	if (f.len > LINEAR || f.len < SHORTEST)
		return NULL;
	now_running = &f;
	seen_read(&f, &seen);
	seen.tuple = false;
	model_before(&seen, &b);
	shield_run_out(&f);
	frames++;
	model_before(&seen, &after);
	if (after.made - b.made > 1)
		return "TC egress stored more than one connection";
	return NULL;
}

/* --- rounds --- */

static void round_begin(__u32 round, struct world *w)
{
	struct dice d = {seed ^ (round + 1) * 0xd1342543de82ef95ULL};

	world_round(&d, w);
}

/* Frames from..to of a round; the number of the one that fails, or ALL. */
static __u32 run(__u32 round, __u32 from, __u32 to)
{
	struct world w;

	round_begin(round, &w);
	now_round = round;
	for (__u32 i = from; i <= to && i < ROUND; i++) {
		struct dice d = {seed ^ (round + 1) * 0xd1342543de82ef95ULL ^ (__u64)(i + 1) << 32};
		const char *wrong;

		dice_roll(&d);
		now_index = i;
		if (i % REFRESH == REFRESH - 1)
			world_refresh(&w);
		wrong = dice_chance(&d, 5) ? send(&d) : receive(&w, &d);
		if (wrong && !quiet)
			world_note(&w);
		if (wrong)
			return i;
	}
	now_running = NULL;
	return ALL;
}

/* How few of the frames before it are enough? */
static void shrink(const char *self, const char *corpus, __u32 round, __u32 failed)
{
	__u32 few = 1;

	quiet = true;
	while (few <= failed && run(round, failed + 1 - few, failed) != failed)
		few *= 2;
	note("again: %s %s --seed %llu --round %u --from %u --to %u", self, corpus, seed, round,
	     few <= failed ? failed + 1 - few : 0, failed);
}

static void say_where(void)
{
	if (!now_running)
		return;
	note("ended with seed %llu, round %u, frame %u", seed, now_round, now_index);
	note_hex("frame ", now_running);
}

static void note_verdicts(void)
{
	for (int i = 0; i < 2 * SYNSHIELD_ACTION_MAX * SYNSHIELD_REASON_MAX; i++)
		if (verdicts[i])
			note("%12llu %s%s %s", verdicts[i],
			     i < SYNSHIELD_ACTION_MAX * SYNSHIELD_REASON_MAX ? "" : "would ",
			     actions[i / SYNSHIELD_REASON_MAX % SYNSHIELD_ACTION_MAX],
			     reasons[i % SYNSHIELD_REASON_MAX]);
}

static __u32 number(int argc, char **argv, const char *name, __u32 otherwise)
{
	for (int i = 2; i + 1 < argc; i++)
		if (!strcmp(argv[i], name))
			return strtoul(argv[i + 1], NULL, 0);
	return otherwise;
}

int main(int argc, char **argv)
{
	double limit, began;
	__u32 round, failed = ALL, random;

	if (argc < 2 || getrandom(&random, sizeof(random), 0) != sizeof(random))
		bail_out("usage: %s CORPUS [--seconds N] [--seed N] [--round N]", argv[0]);
	seed = number(argc, argv, "--seed", random);
	limit = number(argc, argv, "--seconds", 60);
	round = number(argc, argv, "--round", ALL);
	note("seed %llu", seed);
	generate_begin(argv[1]);
	world_begin();
	atexit(say_where);
	began = seconds();
	if (round != ALL)
		failed = run(round, number(argc, argv, "--from", 0),
			     number(argc, argv, "--to", ROUND));
	else
		for (round = 0; failed == ALL && seconds() - began < limit; round++)
			failed = run(round, 0, ROUND);
	note("%llu frames in %.0f s, %.0f per second", frames, seconds() - began,
	     frames / (seconds() - began));
	ok(failed == ALL, "each frame met what the packet table says");
	if (failed == ALL)
		note_verdicts();
	else
		shrink(argv[0], argv[1], number(argc, argv, "--round", round - 1), failed);
	now_running = NULL;
	return tap_done();
}
