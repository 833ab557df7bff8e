/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "facts.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attacks.h"
#include "clock.h"
#include "jiffies.h"
#include "log.h"
#include "pin.h"
#include "tc.h"
#include "xdp.h"

/* Tokens that a bucket holds: up to what is earned in a second. */
static double bucket_left(const struct facts *f, __u64 bucket, __u32 rate)
{
	__u64 now = f->now_jiffies << SYNSHIELD_BUCKET_SHIFT;
	__u64 second = (__u64)jiffies_hz() << SYNSHIELD_BUCKET_SHIFT;

	if (!rate || bucket >= now + second)
		return 0;
	return bucket <= now ? rate : (double)(now + second - bucket) / (second / rate);
}

static int read_attachment(struct facts *f)
{
	struct pin_note note;
	int fd, err;

	err = pin_read_note(f->ifname, &note);
	if (err)
		return err;
	f->attached = xdp_attached(f->ifname, &note) &&
		      ((note.netns != pin_netns() && note.clsact) || tc_attached(f->ifname, &note));
	fd = pin_open_dir(f->ifname);
	if (fd < 0)
		return fd;
	f->daemon = pin_dir_locked(fd);
	close(fd);
	return 0;
}

/* Of programs that libxdp's dispatcher calls the kernel counts nothing. */
static void read_program(struct facts *f, enum facts_program which, const char *pin)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	int fd = pin_get(f->ifname, pin);

	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &len)) {
		f->program[which].runs = info.run_cnt;
		f->program[which].seconds = info.run_time_ns / 1e9;
	}
	close(fd);
}

static int read_replies(struct facts *f, const struct maps *maps)
{
	__u64 *buckets;
	__u32 *keys;
	size_t count, i;
	int err;

	err = maps_dump(maps, MAP_REPLIES, (void **)&keys, (void **)&buckets, &count);
	if (err)
		return err;
	for (i = 0; i < count; i++)
		f->spent_prefixes += bucket_left(f, buckets[i], f->settings.reply_rate) < 1;
	free(keys);
	free(buckets);
	return 0;
}

static int read_policies(struct facts *f, const struct maps *maps)
{
	void *keys, *values;
	size_t count;
	int err;

	err = maps_dump(maps, MAP_POLICY, &keys, &values, &count);
	f->policies = count;
	free(keys);
	free(values);
	return err;
}

static int compare_listeners(const void *a, const void *b, void *arg)
{
	const struct listener_row *l = a, *r = b;
	const struct facts *f = arg;
	bool hot_l = under_attack(&l->value, f->now_jiffies),
	     hot_r = under_attack(&r->value, f->now_jiffies);

	if (hot_l != hot_r)
		return hot_l ? -1 : 1;
	if (l->value.attacks != r->value.attacks)
		return l->value.attacks > r->value.attacks ? -1 : 1;
	return memcmp(&l->key, &r->key, sizeof(l->key));
}

static int read_listeners(struct facts *f, const struct maps *maps)
{
	size_t i;
	int err;

	err = listeners_read(maps, &f->listeners, &f->listener_count);
	if (err)
		return err;
	for (i = 0; i < f->listener_count; i++) {
		f->half_open += f->listeners[i].value.half_open;
		f->attacked += under_attack(&f->listeners[i].value, f->now_jiffies);
	}
	qsort_r(f->listeners, f->listener_count, sizeof(*f->listeners), compare_listeners, f);
	return 0;
}

/* The map's own time is that since boot. */
static double unix_time(__u64 boottime)
{
	return ((double)clock_ns(CLOCK_REALTIME) - boottime_ns() + boottime) / 1e9;
}

static int read_key(struct facts *f, const struct maps *maps)
{
	struct synshield_keys keys = {.epoch = 0};
	int err;

	if (maps->fd[MAP_KEYS] < 0) /* root's only */
		return 0;
	err = maps_get(maps, MAP_KEYS, &keys);
	f->key_made = !err && keys.epoch ? unix_time(keys.rotated) : 0;
	explicit_bzero(&keys, sizeof(keys));
	return err;
}

static int read_maps(struct facts *f, const struct maps *maps)
{
	int id, err;

	err = maps_get(maps, MAP_SETTINGS, &f->settings);
	if (!err)
		err = maps_get(maps, MAP_TRACKING, &f->tracking);
	if (!err)
		err = maps_get(maps, MAP_DAEMON, &f->done);
	if (!err)
		err = maps_stats(maps, &f->stats);
	for (id = 0; id < MAP_COUNT && !err; id++)
		err = maps->fd[id] < 0 ? 0 : maps_capacity(maps, id, &f->capacity[id]);
	if (!err)
		err = read_key(f, maps);
	if (!err)
		err = read_listeners(f, maps);
	if (!err)
		err = read_policies(f, maps);
	if (!err)
		err = read_replies(f, maps);
	return err;
}

int facts_read(struct facts *f, const char *ifname, const struct maps *maps)
{
	int err;

	memset(f, 0, sizeof(*f));
	snprintf(f->ifname, sizeof(f->ifname), "%s", ifname);
	f->now_jiffies = jiffies_now();
	err = read_attachment(f);
	if (!err)
		err = read_maps(f, maps);
	if (err) {
		facts_free(f);
		return log_errno(err, "%s: cannot read its maps", ifname);
	}
	f->resets_left = f->settings.reset_rate
				 ? bucket_left(f, f->tracking.resets, f->settings.reset_rate) /
					   f->settings.reset_rate
				 : 0;
	f->daemon_began = unix_time(f->done.started_ns);
	read_program(f, FACTS_XDP, "prog_xdp");
	read_program(f, FACTS_TC_IN, "prog_tc_in");
	read_program(f, FACTS_TC_OUT, "prog_tc_out");
	return 0;
}

void facts_free(struct facts *f)
{
	free(f->listeners);
	f->listeners = NULL;
}
