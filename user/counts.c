/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "counts.h"

#include <stdlib.h>

const struct count_action count_actions[COUNTS_ACTIONS] = {
	{"pass", false},      {"drop", false},	    {"reply", false},
	{"would_pass", true}, {"would_drop", true}, {"would_reply", true},
};

const struct count_reason count_reasons[SYNSHIELD_REASON_MAX] = {
#define X(name, text) {#name, text},
	SYNSHIELD_REASONS(X)
#undef X
};

__u64 counts_at(const struct synshield_stats *stats, int action, int reason)
{
	/* six structs of nothing but reasons, as the ABI's assertion says */
	return ((const __u64 *)stats)[action * SYNSHIELD_REASON_MAX + reason];
}

__u64 counts_total(const struct synshield_stats *stats, int action)
{
	__u64 sum = 0;
	int reason;

	for (reason = 0; reason < SYNSHIELD_REASON_MAX; reason++)
		sum += counts_at(stats, action, reason);
	return sum;
}

static int compare_cells(const void *a, const void *b)
{
	const struct count_cell *l = a, *r = b;

	if (l->count != r->count)
		return l->count < r->count ? 1 : -1;
	return l->action != r->action ? l->action - r->action : l->reason - r->reason;
}

size_t counts_cells(const struct synshield_stats *after, const struct synshield_stats *before,
		    struct count_cell cells[COUNTS_ACTIONS * SYNSHIELD_REASON_MAX])
{
	size_t n = 0;
	int a, r;

	for (a = 0; a < COUNTS_ACTIONS; a++) {
		for (r = 0; r < SYNSHIELD_REASON_MAX; r++) {
			__u64 count = counts_at(after, a, r);

			if (before)
				count -= counts_at(before, a, r);
			if (count)
				cells[n++] = (struct count_cell){a, r, count};
		}
	}
	qsort(cells, n, sizeof(cells[0]), compare_cells);
	return n;
}
