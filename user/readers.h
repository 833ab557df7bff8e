/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef READERS_H
#define READERS_H

#include <stddef.h>

/*
 * Who may look: the group of `run --group`, root's own without it.  Its members open
 * maps read-only.  Programs and links stay root's: who holds one can run or detach it.
 */

/* Errors are said.  Not called: root's group. */
int readers_choose(const char *group);
/* The group's right to pass through what holds the pin directory; errors are said. */
int readers_open_way(const char *root);
/* Errors are said. */
int readers_admit_dir(int fd, const char *path);
int readers_admit_file(const char *path);

/* " (be root, ...)" for the end of a message, where err says that it is needed; else "" */
const char *readers_remedy(int err);

#endif
