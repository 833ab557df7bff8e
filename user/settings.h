/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "maps.h"
#include "options.h"

/*
 * Writes what is given, all or nothing: the ports' policies first, then the
 * settings with generation raised.  Maps that were never written get the
 * defaults.  Errors are said.
 */
int settings_change(const struct maps *maps, const char *ifname, const struct option_list *given);

#endif
