/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "pin.h"
#include "readers.h"

/* Entries at a time.  A bucket that is larger makes the kernel say so: see grow(). */
#define WALK_BATCH 4096

const char *const map_names[MAP_COUNT] = {
	[MAP_SETTINGS] = "settings", [MAP_POLICY] = "policy",	    [MAP_HOST] = "host",
	[MAP_KEYS] = "keys",	     [MAP_LOCALS] = "locals",	    [MAP_LISTS] = "lists",
	[MAP_LISTED] = "listed",     [MAP_LISTENERS] = "listeners", [MAP_CONNS] = "conns",
	[MAP_BLOOM] = "bloom",	     [MAP_TRACKING] = "tracking",   [MAP_SOURCES] = "sources",
	[MAP_REPLIES] = "replies",   [MAP_DOUBTS] = "doubts",	    [MAP_CLOSING] = "closing",
	[MAP_DAEMON] = "daemon",     [MAP_EVENTS] = "events",	    [MAP_TRACES] = "traces",
	[MAP_TRACE] = "trace",	     [MAP_CAPTURES] = "captures",   [MAP_CAPTURED] = "captured",
	[MAP_CAPTURE] = "capture",   [MAP_STATS] = "stats",
};

void maps_init(struct maps *maps)
{
	int i;

	for (i = 0; i < MAP_COUNT; i++)
		maps->fd[i] = -1;
}

void maps_close(struct maps *maps)
{
	int i;

	for (i = 0; i < MAP_COUNT; i++) {
		if (maps->fd[i] >= 0)
			close(maps->fd[i]);
	}
	maps_init(maps);
}

int maps_copy(struct maps *copy, const struct maps *maps)
{
	int i, err = 0;

	maps_init(copy);
	for (i = 0; i < MAP_COUNT && !err; i++) {
		if (maps->fd[i] < 0)
			continue;
		copy->fd[i] = fcntl(maps->fd[i], F_DUPFD_CLOEXEC, 3);
		err = copy->fd[i] < 0 ? -errno : 0;
	}
	if (err)
		maps_close(copy);
	return err;
}

static int refuse_abi(const char *ifname, __u32 abi)
{
	log_line("%s: another version of synshield runs it (map layout %u, this one knows %u), and "
		 "goes on: use that version, or 'synshield detach %s' and start anew",
		 ifname, abi, SYNSHIELD_ABI, ifname);
	return -EPROTO;
}

/* Before any other map is asked for: another version has others. */
static int maps_check_abi(const struct maps *maps, const char *ifname)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	__u32 abi[64] = {0};
	int err = 0;

	if (bpf_obj_get_info_by_fd(maps->fd[MAP_SETTINGS], &info, &len))
		return log_errno(-errno, "%s: cannot read the map settings", ifname);
	if (info.value_size <= sizeof(abi))
		err = maps_get(maps, MAP_SETTINGS, abi);
	if (err)
		return log_errno(err, "%s: cannot read the map settings", ifname);
	if (info.value_size == sizeof(struct synshield_settings) && abi[0] == SYNSHIELD_ABI)
		return 0;
	return refuse_abi(ifname, abi[0]);
}

/* Root's alone: the cookie keys, and what was in the packets that were captured. */
static bool is_secret(int id)
{
	return id == MAP_KEYS || id == MAP_CAPTURES;
}

static int open_pinned(struct maps *maps, const char *ifname, bool to_read)
{
	int i, fd, err;

	for (i = 0; i < MAP_COUNT; i++) {
		fd = to_read ? pin_get_to_read(ifname, map_names[i])
			     : pin_get(ifname, map_names[i]);
		if (fd == -EACCES && to_read && is_secret(i))
			continue;
		if (fd < 0)
			return fd == -ENOENT
				       ? fd
				       : log_errno(fd, "cannot open the pinned map %s of %s%s",
						   map_names[i], ifname,
						   to_read ? readers_remedy(fd) : " (be root)");
		maps->fd[i] = fd;
		err = i == MAP_SETTINGS ? maps_check_abi(maps, ifname) : 0;
		if (err)
			return err;
	}
	return 0;
}

static int open_all(struct maps *maps, const char *ifname, bool to_read)
{
	int err;

	maps_init(maps);
	err = open_pinned(maps, ifname, to_read);
	if (err)
		maps_close(maps);
	return err;
}

int maps_open(struct maps *maps, const char *ifname)
{
	return open_all(maps, ifname, false);
}

int maps_open_to_read(struct maps *maps, const char *ifname)
{
	return open_all(maps, ifname, true);
}

