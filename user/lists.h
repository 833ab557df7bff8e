/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef LISTS_H
#define LISTS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "synshield/synshield.h"

/*
 * The map `lists` in memory: what it holds, what it shall hold, and the way from one to
 * the other.  Nothing here touches a map.
 *
 * IPv4 addresses lie in the map as IPv6 ones in ::ffff:0:0/96.  For ::/0 and the like to
 * mean IPv6 only, the prefix 0.0.0.0/0 is then there with SYNSHIELD_LIST_NONE: the guard,
 * which no list shows and no count includes.
 */
struct list_row {
	struct synshield_list_key key;
	__u32 list; /* enum synshield_list */
	bool given; /* named by `add` just now */
};

struct lists {
	struct list_row *rows; /* by cidr_compare(), no key twice */
	size_t count;
	__u32 *outer; /* of each row: the next wider one that holds it; itself: none */
};

/* What was asked for: a prefix, and where it was said. */
struct list_wish {
	struct synshield_list_key key;
	unsigned int line;     /* of the file; 0: on the command line */
	const char *file;      /* that a configuration names; NULL: the one that is read */
	unsigned int found;    /* interfaces on whose list it is */
	unsigned int opposite; /* interfaces on whose other list it is */
};

struct list_wishes {
	struct list_wish *rows;
	size_t count, room;
};

enum list_verb {
	LIST_ADD,
	LIST_DEL,
	LIST_REPLACE,
};

struct list_tally {
	size_t added, removed, kept;
	size_t total; /* on the list afterwards */
};

/* What makes one content of the map another. */
struct list_diff {
	struct list_row *put;
	size_t puts;
	struct synshield_list_key *drop;
	size_t drops;
};

/* of two rows, by their prefixes */
int lists_compare(const void *a, const void *b);
/* Takes over rows as they come from the map; -ENOMEM. */
int lists_from_map(struct lists *lists, const struct synshield_list_key *keys, const __u32 *values,
		   size_t count);
void lists_free(struct lists *lists);
/* Prefixes on that list; with SYNSHIELD_LIST_NONE on both. */
size_t lists_count(const struct lists *lists, enum synshield_list list);
/* The longest prefix that holds the address, of its own family; NULL: none. */
const struct list_row *lists_find(const struct lists *lists, const __u8 addr[16]);
bool lists_deny(const struct lists *lists, const __u8 addr[16]);

int list_wishes_add(struct list_wishes *wishes, const struct synshield_list_key *key,
		    unsigned int line);
/* Sorts them, and drops what was said twice. */
void list_wishes_settle(struct list_wishes *wishes);
void list_wishes_free(struct list_wishes *wishes);

/*
 * What the map shall hold once the (settled) wishes are done.  A prefix that is on the
 * other list stays there, and is counted in the wish's opposite.  -ENOMEM.
 */
int lists_plan(const struct lists *before, enum list_verb verb, enum synshield_list list,
	       struct list_wishes *wishes, struct lists *after, struct list_tally *tally);
/* The same for both lists, of which the (settled) wishes, by enum synshield_list, are all. */
int lists_make(const struct list_wishes wishes[], struct lists *after);
/* What becomes of one of the lists. */
void lists_tally(const struct lists *before, const struct lists *after, enum synshield_list list,
		 struct list_tally *tally);
int lists_diff(const struct lists *before, const struct lists *after, struct list_diff *diff);
void list_diff_free(struct list_diff *diff);

#endif
