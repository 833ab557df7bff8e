/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the metrics tell of one interface: read from its maps, at one time. */
#ifndef FACTS_H
#define FACTS_H

#include <net/if.h>
#include <stdbool.h>

#include "listeners.h"
#include "maps.h"

enum facts_program { FACTS_XDP, FACTS_TC_IN, FACTS_TC_OUT, FACTS_PROGRAMS };

struct facts {
	char ifname[IF_NAMESIZE];
	bool attached, daemon; /* a daemon runs: what it alone knows holds */
	struct synshield_settings settings;
	struct synshield_tracking tracking;
	struct synshield_daemon done;
	struct synshield_stats stats;
	__u32 capacity[MAP_COUNT];
	struct listener_row *listeners; /* those under attack first, then by attacks so far */
	size_t listener_count, attacked;
	__u64 half_open; /* over all listeners */
	__u64 now_jiffies;
	__u64 policies;	      /* ports with settings of their own */
	__u64 spent_prefixes; /* buckets in `replies` from which nothing can be taken now */
	double resets_left;   /* of a second's worth: 0 to 1 */
	double key_made;      /* Unix time, s; 0: no key */
	double daemon_began;  /* the same */
	struct {
		__u64 runs;
		double seconds;
	} program[FACTS_PROGRAMS];
};

/* maps: of this interface.  0; -errno, which is said. */
int facts_read(struct facts *f, const char *ifname, const struct maps *maps);
void facts_free(struct facts *f);

#endif