int maps_admit_readers(const char *ifname)
{
	int id, err = 0;

	for (id = 0; id < MAP_COUNT && !err; id++)
		err = is_secret(id) ? 0 : pin_admit(ifname, map_names[id]);
	return err;
}

int maps_capacity(const struct maps *maps, enum map_id id, __u32 *entries)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(maps->fd[id], &info, &len))
		return -errno;
	*entries = info.max_entries;
	return 0;
}

int maps_get(const struct maps *maps, enum map_id id, void *value)
{
	const __u32 zero = 0;

	return bpf_map_lookup_elem(maps->fd[id], &zero, value) ? -errno : 0;
}

int maps_put(const struct maps *maps, enum map_id id, const void *value)
{
	const __u32 zero = 0;

	return bpf_map_update_elem(maps->fd[id], &zero, value, BPF_ANY) ? -errno : 0;
}

/*
 * A hash map answers with whole buckets, and with -ENOSPC where one does not
 * fit: room for every element is always enough.
 */
static int dump_batches(int fd, const struct bpf_map_info *info, char *keys, char *values,
			size_t *count)
{
	char token[256];
	__u32 n, got = 0;
	void *in = NULL;
	int err;

	do {
		n = info->max_entries - got;
		err = bpf_map_lookup_batch(fd, in, token, keys + (size_t)got * info->key_size,
					   values + (size_t)got * info->value_size, &n, NULL);
		if (err && errno != ENOENT)
			return -errno;
		got += n;
		in = token;
	} while (!err && got < info->max_entries);
	*count = got;
	return 0;
}

int maps_dump(const struct maps *maps, enum map_id id, void **keys, void **values, size_t *count)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	int err;

	*keys = *values = NULL;
	*count = 0;
	if (bpf_obj_get_info_by_fd(maps->fd[id], &info, &len))
		return -errno;
	/* not zeroed: some maps have room for a million, and hold a few */
	*keys = reallocarray(NULL, info.max_entries, info.key_size);
	*values = reallocarray(NULL, info.max_entries, info.value_size);
	err = *keys && *values ? dump_batches(maps->fd[id], &info, *keys, *values, count) : -ENOMEM;
	if (err) {
		free(*keys);
		free(*values);
		*keys = *values = NULL;
	}
	return err;
}

static int grow(struct maps_walk *w, __u32 room)
{
	void *keys = reallocarray(w->keys, room, w->key_size), *values;

	if (!keys)
		return -ENOMEM;
	w->keys = keys;
	values = reallocarray(w->values, room, w->value_size);
	if (!values)
		return -ENOMEM;
	w->values = values;
	w->room = room;
	return 0;
}

int maps_walk_open(struct maps_walk *w, const struct maps *maps, enum map_id id)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	*w = (struct maps_walk){};
	if (bpf_obj_get_info_by_fd(maps->fd[id], &info, &len))
		return -errno;
	w->key_size = info.key_size;
	w->value_size = info.value_size;
	return grow(w, WALK_BATCH);
}

int maps_walk_next(struct maps_walk *w, const struct maps *maps, enum map_id id)
{
	int err;

	for (;;) {
		w->count = w->room;
		if (!bpf_map_lookup_batch(maps->fd[id], w->begun ? &w->token : NULL, &w->token,
					  w->keys, w->values, &w->count, NULL)) {
			w->begun = true;
			return 0;
		}
		if (errno == ENOENT)
			return 1;
		if (errno != ENOSPC)
			return -errno;
		err = grow(w, w->room * 2);
		if (err)
			return err;
	}
}

void maps_walk_close(struct maps_walk *w)
{
	free(w->keys);
	free(w->values);
	*w = (struct maps_walk){};
}

int maps_stats(const struct maps *maps, struct synshield_stats *sum)
{
	const size_t fields = sizeof(*sum) / sizeof(__u64);
	int cpus = libbpf_num_possible_cpus();
	struct synshield_stats *each;
	__u64 *to = (__u64 *)sum;
	size_t f;
	int cpu, err;

	if (cpus < 0)
		return cpus;
	memset(sum, 0, sizeof(*sum));
	each = calloc(cpus, sizeof(*each));
	if (!each)
		return -ENOMEM;
	err = maps_get(maps, MAP_STATS, each);
	for (cpu = 0; !err && cpu < cpus; cpu++) {
		const __u64 *from = (const __u64 *)&each[cpu];

		for (f = 0; f < fields; f++)
			to[f] += from[f];
	}
	free(each);
	return err;
}
