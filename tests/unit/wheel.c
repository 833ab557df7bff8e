/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * user/wheel.c against a heap of the same deadlines, with a million of them; what it
 * costs is counted in nodes put into slots, not in time.
 */
#include "wheel.h"

#include <stdlib.h>
#include <string.h>

#include "fsm.h"
#include "tap.h"

#define SECOND 1000000000ULL
#define TICK (1ULL << WHEEL_TICK_SHIFT)
#define START (1234567 * SECOND + 678)
#define DAY (86400 * SECOND)
#define TIMERS 1000000
#define OPS 3000000

/* What the daemon keeps of a connection. */
struct tracked {
	struct wheel_node timer;
	struct fsm fsm;
	struct synshield_tuple tuple;
	__u32 bucket;
};
_Static_assert(sizeof(struct tracked) <= 96, "one for every connection");

static struct wheel wheel;
static struct wheel_node nodes[TIMERS];
static __u64 seed = 88172645463325252ULL;

static __u64 rnd(__u64 below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 16) % below;
}

/* The first tick that is not before it. */
static __u64 due_at(__u64 expires)
{
	return (expires + TICK - 1) / TICK * TICK;
}

/* --- the reference: a binary heap that knows where each node is --- */

static __u32 heap[TIMERS + 1], place_of[TIMERS]; /* from 1; 0: not there */
static __u32 heaped;

static bool is_before(__u32 a, __u32 b)
{
	return nodes[a].expires < nodes[b].expires;
}

static void heap_put(__u32 at, __u32 id)
{
	heap[at] = id;
	place_of[id] = at;
}

static void heap_up(__u32 at)
{
	__u32 id = heap[at];

	for (; at > 1 && is_before(id, heap[at / 2]); at /= 2)
		heap_put(at, heap[at / 2]);
	heap_put(at, id);
}

static void heap_down(__u32 at)
{
	__u32 id = heap[at], child;

	while ((child = 2 * at) <= heaped) {
		if (child < heaped && is_before(heap[child + 1], heap[child]))
			child++;
		if (!is_before(heap[child], id))
			break;
		heap_put(at, heap[child]);
		at = child;
	}
	heap_put(at, id);
}

static void heap_add(__u32 id)
{
	heap_put(++heaped, id);
	heap_up(heaped);
}

static void heap_remove(__u32 id)
{
	__u32 at = place_of[id], last = heap[heaped--];

	place_of[id] = 0;
	if (last == id)
		return;
	heap_put(at, last);
	heap_up(at);
	heap_down(place_of[last]);
}

/* --- rows --- */

static void set(__u32 id, __u64 expires)
{
	if (place_of[id])
		heap_remove(id);
	wheel_set(&wheel, &nodes[id], expires);
	heap_add(id);
}

static void cancel(__u32 id)
{
	if (place_of[id])
		heap_remove(id);
	wheel_cancel(&wheel, &nodes[id]);
}

/* Time passes: exactly what the heap has up to then, in the order of ticks. */
static bool pass(__u64 now, __u64 *taken)
{
	__u64 last = wheel.now * TICK;
	struct wheel_node *n;
	bool right = true;

	while ((n = wheel_take(&wheel, now))) {
		__u32 id = n - nodes;
		__u64 due = due_at(n->expires);

		right &= place_of[id] && due <= now && !wheel_is_set(n);
		/* what was past when it was set is due with the first */
		right &= due >= last || due < wheel.now * TICK;
		if (due > last)
			last = due;
		if (place_of[id])
			heap_remove(id);
		++*taken;
	}
	return right && wheel.count == heaped && (!heaped || due_at(nodes[heap[1]].expires) > now);
}

static void reset(void)
{
	memset(nodes, 0, sizeof(nodes));
	memset(place_of, 0, sizeof(place_of));
	heaped = 0;
	wheel_init(&wheel, START);
}

/* Deadlines as connections have them, some very far, some at once, some in the past. */
static __u64 some_deadline(__u64 now)
{
	switch (rnd(8)) {
	case 0:
		return now + rnd(10 * TICK);
	case 1:
		return now - rnd(SECOND);
	case 2:
		return now + rnd(400 * DAY);
	case 3:
		return now + 7440 * SECOND;
	case 4:
		return now + rnd(SECOND);
	default:
		return now + rnd(120 * SECOND);
	}
}

