/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Deadlines on a hierarchical timing wheel.  To set, move or cancel one costs the same
 * however many there are; the passing of time costs what expires, and up to one move
 * per level (of 8) for each node before that, but nothing for those that stay.
 *
 * A node is part of what it is the deadline of; the wheel allocates nothing.
 */
#ifndef WHEEL_H
#define WHEEL_H

#include <linux/types.h>
#include <stdbool.h>

/* Deadlines are kept, and expire, in steps of 2^20 ns: 1.05 ms late at most, never early. */
#define WHEEL_TICK_SHIFT 20
#define WHEEL_SLOT_BITS 6
#define WHEEL_SLOTS (1 << WHEEL_SLOT_BITS)
#define WHEEL_LEVELS 8 /* all that 64 bits of ns can say: 584 years */
#define WHEEL_NEVER (~0ULL)

/* All zero: not set. */
struct wheel_node {
	struct wheel_node *next, **link; /* link: what points here; NULL: not on the wheel */
	__u64 expires;			 /* ns */
};

struct wheel {
	__u64 now; /* ticks: what is before it has been taken */
	__u64 count;
	__u64 placed; /* nodes put into a slot so far: set, moved, or brought down a level */
	__u64 used[WHEEL_LEVELS]; /* a bit for each slot that is not empty */
	struct wheel_node *slot[WHEEL_LEVELS][WHEEL_SLOTS];
};

void wheel_init(struct wheel *w, __u64 now);

/* Also moves a deadline that is set.  One in the past is due at once. */
void wheel_set(struct wheel *w, struct wheel_node *n, __u64 expires);
/* Also if it is not set. */
void wheel_cancel(struct wheel *w, struct wheel_node *n);

static inline bool wheel_is_set(const struct wheel_node *n)
{
	return n->link;
}

/*
 * Takes a node that is due at `now` off the wheel, earlier ticks first; NULL: no more.
 * Between two calls nodes may be set and cancelled; what is set to `now` or before is
 * taken in this round, too.  A `now` before the last one counts as that.
 */
struct wheel_node *wheel_take(struct wheel *w, __u64 now);

/*
 * When to call wheel_take() next, ns; WHEEL_NEVER: nothing is set.  It may be before the
 * first deadline if that is far away, but no more than once per level.
 */
__u64 wheel_next(const struct wheel *w);

#endif
