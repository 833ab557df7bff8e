/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Everything that `status` tells of one interface. */
#ifndef REPORT_H
#define REPORT_H

#include <net/if.h>
#include <stdbool.h>
#include <time.h>

#include "hints.h"
#include "json.h"
#include "listeners.h"
#include "maps.h"
#include "pin.h"
#include "warnings.h"

#define REPORT_REASONS 5 /* of the most frequent */

struct report {
	char ifname[IF_NAMESIZE];
	struct maps maps;
	bool with_states;
	struct pin_note note;
	bool daemon, here, xdp, tc;
	struct synshield_settings settings;
	struct synshield_host host;
	struct synshield_tracking tracking;
	struct synshield_daemon done;
	__u32 conns_capacity;
	__u32 epoch;
	struct listener_row *listeners;
	size_t listener_count;
	__u32 *ports;
	struct synshield_policy *policies;
	size_t policy_count;
	__u64 now_jiffies;
	struct timespec sampled;
	double seconds;
	struct synshield_stats before, after;
	struct warning warnings[WARNINGS_MAX];
	int warning_count;
	struct hint hints[HINTS_MAX];
	int hint_count;
	size_t states[SYNSHIELD_TCP_STATES_MAX]; /* of this host's ends */
};

/*
 * At the beginning of the time that rates are measured over, with r all zero but for
 * with_states, and at its end.  What goes wrong is said; these return an exit code.
 */
int report_first(struct report *r, const char *ifname);
int report_second(struct report *r);
void report_free(struct report *r);

/* Listeners that are under attack. */
size_t report_attacks(const struct report *r);
/* Whether `conns` holds every connection of the host. */
bool report_learned(const struct report *r);
/*
 * An upper bound of the tracked connections, or -1: what the daemon counted last and
 * what was made since.  To count them here would take a walk through the whole table.
 */
long report_conns_at_most(const struct report *r);
/* Packets per second; action: see count_actions. */
double report_rate(const struct report *r, int action);
const char *report_listener_mode(const struct listener_row *l);
/* Whose cookies it gets. */
const char *report_listener_cookies(const struct report *r, const struct listener_row *l);

void report_json(struct json *j, const struct report *r);

#endif
