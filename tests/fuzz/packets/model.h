/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What has to become of a received frame, and of its entries in the maps: the packet table of
 * docs/packets.md once more, in plain C, from what the maps held before.
 */
#ifndef MODEL_H
#define MODEL_H

#include "seen.h"
#include "world.h"

#define ALLOWED_MAX 8

/* What the shield knew of the frame's tuple. */
struct before {
	bool has_conn, has_listener, has_source;
	struct synshield_conn conn;
	struct synshield_listener listener;
	struct synshield_source source;
	__u64 made; /* entries of `conns`, ever */
	__u64 now;  /* jiffies */
};

struct allowed {
	int count; /* more than one: time, or what is not in the table, decides */
	struct {
		int action, reason;
	} verdict[ALLOWED_MAX];
	bool observed; /* it is only counted */
	bool answered; /* answer is what a REPLY sends; else it is not known byte for byte */
	struct frame answer;
};

void model_before(const struct seen *seen, struct before *b);
void model_verdict(const struct world *w, const struct frame *f, const struct seen *seen,
		   const struct before *b, struct allowed *a);
bool model_allows(const struct allowed *a, int action, int reason);
/* Did the maps change as this verdict wants it?  NULL: yes; else what is wrong. */
const char *model_changes(const struct world *w, const struct seen *seen, const struct before *b,
			  const struct allowed *a, int action, int reason);

/* The cookie in the segment stands for what is in `agreed`. */
bool model_cookie(const struct seen *seen, struct agreement *agreed);

#endif
