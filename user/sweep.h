/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef SWEEP_H
#define SWEEP_H

#include <stdbool.h>
#include <stddef.h>

#include "locals.h"
#include "maps.h"

/* `conns` as it was at one time. */
struct conns_dump {
	struct synshield_tuple *tuples;
	struct synshield_conn *conns;
	size_t count;
};

int conns_dump(const struct maps *maps, struct conns_dump *dump);
void conns_dump_free(struct conns_dump *dump);

/* Both ends are done with it: RST, or FINs that both have acknowledged. */
bool conn_is_over(const struct synshield_conn *conn);

/*
 * Removes from the map and from the dump what has no socket in the kernel any more and
 * has been idle for SWEEP_IDLE seconds, or SWEEP_OVER if it is over.  Nothing if the
 * sockets cannot be listed.  *bound: as others_bound() says of the sockets.
 */
#define SWEEP_IDLE 5
#define SWEEP_OVER 2

void sweep_conns(const struct maps *maps, const struct locals *locals, struct conns_dump *dump,
		 int *bound);

/* The same for one connection, of whose socket the caller has asked.  True: removed. */
bool sweep_one(const struct maps *maps, const struct synshield_tuple *tuple);

#endif
