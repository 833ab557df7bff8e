/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "reasonset.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "counts.h"
#include "near.h"

static int unknown(const char *text, size_t len, char why[REASONSET_WHY])
{
	const char *names[SYNSHIELD_REASON_MAX], *meant;
	char word[64];
	int r;

	for (r = 0; r < SYNSHIELD_REASON_MAX; r++)
		names[r] = count_reasons[r].name;
	snprintf(word, sizeof(word), "%.*s", (int)(len < sizeof(word) ? len : sizeof(word)), text);
	meant = near_name(word, names, SYNSHIELD_REASON_MAX);
	snprintf(why, REASONSET_WHY, "unknown reason '%s'%s%s%s", word,
		 meant ? ": did you mean '" : "", meant ? meant : "", meant ? "'?" : "");
	return -EINVAL;
}

static int find(const char *word, size_t len)
{
	int r;

	for (r = 0; r < SYNSHIELD_REASON_MAX; r++) {
		if (strlen(count_reasons[r].name) == len &&
		    !strncmp(count_reasons[r].name, word, len))
			return r;
	}
	return -ENOENT;
}

int reasonset_parse(const char *text, __u64 *set, char why[REASONSET_WHY])
{
	size_t len;
	int r;

	*set = 0;
	for (;; text += len + 1) {
		len = strcspn(text, ",");
		r = find(text, len);
		if (r < 0)
			return unknown(text, len, why);
		*set |= 1ULL << r;
		if (!text[len])
			return 0;
	}
}
