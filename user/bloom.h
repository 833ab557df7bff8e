/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The daemon's part in the Bloom filter of `conns`: see synshield/bloom.h. */
#ifndef BLOOM_H
#define BLOOM_H

#include <stdbool.h>
#include <stddef.h>

#include "maps.h"

struct bloom {
	__u64 *map; /* both halves */
	size_t bytes;
	__u64 seed;
	__u32 room;	/* words that there are in each half, */
	__u32 words[2]; /* and of them in use */
	int asked;	/* the half that is to be asked */
	enum {
		BLOOM_SETTLED,
		BLOOM_EMPTIED, /* the other half was, */
		BLOOM_EMPTY,   /* programs know how many words it has now, */
		BLOOM_FILLED,  /* and it knows all of `conns` */
	} stage;
	__u64 told_ns; /* when they did */
	__u32 conns;   /* that the last scan met, */
	bool crowded;  /* too many for the words that were in use */
};

/* Entries of the map for so many connections. */
__u32 bloom_entries(__u32 conns);

/*
 * `host` says which half is asked; if neither was so far, `conns` has to be empty.
 * 0 or -errno; in either case *made is to be closed.
 */
int bloom_open(struct bloom **made, const struct maps *maps, const struct synshield_host *host);
void bloom_close(struct bloom *b);

/* Before a tuple is entered in `conns`. */
void bloom_enter(struct bloom *b, const struct synshield_tuple *tuple);

/* What the programs have to know of it. */
void bloom_tell(const struct bloom *b, struct synshield_host *host);

/*
 * Once a second, with what the programs read: turns to the other half once it is filled,
 * and empties it again once they do.
 */
void bloom_follow(struct bloom *b, const struct synshield_host *host);

/*
 * A walk through `conns` begins: may it fill the other half?  What a program was about to
 * enter when that was emptied, or had fewer words, has to be in `conns` by now.
 */
bool bloom_begin(struct bloom *b);
/* Is one wanted now, rather than in a while? */
bool bloom_waits(const struct bloom *b);
void bloom_keep(struct bloom *b, const struct synshield_tuple *tuple);
/* All of it was met.  If they are too many for it, another walk shall fill more words. */
void bloom_filled(struct bloom *b);

#endif
