/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What happened between two looks.  Pure: no clock, no maps. */
#ifndef TOPRATES_H
#define TOPRATES_H

#include "counts.h"
#include "toplook.h"

enum top_rate {
	TOP_SYN,	 /* received, for whatever reason they were counted */
	TOP_SYN_ACK,	 /* sent by the shield: each bears a cookie */
	TOP_COOKIE_GOOD, /* came back */
	TOP_COOKIE_BAD,	 /* segments of no connection whose cookie does not hold */
	TOP_RST,	 /* sent by the shield */
	TOP_PASS,
	TOP_DROP,
	TOP_RATES
};

struct top_rate_name {
	const char *text, *key; /* on the screen; in JSON */
};
extern const struct top_rate_name top_rate_names[TOP_RATES];

enum top_sort { TOP_BY_SYN, TOP_BY_HALF_OPEN, TOP_BY_ADDRESS, TOP_SORTS };

struct top_listener {
	struct listener_row row;
	bool attack;
	double attack_seconds;
	double syns;	  /* per second; negative: not known */
	double completed; /* share of the SYNs whose cookie came back; negative: none was sent */
};

#define TOP_CELLS (3 * SYNSHIELD_REASON_MAX)

struct top_rates {
	bool known; /* both looks are of the same maps, and time has passed */
	double seconds;
	__u64 packets[TOP_RATES];
	/* drops, and what mode observe would have dropped or answered; largest first */
	struct count_cell cells[TOP_CELLS];
	size_t cell_count;
	struct top_listener *listeners; /* of `after`, sorted */
	size_t listener_count, attacked;
	double attack_seconds; /* of the one that began first */
	__u32 attack_peak;     /* of the largest */
};

/* 0 or -ENOMEM. */
int top_rates(struct top_rates *r, const struct top_look *before, const struct top_look *after);
void top_rates_free(struct top_rates *r);
double top_rate(const struct top_rates *r, enum top_rate which);
void top_sort(struct top_rates *r, enum top_sort by);

/* "0", "0.4", "8", "971", "9.71k", "971k", "1.24M": at most 5 characters */
#define TOP_NUMBER 16
const char *top_number(char text[TOP_NUMBER], double n);

#endif