static __u64 some_time(void)
{
	switch (rnd(6)) {
	case 0:
		return 0;
	case 1:
		return rnd(TICK);
	case 2:
		return rnd(SECOND);
	case 3:
		return rnd(1000) ? rnd(100 * TICK) : rnd(2 * DAY);
	default:
		return TICK;
	}
}

static void row_random(void)
{
	__u64 now = START, taken = 0, sets = TIMERS, most = 0;
	bool right = true;

	reset();
	for (__u32 i = 0; i < TIMERS; i++)
		set(i, some_deadline(now));
	for (int i = 0; i < OPS && right; i++) {
		__u32 id = rnd(TIMERS), op = rnd(100);

		if (op < 70) {
			set(id, some_deadline(now));
			sets++;
		} else if (op < 95) {
			cancel(id);
		} else if (op == 99) {
			now += some_time();
			right = pass(now, &taken);
		}
		most = wheel.count > most ? wheel.count : most;
	}
	right &= pass(now + 500 * DAY, &taken) && !wheel.count;
	ok(right && sets > OPS / 2 && taken > 100000 && most > TIMERS / 10 * 9,
	   "%d random operations on %d timers: %llu set, %llu taken, as the heap has them", OPS,
	   TIMERS, sets, taken);
	ok(wheel.placed <= sets * WHEEL_LEVELS, "each was put into a slot %.2f times",
	   (double)wheel.placed / sets);
}

/* A million connections with 2 hours left, and ten a second whose time is up. */
static void row_standing(void)
{
	__u64 now = START, taken = 0, before;
	bool right = true;

	reset();
	for (__u32 i = 0; i < TIMERS; i++)
		set(i, i < 600 ? now + (i + 1) * SECOND / 10 : now + 7200 * SECOND + i);
	ok(wheel.placed == TIMERS, "%d timers are set by as many steps", TIMERS);
	before = wheel.placed;
	for (int i = 0; i < 60 * 1000; i++) {
		now += SECOND / 1000;
		right &= pass(now, &taken);
	}
	right &= pass(START + 60 * SECOND + TICK, &taken);
	ok(right && taken == 600, "600 of them expire in a minute");
	ok(wheel.placed - before <= 600 * 3,
	   "for that %llu nodes were moved in 60000 steps, and none of the million",
	   wheel.placed - before);
}

static void row_idle(void)
{
	__u64 now = START, taken = 0, before;
	bool right = true;

	reset();
	for (__u32 i = 0; i < TIMERS; i++)
		set(i, now + 3600 * SECOND + rnd(SECOND));
	before = wheel.placed;
	for (int i = 0; i < 3000; i++) {
		now += SECOND;
		right &= pass(now, &taken);
	}
	ok(right && !taken && wheel.placed - before <= TIMERS,
	   "50 minutes in which nothing expires move each timer at most once (%llu)",
	   wheel.placed - before);
	right = pass(START + 3602 * SECOND, &taken);
	ok(right && taken == TIMERS && wheel.placed <= TIMERS * 5ULL && !wheel.count,
	   "all expire in their second, each put into a slot %.2f times",
	   (double)wheel.placed / TIMERS);
}

static void row_cost(void)
{
	__u64 before;

	reset();
	for (__u32 i = 0; i < TIMERS; i++)
		set(i, START + rnd(7200 * SECOND));
	before = wheel.placed;
	for (__u32 i = 0; i < TIMERS; i++)
		wheel_set(&wheel, &nodes[i], START + rnd(7200 * SECOND));
	ok(wheel.placed - before == TIMERS && wheel.count == TIMERS,
	   "to move one deadline among %d is one step", TIMERS);
	before = wheel.placed;
	for (__u32 i = 0; i < TIMERS; i++)
		wheel_cancel(&wheel, &nodes[i]);
	ok(wheel.placed == before && !wheel.count && wheel_next(&wheel) == WHEEL_NEVER,
	   "to cancel one moves no other");
	ok(!wheel_take(&wheel, START + 400 * DAY), "what was cancelled never expires");
}

/* From one wake-up to the next, as a daemon sleeps. */
static int wake_ups(__u64 expires, __u64 *woken)
{
	struct wheel_node *n = NULL;
	int times = 0;

	reset();
	set(0, expires);
	while (!n && times < 100) {
		*woken = wheel_next(&wheel);
		n = wheel_take(&wheel, *woken);
		times++;
	}
	return n == &nodes[0] ? times : -1;
}

