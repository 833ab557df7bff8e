/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef LISTENERS_H
#define LISTENERS_H

#include <stddef.h>

#include "locals.h"
#include "maps.h"

/* The map as it stands, sorted by key; the caller frees rows. */
struct listener_row {
	struct synshield_listener_key key;
	struct synshield_listener value;
};
int listeners_read(const struct maps *maps, struct listener_row **rows, size_t *count);

/*
 * Adds what listens and is not in the map yet, deletes what listens no more.
 * What the BPF program has learned of a listener stays as it is.  *bound: as
 * others_bound() says of the listening sockets.
 */
int listeners_sync(const struct maps *maps, const struct locals *locals, int *bound);

#endif
