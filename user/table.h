/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The connections that the daemon follows, by tuple. */
#ifndef TABLE_H
#define TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "fsm.h"
#include "loop.h"

/* One connection: 128 bytes at most, as there may be millions. */
struct tracked {
	struct tracked *next; /* in its bucket */
	struct timer timer;
	struct synshield_tuple tuple;
	__u8 known : 1;	 /* fsm holds; otherwise `conns` has to be asked */
	__u8 live : 1;	 /* one end has a state: shown in `closing` */
	__u8 shown : 1;	 /* is there by now */
	__u8 dirty : 1;	 /* will be written there */
	__u8 dead : 1;	 /* goes once it is not shown any more */
	__u8 proven : 1; /* by a cookie, and the kernel's socket was not seen yet */
	__u8 probes : 2; /* of keepalive, not answered; three, and not live: found dead */
	__u8 mark;	 /* number of the scan that found it last */
	/* of a live one not known: what is shown; of one not live: what it ended in */
	enum synshield_tcp_state remote : 4, local : 4;
	enum synshield_tcp_state shown_remote : 4, shown_local : 4; /* as `closing` has them */
	struct fsm fsm;
	__u64 since_ns, moved_ns; /* see struct synshield_closing */
	__u32 asked_segments;	  /* the remote end's when it was probed last, */
	__u32 probed_ms;	  /* and when; low 32 bits */
};
_Static_assert(sizeof(struct tracked) <= 128, "one for every connection");

struct table {
	struct tracked **bucket;
	size_t buckets, count, capacity;
	__u64 seed[2];
};

int table_open(struct table *table, size_t capacity);
void table_close(struct table *table);

struct tracked *table_find(const struct table *table, const struct synshield_tuple *tuple);
/* All zero but for its tuple, which must not be there yet.  NULL: no room. */
struct tracked *table_add(struct table *table, const struct synshield_tuple *tuple);
void table_remove(struct table *table, struct tracked *t);

#endif
