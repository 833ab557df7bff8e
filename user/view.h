/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What others see of the states: the map `closing`, written in batches. */
#ifndef VIEW_H
#define VIEW_H

#include "maps.h"
#include "table.h"

#define VIEW_BATCH 1024

struct view {
	struct table *table;
	int fd;
	struct tracked *dirty[VIEW_BATCH];
	size_t count;
	__u64 refused; /* for which `closing` had no room */
	/* of what is shown: how many have that state, of the remote and of the local end */
	__u32 remote[SYNSHIELD_TCP_STATES_MAX], local[SYNSHIELD_TCP_STATES_MAX];
};

void view_init(struct view *view, struct table *table, const struct maps *maps);
/* It differs from what is shown: written at the next flush, at the latest. */
void view_touch(struct view *view, struct tracked *t);
/* Frees the dead, too. */
void view_flush(struct view *view);

/* What the map shows becomes entries of the table that are not known. */
int view_load(struct view *view);

#endif
