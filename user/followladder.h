/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One connection that is followed, as a ladder. */
#ifndef FOLLOWLADDER_H
#define FOLLOWLADDER_H

#include "followprint.h"

/*
 * The end that opened it, or else the remote one, is on the left.  The heading is written
 * before the first rung.
 */
struct follow_ladder {
	const struct follow_print *print;
	FILE *out;
	unsigned int id; /* of the connection; 0: none yet */
	bool local_left;
};

void follow_ladder_step(struct follow_ladder *l, const struct follow_step *s);
void follow_ladder_end(struct follow_ladder *l, const struct follow_end *e);

#endif
