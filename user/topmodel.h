/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What `top` knows: of each interface the last two looks, and the rates of many before. */
#ifndef TOPMODEL_H
#define TOPMODEL_H

#include <net/if.h>
#include <time.h>

#include "census.h"
#include "toprates.h"

#define TOP_HISTORY 240

struct top_interface {
	char ifname[IF_NAMESIZE];
	struct top_look before, now;
	struct top_rates rates;
	struct census census;
	float history[TOP_RATES][TOP_HISTORY]; /* newest last; negative: not known */
	__u64 lost_ns; /* CLOCK_MONOTONIC: when it was found detached; 0: it is not */
	char why[256]; /* it cannot be read; "": it is just not there */
};

struct top {
	struct top_interface **interfaces; /* none is ever removed: it may come back */
	size_t count, shown;
	bool named; /* only those; else whatever is attached, also later */
	enum top_sort sort;
	unsigned int interval_ms;
	__u64 time_ns;	      /* of the last look: CLOCK_MONOTONIC, */
	struct timespec time; /* and as it is told to people */
	bool paused, help;
};

int top_add(struct top *top, const char *ifname);
/* Looks at all interfaces.  0 or -ENOMEM: what cannot be read is shown so. */
int top_refresh(struct top *top);
void top_free(struct top *top);

/* The interface itself, its programs and its maps are there. */
bool top_is_protected(const struct top_interface *i);

#endif