static void rows_next(void)
{
	static const __u64 after[] = {
		0,	1,	     TICK,	    TICK + 1, 63 * TICK, 64 * TICK,   65 * TICK,
		SECOND, 60 * SECOND, 7200 * SECOND, 30 * DAY, 365 * DAY, 36500 * DAY,
	};

	for (unsigned int i = 0; i < sizeof(after) / sizeof(*after); i++) {
		__u64 woken = 0, due = due_at(START + after[i]);
		int times = wake_ups(START + after[i], &woken);

		if (!after[i])
			due = START / TICK * TICK; /* at once: no later than now */
		ok(times >= 1 && times <= WHEEL_LEVELS && woken <= due_at(START + after[i]) &&
			   woken + TICK > due,
		   "a deadline in %llu ns is met at its tick, after %d wake-ups", after[i], times);
	}
}

static void rows_edges(void)
{
	struct wheel_node *n;

	reset();
	set(1, START - DAY);
	set(2, 0);
	ok(wheel_next(&wheel) <= START && wheel_take(&wheel, START) && wheel_take(&wheel, START) &&
		   !wheel_take(&wheel, START),
	   "what is past is due at once");
	set(1, START + SECOND);
	n = wheel_take(&wheel, START + SECOND - 1);
	ok(!n && wheel_take(&wheel, START + SECOND + TICK) == &nodes[1],
	   "nothing expires early, nor later than a tick");
	set(1, START + 2 * SECOND);
	set(2, START + SECOND + 10 * TICK);
	ok(!wheel_take(&wheel, 0) && !wheel_take(&wheel, START) &&
		   wheel_take(&wheel, START + SECOND + 11 * TICK) == &nodes[2] &&
		   !wheel_take(&wheel, 0) && !wheel_take(&wheel, START) &&
		   wheel_take(&wheel, START + 3 * SECOND) == &nodes[1],
	   "a clock that steps back makes nothing due");
	wheel_take(&wheel, START + DAY);
	wheel.placed = 0;
	set(1, START + DAY + SECOND);
	ok(wheel_take(&wheel, START + DAY + SECOND + TICK) == &nodes[1] && wheel.placed <= 3,
	   "after a day without any a deadline costs no more than at the start");
	wheel_cancel(&wheel, &nodes[1]);
	wheel_cancel(&wheel, &nodes[3]);
	ok(!wheel.count && !wheel_is_set(&nodes[3]), "what is not set can be cancelled");
	wheel_set(&wheel, &nodes[4], WHEEL_NEVER - 1);
	wheel_set(&wheel, &nodes[5], WHEEL_NEVER);
	ok(!wheel_take(&wheel, START + 36500 * DAY) && wheel.count == 2 &&
		   wheel_next(&wheel) > START + 36500 * DAY,
	   "the furthest deadlines are kept");
	wheel_cancel(&wheel, &nodes[4]);
	wheel_cancel(&wheel, &nodes[5]);
	ok(!wheel.count && wheel_next(&wheel) == WHEEL_NEVER, "and can be cancelled");
}

/* While a round is taken: cancel the next, set one for now, set one for later. */
static void row_within(void)
{
	struct wheel_node *first, *second;

	reset();
	for (int i = 0; i < 3; i++)
		wheel_set(&wheel, &nodes[i], START + SECOND);
	first = wheel_take(&wheel, START + 2 * SECOND);
	for (int i = 0; i < 3; i++) {
		if (&nodes[i] != first)
			wheel_cancel(&wheel, &nodes[i]);
	}
	wheel_set(&wheel, &nodes[3], START + 2 * SECOND - TICK);
	wheel_set(&wheel, first, START + 3 * SECOND);
	second = wheel_take(&wheel, START + 2 * SECOND);
	ok(second == &nodes[3] && !wheel_take(&wheel, START + 2 * SECOND) && wheel.count == 1 &&
		   wheel_take(&wheel, START + 3 * SECOND + TICK) == first && !wheel.count,
	   "deadlines may be set and cancelled while others are taken");
}

int main(void)
{
	note("a tracked connection takes %zu bytes, %zu of them for its deadline",
	     sizeof(struct tracked), sizeof(struct wheel_node));
	row_random();
	row_standing();
	row_idle();
	row_cost();
	rows_next();
	rows_edges();
	row_within();
	return tap_done();
}
