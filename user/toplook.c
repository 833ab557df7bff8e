/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "toplook.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "census.h"
#include "jiffies.h"
#include "log.h"
#include "shield.h"

static __u64 monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static int look_at_attachment(struct top_look *look, const char *ifname)
{
	int fd, err;

	err = pin_read_note(ifname, &look->note);
	if (err) /* a start that did not come to an end */
		return -ENOENT;
	look->xdp = xdp_attached(ifname, &look->note);
	/* filters of another namespace cannot be seen from here */
	look->tc = (look->note.netns != pin_netns() && look->note.clsact) ||
		   tc_attached(ifname, &look->note);
	fd = pin_open_dir(ifname);
	if (fd < 0)
		return fd;
	look->daemon = pin_dir_locked(fd);
	close(fd);
	return 0;
}

static int map_number(const struct maps *maps, enum map_id id, __u32 *number)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(maps->fd[id], &info, &len))
		return -errno;
	*number = info.id;
	return 0;
}

static int look_at_maps(struct top_look *look, const struct maps *maps)
{
	int err;

	err = maps_get(maps, MAP_SETTINGS, &look->settings);
	if (!err)
		err = maps_capacity(maps, MAP_CONNS, &look->conns_capacity);
	if (!err)
		err = map_number(maps, MAP_STATS, &look->stats_id);
	if (!err)
		err = maps_stats(maps, &look->stats);
	look->time_ns = monotonic_ns();
	if (!err)
		err = listeners_read(maps, &look->listeners, &look->listener_count);
	look->jiffies = jiffies_now();
	return err;
}

int top_look(struct top_look *look, const char *ifname, struct census *census, __u64 budget_ns)
{
	__u32 known = look->stats_id;
	struct maps maps;
	int err;

	top_look_free(look);
	err = maps_open_to_read(&maps, ifname);
	if (err)
		return err;
	err = look_at_attachment(look, ifname);
	if (!err)
		err = look_at_maps(look, &maps);
	if (!err && look->stats_id != known)
		census_reset(census);
	if (!err)
		err = census_step(census, &maps, look->daemon, budget_ns);
	if (err && err != -ENOENT)
		log_errno(err, "%s: cannot read its maps", ifname);
	maps_close(&maps);
	look->attached = !err;
	return err;
}

void top_look_free(struct top_look *look)
{
	free(look->listeners);
	*look = (struct top_look){.stats_id = look->stats_id};
}
