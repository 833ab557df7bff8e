/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the shield wrote for user space: maps `events` and `traces`. */
#ifndef TOLD_H
#define TOLD_H

#include "packet.h"
#include "synshield/synshield.h"

#define TOLD_MAX 256

struct told {
	int count; /* may be more than are kept */
	struct synshield_event event[TOLD_MAX];
};

/* All that the ring buffer has, which is empty afterwards. */
void told_read(const char *map, struct told *t);
/* Does the event say what the segment, sent by this end, did?  Not kind and verdict. */
bool told_of(const struct synshield_event *e, const struct segment *s, enum synshield_end end);

#endif
