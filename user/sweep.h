/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef SWEEP_H
#define SWEEP_H

#include <stddef.h>

#include "maps.h"

/*
 * Removes from `conns` what has been idle for SWEEP_IDLE seconds and has no socket in
 * the kernel any more, given a dump of the map.  Returns how many were removed; 0 also
 * when the sockets cannot be listed.
 */
#define SWEEP_IDLE 5

size_t sweep_conns(const struct maps *maps, const struct synshield_tuple *tuples,
		   const struct synshield_conn *conns, size_t count);

#endif
