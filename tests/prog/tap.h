/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Test Anything Protocol: "ok N - name", "not ok N - name", "1..N". */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>

bool ok(bool passed, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The test cannot go on. */
_Noreturn void bail_out(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The plan; returns the exit status. */
int tap_done(void);

#endif
