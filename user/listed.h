/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef LISTED_H
#define LISTED_H

#include "lists.h"
#include "maps.h"

/* The bitmap over the lists: see <synshield/listed.h>. */
struct listed {
	__u64 *map; /* the kernel's */
	__u64 seed;
};

int listed_open(struct listed *l, const struct maps *maps);
void listed_close(struct listed *l);

/* The bits of SYNSHIELD_LISTED_WORDS that these lists need; NULL: no memory. */
__u64 *listed_bits(const struct lists *lists, __u64 seed);
/* Sets them, beside those that are set; -ENOMEM. */
int listed_add(struct listed *l, const struct lists *lists);
/* Leaves no others set; -ENOMEM, which only costs speed. */
int listed_fit(struct listed *l, const struct lists *lists);

#endif
