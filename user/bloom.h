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
	__u32 words; /* of each half */
	__u32 at;    /* the half that is to be asked: what `host` has to say */
	enum {
		BLOOM_SETTLED,
		BLOOM_EMPTY,  /* the other half was emptied */
		BLOOM_FILLED, /* and knows all of `conns` */
	} stage;
	__u64 emptied_ns;
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

/*
 * Once a second, with what the programs read: turns to the other half once it is filled,
 * and empties it again once they do.
 */
void bloom_follow(struct bloom *b, const struct synshield_host *host);

/*
 * A walk through `conns` begins: may it fill the other half?  What a program was about to
 * enter when that was emptied has to be in `conns` by now.
 */
bool bloom_is_empty(const struct bloom *b);
void bloom_keep(struct bloom *b, const struct synshield_tuple *tuple);
/* All of it was met. */
void bloom_filled(struct bloom *b);

#endif
