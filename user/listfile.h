/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef LISTFILE_H
#define LISTFILE_H

#include "lists.h"

/* Wrong words and lines that are said one by one; of the rest, how many. */
#define LISTFILE_ERRORS 20

/* Adds what the words of a command line say.  -EINVAL: each wrong one was said. */
int listfile_words(struct list_wishes *wishes, int count, char **words);

/*
 * Adds what a file says ('-': standard input): a prefix per line, blank lines, comments
 * from '#' or ';' on.  An error is said, for each wrong line as FILE:LINE: what.
 */
int listfile_read(struct list_wishes *wishes, const char *path);
/* "FILE", or what standard input is called in messages */
const char *listfile_name(const char *path);

#endif
