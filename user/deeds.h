/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the daemon has done so far: the map `daemon`, of which it is the only writer. */
#ifndef DEEDS_H
#define DEEDS_H

#include "maps.h"

/* Adds the counts of `more`; the rest stays as it is. */
void deeds_add(const struct maps *maps, const struct synshield_daemon *more);
/* How it is now: started_ns and what follows it. */
void deeds_now(const struct maps *maps, const struct synshield_daemon *now);

#endif
