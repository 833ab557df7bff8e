/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef RELOAD_H
#define RELOAD_H

#include "shield.h"

/*
 * Reads the configuration file anew, and makes all interfaces what it says, or none.  What
 * changed, and what waits for the next start, is said; so are errors.
 */
void reload(const struct shield_wish *wish, struct shield **shields, size_t count);

#endif
