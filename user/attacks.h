/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef ATTACKS_H
#define ATTACKS_H

#include <stddef.h>

#include "listeners.h"

/* Listeners that were under attack at the last look. */
struct attack {
	struct listener_row row;
	__u64 since_jiffies;
};

struct attacks {
	struct attack *rows; /* sorted by key */
	size_t count;
};

/* Looks at the listeners; one line on stderr for every attack that starts or ends. */
int attacks_poll(struct attacks *attacks, const char *ifname, const struct maps *maps);
void attacks_free(struct attacks *attacks);

#endif
