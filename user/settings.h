/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "maps.h"
#include "options.h"

/* A port's policy before and after. */
struct policy_change {
	__u32 port;
	struct synshield_policy before, after;
};

/* What the maps settings and policy hold, and shall hold. */
struct settings_change {
	struct synshield_settings before, after;
	struct policy_change *ports;
	size_t count;
};

/*
 * What is given, over what is there; with `whole` instead of it: what is not given is as by
 * default then, and no other port has settings.  Maps that were never written get the
 * defaults.  Errors are said.
 */
int settings_plan(struct settings_change *c, const struct maps *maps, const char *ifname,
		  const struct option_list *given, bool whole);
/*
 * Writes it, all or nothing: the ports' policies first, then the settings with generation
 * raised.  Errors are said.
 */
int settings_commit(const struct settings_change *c, const struct maps *maps, const char *ifname);
/* Back to what was there before; settings.listed stays. */
void settings_undo(const struct settings_change *c, const struct maps *maps, const char *ifname);
/* Says each setting that is another; returns how many. */
size_t settings_say(const struct settings_change *c, const char *ifname);
void settings_free(struct settings_change *c);

/* Plan and commit of what is given, over what is there. */
int settings_change(const struct maps *maps, const char *ifname, const struct option_list *given);

#endif
