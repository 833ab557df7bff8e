/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "rungs.h"

#include <string.h>

#include "fsm.h"

#define MARGIN 12 /* SYN_RECEIVED, ESTABLISHED */
#define RUNGS 46

void rungs_heading(FILE *out, const char *left, const char *right)
{
	fprintf(out, "%-*s %*s\n", MARGIN + RUNGS / 2, left, MARGIN + RUNGS / 2 + 3, right);
}

/* The arrow with the text on it. */
static void draw(char line[RUNGS + 1], const struct rung *r)
{
	size_t len = strlen(r->text), at;

	memset(line, r->segment ? '-' : '.', RUNGS);
	line[RUNGS] = 0;
	if (len > RUNGS - 8)
		len = RUNGS - 8;
	at = (RUNGS - len) / 2;
	line[at - 1] = ' ';
	memcpy(line + at, r->text, len);
	line[at + len] = ' ';
	if (r->segment && r->to_right)
		line[RUNGS - 1] = '>';
	else if (r->segment)
		line[0] = '<';
}

void rungs_put(FILE *out, const struct rung *r)
{
	char line[RUNGS + 1];

	draw(line, r);
	fprintf(out, "%*s |%s| %-*s %10s%s%s\n", MARGIN, fsm_state_name(r->left), line, MARGIN,
		fsm_state_name(r->right), r->time, r->note ? "  " : "", r->note ? r->note : "");
}
