/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "tap.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int rows, failed;

bool ok(bool passed, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	printf("%sok %d - ", passed ? "" : "not ", ++rows);
	vprintf(fmt, args);
	putchar('\n');
	va_end(args);
	fflush(stdout);
	failed += !passed;
	return passed;
}

void note(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	printf("# ");
	vprintf(fmt, args);
	putchar('\n');
	va_end(args);
}

void bail_out(const char *fmt, ...)
{
	int err = errno;
	va_list args;

	va_start(args, fmt);
	printf("Bail out! ");
	vprintf(fmt, args);
	printf(" (%s)\n", strerror(err));
	va_end(args);
	exit(1);
}

int tap_done(void)
{
	printf("1..%d\n", rows);
	if (failed)
		printf("# %d of %d failed\n", failed, rows);
	return failed || !rows;
}
