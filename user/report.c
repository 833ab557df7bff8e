/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "attacks.h"
#include "conns.h"
#include "counts.h"
#include "interfaces.h"
#include "jiffies.h"
#include "log.h"
#include "options.h"
#include "tc.h"
#include "xdp.h"

static double seconds_since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - then->tv_sec) + (now.tv_nsec - then->tv_nsec) / 1e9;
}

static int gather_attachment(struct report *r)
{
	int fd, err;

	err = pin_read_note(r->ifname, &r->note);
	if (err) /* a start that did not come to an end */
		return err;
	r->here = r->note.netns == pin_netns();
	r->xdp = xdp_attached(r->ifname, &r->note);
	r->tc = (!r->here && r->note.clsact) || tc_attached(r->ifname, &r->note);
	fd = pin_open_dir(r->ifname);
	if (fd < 0)
		return fd;
	r->daemon = pin_dir_locked(fd);
	close(fd);
	return 0;
}

static int gather_maps(struct report *r)
{
	struct synshield_keys keys = {};
	int err;

	err = maps_get(&r->maps, MAP_SETTINGS, &r->settings);
	if (!err)
		err = maps_get(&r->maps, MAP_HOST, &r->host);
	if (!err)
		err = maps_get(&r->maps, MAP_TRACKING, &r->tracking);
	if (!err)
		err = maps_get(&r->maps, MAP_DAEMON, &r->done);
	if (!err)
		err = maps_capacity(&r->maps, MAP_CONNS, &r->conns_capacity);
	if (!err && r->maps.fd[MAP_KEYS] >= 0)
		err = maps_get(&r->maps, MAP_KEYS, &keys);
	r->epoch = keys.epoch;
	explicit_bzero(&keys, sizeof(keys));
	if (!err)
		err = maps_stats(&r->maps, &r->before);
	clock_gettime(CLOCK_MONOTONIC, &r->sampled);
	return err;
}

int report_first(struct report *r, const char *ifname)
{
	int err;

	snprintf(r->ifname, sizeof(r->ifname), "%s", ifname);
	err = interfaces_open_to_read(&r->maps, ifname);
	if (err)
		return err;
	err = gather_attachment(r);
	if (err == -ENOENT || err == -EINVAL)
		return interfaces_not_running(ifname);
	if (!err)
		err = gather_maps(r);
	return err ? (log_errno(err, "%s: cannot read its maps", ifname), EXIT_FAILED) : EXIT_OK;
}

static int gather_states(struct report *r)
{
	struct synshield_closing *values;
	struct synshield_tuple *tuples;
	size_t count, i;
	int err;

	err = maps_dump(&r->maps, MAP_CLOSING, (void **)&tuples, (void **)&values, &count);
	if (err)
		return err;
	for (i = 0; i < count; i++) {
		if (values[i].local < SYNSHIELD_TCP_STATES_MAX)
			r->states[values[i].local]++;
	}
	free(tuples);
	free(values);
	return 0;
}

int report_second(struct report *r)
{
	int err;

	r->seconds = seconds_since(&r->sampled);
	err = maps_stats(&r->maps, &r->after);
	if (!err)
		err = listeners_read(&r->maps, &r->listeners, &r->listener_count);
	if (!err)
		err = maps_dump(&r->maps, MAP_POLICY, (void **)&r->ports, (void **)&r->policies,
				&r->policy_count);
	if (!err && r->with_states)
		err = gather_states(r);
	r->now_jiffies = jiffies_now();
	r->warning_count = warnings_collect(r->ifname, &r->note, &r->maps, r->warnings);
	r->hint_count = err ? 0 : hints_gather(&r->maps, &r->before, &r->after, r->hints);
	if (r->hint_count < 0)
		err = r->hint_count;
	return err ? (log_errno(err, "%s: cannot read its maps", r->ifname), EXIT_FAILED) : EXIT_OK;
}

void report_free(struct report *r)
{
	maps_close(&r->maps);
	free(r->listeners);
	free(r->ports);
	free(r->policies);
}

size_t report_attacks(const struct report *r)
{
	size_t i, n = 0;

	for (i = 0; i < r->listener_count; i++)
		n += under_attack(&r->listeners[i].value, r->now_jiffies);
	return n;
}

bool report_learned(const struct report *r)
{
	return r->host.learned && r->host.learned == r->settings.generation &&
	       r->tracking.made < r->host.learned_until;
}

long report_conns_at_most(const struct report *r)
{
	__u32 room = conns_room(r->conns_capacity);
	__u64 free;

	if (!report_learned(r))
		return -1;
	free = r->host.learned_until - r->tracking.made;
	return free < room ? (long)(room - free) : 0;
}

double report_rate(const struct report *r, int action)
{
	__u64 n = counts_total(&r->after, action) - counts_total(&r->before, action);

	return r->seconds > 0 ? n / r->seconds : 0;
}

const char *report_listener_mode(const struct listener_row *l)
{
	return l->value.checked_jiffies ? options_mode_name(l->value.mode) : "-";
}

const char *report_listener_cookies(const struct report *r, const struct listener_row *l)
{
	if (!l->value.checked_jiffies)
		return "not asked yet";
	if (l->value.flags & SYNSHIELD_LISTENER_KERNEL_COOKIE)
		return "kernel's";
	return r->host.flags & SYNSHIELD_HOST_REQSK ? "shield's" : "kernel's";
}
