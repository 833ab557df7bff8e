/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef LOG_STUB_H
#define LOG_STUB_H

#include <stdarg.h>

#include "log.h"

/* In place of user/log.c: who includes this defines say(), once for each line. */
static void say(const char *fmt, va_list args);

void log_line(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
}

int log_errno(int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
	return err;
}

#endif
