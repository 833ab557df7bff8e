/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef NEAR_H
#define NEAR_H

#include <stddef.h>

/* Of the names, the one that was meant by a slip of the finger; NULL: none is that near. */
const char *near_name(const char *word, const char *const *names, size_t count);

/* "unknown WHAT 'WORD': did you mean 'NAME'?", or "...: there are NAME, NAME or NAME" */
void near_unknown(char *why, size_t size, const char *what, const char *word,
		  const char *const *names, size_t count);

#endif
