/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "duration.h"

#include <stdio.h>

#define SECOND 1000000000ULL

const char *duration_text(char text[DURATION_TEXT], __u64 ns)
{
	unsigned long long s = ns / SECOND;

	if (s < 10)
		snprintf(text, DURATION_TEXT, "%llu.%llus", s, ns % SECOND / (SECOND / 10));
	else if (s < 60)
		snprintf(text, DURATION_TEXT, "%llus", s);
	else if (s < 3600)
		snprintf(text, DURATION_TEXT, "%llum%02llus", s / 60, s % 60);
	else if (s < 86400)
		snprintf(text, DURATION_TEXT, "%lluh%02llum", s / 3600, s % 3600 / 60);
	else
		snprintf(text, DURATION_TEXT, "%llud%02lluh", s / 86400, s % 86400 / 3600);
	return text;
}
