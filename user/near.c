/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "near.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LONGEST 48 /* bytes of a word or name that is looked at */

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/*
 * Characters to add, leave out, change, or swap with their neighbour (optimal string
 * alignment): rows of the usual table, the last three of them.
 */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[3][LONGEST + 1], i, j;
	unsigned int rows = strnlen(a, LONGEST), columns = strnlen(b, LONGEST);

	for (j = 0; j <= columns; j++)
		row[0][j] = j;
	for (i = 1; i <= rows; i++) {
		unsigned int *now = row[i % 3], *up = row[(i + 2) % 3], *upper = row[(i + 1) % 3];

		now[0] = i;
		for (j = 1; j <= columns; j++) {
			now[j] = least(up[j - 1] + (a[i - 1] != b[j - 1]),
				       least(up[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = least(now[j], upper[j - 2] + 1);
		}
	}
	return row[rows % 3][columns];
}

const char *near_name(const char *word, const char *const *names, size_t count)
{
	unsigned int best = LONGEST, d;
	const char *name = NULL;
	size_t i;

	for (i = 0; i < count; i++) {
		d = distance(word, names[i]);
		if (d < best) {
			best = d;
			name = names[i];
		}
	}
	/* one slip in a short word, more in a longer one */
	return name && 3 * best <= strlen(name) + 1 ? name : NULL;
}

static size_t add(char *text, size_t size, size_t used, const char *before, const char *word)
{
	int n = used < size ? snprintf(text + used, size - used, "%s%s", before, word) : 0;

	return used + (n > 0 ? n : 0);
}

void near_unknown(char *why, size_t size, const char *what, const char *word,
		  const char *const *names, size_t count)
{
	const char *name = near_name(word, names, count);
	size_t used, i;

	used = snprintf(why, size, "unknown %s '%.*s'", what, LONGEST, word);
	if (name) {
		snprintf(why + used, size - used, ": did you mean '%s'?", name);
		return;
	}
	for (i = 0; i < count; i++)
		used = add(why, size, used,
			   i == 0	    ? ": there are "
			   : i + 1 == count ? " or "
					    : ", ",
			   names[i]);
}
