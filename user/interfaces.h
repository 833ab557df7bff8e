/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef INTERFACES_H
#define INTERFACES_H

#include <net/if.h>
#include <stddef.h>

#include "args.h"
#include "maps.h"

/*
 * The interfaces a reading command shall speak of: those named, or all that
 * are pinned.  Returns 0 or an exit code, after saying why.
 */
int interfaces_chosen(int argc, char **argv, char (**names)[IF_NAMESIZE], size_t *count);
/* The one of which `does` ("traces") is said; the same. */
int interfaces_one(const struct command *cmd, int argc, char **argv, const char *does,
		   char name[IF_NAMESIZE]);
/* EXIT_NOT_RUNNING, after one line */
int interfaces_not_running(const char *ifname);

/* The pinned maps of one.  0 or an exit code, after saying why. */
int interfaces_open(struct maps *maps, const char *ifname);
int interfaces_open_to_read(struct maps *maps, const char *ifname);

#endif
