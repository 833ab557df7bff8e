/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How many connections are in which state, counted a bit at a time: there may be millions. */
#ifndef CENSUS_H
#define CENSUS_H

#include "maps.h"

struct census_counts {
	__u64 connections;
	__u64 local[SYNSHIELD_TCP_STATES_MAX], remote[SYNSHIELD_TCP_STATES_MAX];
};

struct census {
	struct census_counts counted; /* by the last walk that came to its end */
	__u64 counted_ns, took_ns;    /* CLOCK_MONOTONIC: when it did, and how long it took */
	struct census_counts counting;
	struct maps_walk walk;
	bool walking, followed;
	__u64 begun_ns;
};

/*
 * Goes on counting for `budget_ns` of CPU time, a batch at least.  followed: the daemon is
 * there, and keeps the states; else they are rebuilt from the flags in `conns`.
 */
int census_step(struct census *c, const struct maps *maps, bool followed, __u64 budget_ns);
/* Forgets all: these are other maps. */
void census_reset(struct census *c);

#endif
