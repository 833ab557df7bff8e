/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef ENFORCE_H
#define ENFORCE_H

#include <net/if.h>
#include <stdbool.h>

#include "listed.h"
#include "lists.h"
#include "maps.h"

/* The lists of one interface, and a change of them.  With the root locked. */
struct enforcement {
	char ifname[IF_NAMESIZE];
	struct maps maps;
	struct listed listed;
	struct lists before, after;
	struct list_tally tally;
	struct list_diff diff;
	size_t put, dropped; /* of diff; as much at most is in the map, out of it */
	bool unfinished;     /* who changed the lists before was killed before enforce_cut() */
	bool marked;	     /* so would this one be */
};

/* 0, -ENOENT: not running; other errors are said. */
int enforce_open(struct enforcement *e, const char *ifname);
/* Only for the lists before; the root need not be locked. */
int enforce_open_to_read(struct enforcement *e, const char *ifname);
/* The same of maps that are open; they stay the caller's.  Errors are said. */
int enforce_take(struct enforcement *e, const struct maps *maps, const char *ifname);
void enforce_close(struct enforcement *e);

/* Errors are said. */
int enforce_plan(struct enforcement *e, enum list_verb verb, enum synshield_list list,
		 struct list_wishes *wishes);
/* Both lists, of which the (settled) wishes, by enum synshield_list, are all.  Errors are said. */
int enforce_plan_both(struct enforcement *e, const struct list_wishes wishes[]);
/*
 * Makes the map hold what was planned: new prefixes first, then the others go, then
 * settings.listed is written, and the generation if prefixes have gone.  On an error, which is
 * said, all is as before.
 */
int enforce_commit(struct enforcement *e);
void enforce_undo(struct enforcement *e);

/* Until every packet that met the old lists is through: for all interfaces at once. */
void enforce_settle(void);
/*
 * Forgets the connections whose sources have become denied, and those of a prefix just
 * named by `add`; if this was left unfinished before, of all that are denied.  Returns how
 * many of them were open, or -errno, which is said.
 */
long enforce_cut(struct enforcement *e);

#endif
