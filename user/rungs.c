/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "rungs.h"

#include <string.h>

#include "fsm.h"

#define MARGIN 12 /* SYN_RECEIVED, ESTABLISHED */
#define RUNGS 41  /* so that a line takes 80 columns */
#define ENDS 4	  /* "> ", " <": at least so much beside the text */
#define RUNGS_MAX 128

void rungs_heading(FILE *out, const char *left, const char *right)
{
	fprintf(out, "%-*s %*s\n", MARGIN + RUNGS / 2, left, MARGIN + RUNGS / 2 + 3, right);
}

/* The arrow with the text on it.  Numbers are worth more than straight margins. */
static void draw(char line[RUNGS_MAX + 1], const struct rung *r)
{
	size_t len = strnlen(r->text, RUNGS_MAX - ENDS), at;
	size_t width = len + ENDS > RUNGS ? len + ENDS : RUNGS;

	memset(line, r->segment ? '-' : '.', width);
	line[width] = 0;
	at = (width - len) / 2;
	line[at - 1] = ' ';
	memcpy(line + at, r->text, len);
	line[at + len] = ' ';
	if (r->segment && r->to_right)
		line[width - 1] = '>';
	else if (r->segment)
		line[0] = '<';
}

void rungs_put(FILE *out, const struct rung *r)
{
	char line[RUNGS_MAX + 1];

	draw(line, r);
	fprintf(out, "%*s |%s| %-*s %10s%s%s\n", MARGIN, fsm_state_name(r->left), line, MARGIN,
		fsm_state_name(r->right), r->time, r->note ? "  " : "", r->note ? r->note : "");
}
