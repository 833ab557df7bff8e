/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One look at an interface: its maps as they stand, by their pins, nothing but read. */
#ifndef TOPLOOK_H
#define TOPLOOK_H

#include "listeners.h"
#include "maps.h"
#include "pin.h"

struct census;

struct top_look {
	bool attached; /* its maps could be read; otherwise nothing below holds */
	bool daemon, xdp, tc;
	struct pin_note note;
	__u64 time_ns; /* CLOCK_MONOTONIC, of the counters */
	__u64 jiffies;
	__u32 stats_id; /* of the map: another one after it was attached anew */
	__u32 conns_capacity;
	struct synshield_settings settings;
	struct synshield_stats stats;
	struct listener_row *listeners; /* sorted by key */
	size_t listener_count;
};

/*
 * 0, -ENOENT: not attached, or -errno, after saying why.  The census goes on for
 * `budget_ns`; a count that is not of these maps is forgotten.
 */
int top_look(struct top_look *look, const char *ifname, struct census *census, __u64 budget_ns);
void top_look_free(struct top_look *look);

#endif
