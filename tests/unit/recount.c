/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * user/recount.h: whatever begins and ends while the connections of a source are counted
 * anew, a count that was right stays right, and a wrong one is put right when all is calm.
 */
#include "recount.h"

#include <stddef.h>

#include "tap.h"

#define MOST 4 /* connections that begin or end in one of the two spans */

struct count {
	int connections; /* there are */
	int seen;	 /* counted by the BPF programs */
};

static void move(struct count *c, int by)
{
	c->connections += by;
	c->seen += by;
}

/* By how many too many are counted in the end.  `first`: what begins, or below 0 ends, before
 * they are looked for; `then`: after. */
static int excess(struct count c, int first, int then)
{
	struct synshield_source before = {.conns = c.seen}, after;
	int found;

	move(&c, first);
	found = c.connections;
	move(&c, then);
	after = (struct synshield_source){.conns = c.seen};
	return (int)recount(found, &before, &after) - c.connections;
}

static void stays_right(void)
{
	const struct count c = {.connections = 2 * MOST, .seen = 2 * MOST};
	int wrong = 0, high = 0, first, then;

	for (first = 0; first <= MOST; first++) {
		for (then = 0; then <= MOST; then++) {
			wrong += excess(c, first, then) != 0;
			high += excess(c, -first, -then) > 0;
		}
		wrong += excess(c, 0, -first) != 0;
	}
	ok(!wrong, "a count that was right stays right while connections begin, or end once they "
		   "were found");
	ok(!high, "and is never too high when some ended before");
}

static void is_put_right(void)
{
	int wrong = 0, connections, seen;

	for (connections = 0; connections <= MOST; connections++) {
		for (seen = 0; seen <= MOST; seen++)
			wrong += excess((struct count){connections, seen}, 0, 0) != 0;
	}
	ok(!wrong, "a wrong one is put right");
}

static void is_not_too_high(void)
{
	int high = 0, first, then, error;

	for (error = 1; error <= MOST; error++) {
		for (first = -MOST; first <= 0; first++) {
			for (then = -MOST; then <= 0; then++)
				high += excess((struct count){4 * MOST, 4 * MOST + error}, first,
					       then) > 0;
		}
	}
	ok(!high, "one that was too high is not so afterwards, whatever ends meanwhile");
}

int main(void)
{
	struct synshield_source two = {.conns = 2};

	stays_right();
	is_put_right();
	is_not_too_high();
	ok(recount(3, NULL, NULL) == 3, "what was not counted before is");
	ok(recount(3, &two, NULL) == 3, "so is what has been evicted since");
	ok(recount(0, NULL, &two) == 2, "a source that came meanwhile keeps its count");
	return tap_done();
}
