/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "deeds.h"

void deeds_add(const struct maps *maps, const struct synshield_daemon *more)
{
	struct synshield_daemon all;

	if (maps_get(maps, MAP_DAEMON, &all))
		return;
	all.probes += more->probes;
	all.probes_answered += more->probes_answered;
	all.dead += more->dead;
	all.dead_closed += more->dead_closed;
	all.half_open_ended += more->half_open_ended;
	all.attacks += more->attacks;
	maps_put(maps, MAP_DAEMON, &all);
}

void deeds_now(const struct maps *maps, const struct synshield_daemon *now)
{
	struct synshield_daemon all;

	if (maps_get(maps, MAP_DAEMON, &all))
		return;
	all.started_ns = now->started_ns;
	all.followed = now->followed;
	all.timers = now->timers;
	all.remote = now->remote;
	all.local = now->local;
	maps_put(maps, MAP_DAEMON, &all);
}
