/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef CAPS_H
#define CAPS_H

#include <stdbool.h>
#include <stddef.h>

/* Names of the capabilities that `run` needs and this process has not; "" if none. */
void caps_missing(char *list, size_t size);
/* 0, or -EPERM after one line. */
int caps_require(void);

/*
 * Gives up for good what only the start needs: from here on no program is loaded, nothing
 * attached, and no program executed that has more.  Errors are said.
 */
int caps_drop(void);

#endif
