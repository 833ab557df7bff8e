/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef COUNTS_H
#define COUNTS_H

#include <stdbool.h>
#include <stddef.h>

#include "synshield/synshield.h"

/* The counters as a table: rows of actions by reasons. */
#define COUNTS_ACTIONS (2 * SYNSHIELD_ACTION_MAX)

struct count_action {
	const char *name; /* as in struct synshield_stats */
	bool observed;	  /* would_*: what mode observe counts */
};
struct count_reason {
	const char *name, *text;
};

extern const struct count_action count_actions[COUNTS_ACTIONS];
extern const struct count_reason count_reasons[SYNSHIELD_REASON_MAX];

__u64 counts_at(const struct synshield_stats *stats, int action, int reason);
__u64 counts_total(const struct synshield_stats *stats, int action);

/* One cell, for sorting by count. */
struct count_cell {
	int action, reason;
	__u64 count;
};

/* The non-zero cells of after - before (NULL: 0), largest first. */
size_t counts_cells(const struct synshield_stats *after, const struct synshield_stats *before,
		    struct count_cell cells[COUNTS_ACTIONS * SYNSHIELD_REASON_MAX]);

#endif
