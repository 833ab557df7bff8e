/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPS_H
#define MAPS_H

#include <stdbool.h>
#include <stddef.h>

#include "synshield/synshield.h"

enum map_id {
	MAP_SETTINGS,
	MAP_POLICY,
	MAP_HOST,
	MAP_KEYS,
	MAP_LOCALS,
	MAP_LISTS,
	MAP_LISTED,
	MAP_LISTENERS,
	MAP_CONNS,
	MAP_BLOOM,
	MAP_TRACKING,
	MAP_SOURCES,
	MAP_REPLIES,
	MAP_DOUBTS,
	MAP_CLOSING,
	MAP_DAEMON,
	MAP_EVENTS,
	MAP_TRACES,
	MAP_TRACE,
	MAP_CAPTURES,
	MAP_CAPTURED,
	MAP_CAPTURE,
	MAP_STATS,
	MAP_COUNT
};
extern const char *const map_names[MAP_COUNT];

/* descriptors; -1: none */
struct maps {
	int fd[MAP_COUNT];
};

void maps_init(struct maps *maps);
void maps_close(struct maps *maps);
/* The same maps, by descriptors of their own.  0 or -errno. */
int maps_copy(struct maps *copy, const struct maps *maps);
/*
 * The pinned ones: 0; -ENOENT if one is missing; -EPROTO if they are another ABI's.
 * Errors other than -ENOENT are said.
 */
int maps_open(struct maps *maps, const char *ifname);
/*
 * The same for members of the group of `run --group`, who are not given the keys and
 * captured packets: -1.
 */
int maps_open_to_read(struct maps *maps, const char *ifname);
/* Gives the pinned maps to that group; errors are said. */
int maps_admit_readers(const char *ifname);

/* max_entries */
int maps_capacity(const struct maps *maps, enum map_id id, __u32 *entries);

/* Element 0 of an array map. */
int maps_get(const struct maps *maps, enum map_id id, void *value);
int maps_put(const struct maps *maps, enum map_id id, const void *value);

/*
 * All of a map at once.  keys and values are the caller's to free; what is
 * added or deleted at the same time may or may not be among them.
 */
int maps_dump(const struct maps *maps, enum map_id id, void **keys, void **values, size_t *count);

/* A hash map a batch at a time, as maps_dump() takes too much at once of a large one. */
struct maps_walk {
	void *keys, *values;
	__u32 count; /* in the batch */
	__u32 key_size, value_size, room;
	__u32 token;
	bool begun;
};

int maps_walk_open(struct maps_walk *w, const struct maps *maps, enum map_id id);
/* The next batch.  0: there is more behind it; 1: that was all. */
int maps_walk_next(struct maps_walk *w, const struct maps *maps, enum map_id id);
void maps_walk_close(struct maps_walk *w);

struct synshield_stats;
/* over all CPUs */
int maps_stats(const struct maps *maps, struct synshield_stats *sum);

#endif
