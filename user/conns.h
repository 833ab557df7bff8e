/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef CONNS_H
#define CONNS_H

#include <stdbool.h>

#include "maps.h"

/*
 * Whether `conns` holds every connection of this host: true from the moment
 * that all sockets were put there until the LRU may have evicted one.
 */
struct conns_watch {
	__u64 base;    /* entries made according to the counters, when last counted */
	__u32 counted; /* entries in the map then */
	__u32 age;     /* seconds since */
	__u32 capacity;
	__u32 patience; /* seconds until it is tried again, there was no room */
	bool told;
};

/* Puts every TCP connection of this host into the map.  1: all are in, 0: no room. */
int conns_learn(const struct maps *maps, struct conns_watch *watch);
/* Once a second: the map is, or may have been, full enough to evict. */
bool conns_may_have_evicted(const struct maps *maps, struct conns_watch *watch);

#endif
