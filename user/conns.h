/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef CONNS_H
#define CONNS_H

#include <stdbool.h>

#include "bloom.h"
#include "locals.h"
#include "maps.h"

/*
 * Whether `conns` holds every connection of this host: true from the moment
 * that all sockets were put there until the LRU may have evicted one.
 */
struct conns_watch {
	__u64 until;   /* nothing is evicted while fewer entries than this were made; 0: unknown */
	__u64 counted; /* that were made, when that was found out */
	__u32 age;     /* seconds since then */
	__u32 capacity;
	__u32 patience; /* seconds until it is tried again, there was no room */
	int bound;	/* device that a connection is bound to: see others.h */
	bool told;
};

/*
 * How many connections there shall be room for: `wanted` at least, 0 for what befits the
 * machine.  A power of 2, as the table has so many buckets anyway.
 */
__u32 conns_capacity(__u32 wanted);
/* How many fit into a table of that capacity before it may evict one. */
__u32 conns_room(__u32 capacity);

/* Puts every TCP connection of this host into the map.  1: all are in, 0: no room. */
int conns_learn(const struct maps *maps, const struct locals *locals, struct bloom *bloom,
		struct conns_watch *watch);
/* Once a second.  1: watch->until holds; 0: entries may have been evicted. */
int conns_follow(const struct maps *maps, const struct locals *locals, struct conns_watch *watch);

#endif
