/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef CHANGE_H
#define CHANGE_H

#include "config.h"
#include "enforce.h"
#include "settings.h"

/* Making one interface what a configuration file wants of it.  With the root locked. */
struct change {
	char ifname[IF_NAMESIZE];
	const struct maps *maps; /* of the caller, until it is closed */
	struct settings_change settings;
	bool with_lists; /* the file names them */
	struct enforcement lists;
	bool made;
};

/* Reads what is there; errors are said. */
int change_open(struct change *c, const struct maps *maps, const char *ifname,
		const struct config_want *want);
/* All or nothing; errors are said.  What is the same already is left alone. */
int change_make(struct change *c);
/* If it was made: all is as before. */
void change_undo(struct change *c);
bool change_has_lists(const struct change *c); /* other than before */
/*
 * Says what is another now, and cuts off the connections of sources that are denied now; if
 * there are other lists enforce_settle() comes before.  Returns how much it was.
 */
size_t change_finish(struct change *c);
/* Also of one that was not opened, all zero. */
void change_close(struct change *c);

#endif
