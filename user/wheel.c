/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "wheel.h"

#include <string.h>

#define SLOT_MASK (WHEEL_SLOTS - 1)
#define TICK_NS (1ULL << WHEEL_TICK_SHIFT)

/*
 * A node is on the level of the highest group of 6 bits in which its tick differs from
 * now, in the slot that this group says.  So all of a level is before all of the next
 * one; within a level the slots behind now's are empty, and none of it moves until now
 * enters its slot.  What is due is in now's own slot of level 0.
 */
static unsigned int group(__u64 tick, unsigned int level)
{
	return tick >> (level * WHEEL_SLOT_BITS) & SLOT_MASK;
}

static __u64 tick_of(__u64 expires)
{
	return (expires >> WHEEL_TICK_SHIFT) + !!(expires & (TICK_NS - 1));
}

void wheel_init(struct wheel *w, __u64 now)
{
	memset(w, 0, sizeof(*w));
	w->now = now >> WHEEL_TICK_SHIFT;
}

static void place(struct wheel *w, struct wheel_node *n)
{
	__u64 tick = tick_of(n->expires);
	struct wheel_node **head;
	unsigned int level;

	if (tick < w->now)
		tick = w->now;
	level = tick == w->now ? 0 : (63 - __builtin_clzll(tick ^ w->now)) / WHEEL_SLOT_BITS;
	head = &w->slot[level][group(tick, level)];
	n->next = *head;
	n->link = head;
	if (n->next)
		n->next->link = &n->next;
	*head = n;
	w->used[level] |= 1ULL << group(tick, level);
	w->placed++;
}

static void drop(struct wheel *w, struct wheel_node *n)
{
	struct wheel_node **link = n->link, **first = &w->slot[0][0];

	*link = n->next;
	if (n->next)
		n->next->link = link;
	else if (link >= first && link < first + WHEEL_LEVELS * WHEEL_SLOTS)
		w->used[(link - first) / WHEEL_SLOTS] &= ~(1ULL << (link - first) % WHEEL_SLOTS);
	n->next = NULL;
	n->link = NULL;
}

void wheel_cancel(struct wheel *w, struct wheel_node *n)
{
	if (!n->link)
		return;
	drop(w, n);
	w->count--;
}

void wheel_set(struct wheel *w, struct wheel_node *n, __u64 expires)
{
	wheel_cancel(w, n);
	n->expires = expires;
	place(w, n);
	w->count++;
}

/* The first slot that is not empty: its level, and the tick at which now enters it. */
static bool first_used(const struct wheel *w, unsigned int *level, __u64 *tick)
{
	unsigned int l, shift;

	for (l = 0; l < WHEEL_LEVELS; l++) {
		if (!w->used[l])
			continue;
		shift = l * WHEEL_SLOT_BITS;
		*level = l;
		*tick = w->now >> shift & ~(__u64)SLOT_MASK;
		*tick = (*tick | (unsigned int)__builtin_ctzll(w->used[l])) << shift;
		return true;
	}
	return false;
}

/* Now has entered the slot: what is in it goes to the levels below. */
static void bring_down(struct wheel *w, unsigned int level)
{
	unsigned int slot = group(w->now, level);
	struct wheel_node *n = w->slot[level][slot], *next;

	w->slot[level][slot] = NULL;
	w->used[level] &= ~(1ULL << slot);
	for (; n; n = next) {
		next = n->next;
		place(w, n);
	}
}

struct wheel_node *wheel_take(struct wheel *w, __u64 now)
{
	__u64 until = now >> WHEEL_TICK_SHIFT, tick;
	struct wheel_node *n;
	unsigned int level;

	if (until < w->now)
		until = w->now;
	while (first_used(w, &level, &tick) && tick <= until) {
		w->now = tick;
		if (level) {
			bring_down(w, level);
			continue;
		}
		n = w->slot[0][group(tick, 0)];
		drop(w, n);
		w->count--;
		return n;
	}
	w->now = until;
	return NULL;
}

__u64 wheel_next(const struct wheel *w)
{
	unsigned int level;
	__u64 tick;

	if (!first_used(w, &level, &tick))
		return WHEEL_NEVER;
	return tick > WHEEL_NEVER >> WHEEL_TICK_SHIFT ? WHEEL_NEVER : tick << WHEEL_TICK_SHIFT;
}
