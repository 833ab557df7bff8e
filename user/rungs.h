/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One connection as a ladder: what its ends say to each other between two
 * margins, in which the state of either end stands.
 */
#ifndef RUNGS_H
#define RUNGS_H

#include <stdbool.h>
#include <stdio.h>

#include "synshield/states.h"

/* What one line shows; states are those after it. */
struct rung {
	const char *time;
	const char *text; /* flags and numbers, or what happened */
	bool segment;
	bool to_right;
	enum synshield_tcp_state left, right;
	const char *note; /* behind it; NULL: nothing */
};

void rungs_heading(FILE *out, const char *left, const char *right);
void rungs_put(FILE *out, const struct rung *r);

#endif
