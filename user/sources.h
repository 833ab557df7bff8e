/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef SOURCES_H
#define SOURCES_H

#include "locals.h"
#include "maps.h"

/*
 * The BPF programs count the connections of each source up and down as they see them
 * begin and end.  What they do not see (a socket that timed out, an entry that was
 * evicted) is put right here.
 */
struct sources_watch {
	__u64 counted_jiffies; /* last time */
	__u32 generation;      /* of the settings then */
};

/*
 * While a port limits the connections of a source: counts them anew every SOURCES_SECONDS,
 * and after a change of the settings.  While none limits anything: forgets what was counted.
 * *bound: as others_bound() says of the sockets.
 */
#define SOURCES_SECONDS 10
int sources_follow(const struct maps *maps, const struct synshield_settings *settings,
		   const struct locals *locals, struct sources_watch *watch, int *bound);

#endif
