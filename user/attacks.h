/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef ATTACKS_H
#define ATTACKS_H

#include <stdbool.h>
#include <stddef.h>

#include "listeners.h"

bool under_attack(const struct synshield_listener *l, __u64 now_jiffies);
/* How long the last attack has gone on, if it is not over yet. */
double attack_seconds(const struct synshield_listener *l, __u64 now_jiffies);

/* Listeners that were under attack at the last look. */
struct attacks {
	struct listener_row *rows; /* sorted by key */
	size_t count;
	size_t begun; /* at the last look */
	bool looked;  /* what the first look finds has begun before */
};

/*
 * Looks at the listeners; one line on stderr for every attack that starts or ends.  Those
 * that start after the first look are counted in the map `daemon`.
 */
int attacks_poll(struct attacks *attacks, const char *ifname, const struct maps *maps);
void attacks_free(struct attacks *attacks);

#endif
