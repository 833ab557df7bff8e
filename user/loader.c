/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "loader.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "bloom.h"
#include "conns.h"
#include "log.h"
#include "pin.h"

static struct bpf_map *object_map(const struct synshield *skel, int id)
{
	return bpf_object__find_map_by_name(skel->obj, map_names[id]);
}

/* Of what capacity it is was decided when it was made: by the machine, or by an option. */
static bool any_capacity(int id)
{
	return id == MAP_CONNS || id == MAP_BLOOM || id == MAP_CLOSING || id == MAP_EVENTS;
}

/* What a pinned map has that this object's would not have. */
static const char *layout_difference(struct bpf_map *map, const struct bpf_map_info *info, int id)
{
	if (info->type != bpf_map__type(map))
		return "type";
	if (info->key_size != bpf_map__key_size(map))
		return "key size";
	if (info->value_size != bpf_map__value_size(map))
		return "value size";
	if (info->map_flags != bpf_map__map_flags(map))
		return "flags";
	if (!any_capacity(id) && info->max_entries != bpf_map__max_entries(map))
		return "capacity";
	return NULL;
}

static int refuse_layout(const char *ifname, const char *map, const char *what)
{
	log_line("%s: the running shield's map %s has another %s than this version's: 'synshield "
		 "detach %s' first, then run; until then the running one goes on",
		 ifname, map, what, ifname);
	return -EPROTO;
}

/* A power of 2, of whole pages. */
static unsigned int ring_bytes(unsigned int wanted)
{
	unsigned int bytes = getpagesize();

	while (bytes < wanted)
		bytes *= 2;
	return bytes;
}

static int take_over_maps(struct synshield *skel, const char *ifname, const struct maps *pinned,
			  unsigned int conns, unsigned int events)
{
	struct bpf_map_info info;
	const char *what;
	__u32 len;
	int id, err;

	for (id = 0; id < MAP_COUNT; id++) {
		struct bpf_map *map = object_map(skel, id);

		memset(&info, 0, sizeof(info));
		len = sizeof(info);
		if (!map || bpf_obj_get_info_by_fd(pinned->fd[id], &info, &len))
			return log_errno(-errno, "%s: cannot read the pinned map %s", ifname,
					 map_names[id]);
		what = layout_difference(map, &info, id);
		if (what)
			return refuse_layout(ifname, map_names[id], what);
		if (id == MAP_CONNS && conns && conns_capacity(conns) != info.max_entries)
			log_line(
				"%s: keeps room for %u connections: 'synshield detach %s' first to "
				"change it",
				ifname, info.max_entries, ifname);
		if (id == MAP_EVENTS && events && ring_bytes(events) != info.max_entries)
			log_line("%s: keeps its ring buffer of %u bytes: 'synshield detach %s' "
				 "first to change it",
				 ifname, info.max_entries, ifname);
		err = bpf_map__reuse_fd(map, pinned->fd[id]);
		if (err)
			return log_errno(err, "%s: cannot take over the map %s", ifname,
					 map_names[id]);
	}
	return 0;
}

static int size_maps(struct synshield *skel, unsigned int conns, unsigned int events)
{
	__u32 capacity = conns_capacity(conns);
	int err;

	err = bpf_map__set_max_entries(skel->maps.conns, capacity);
	if (!err)
		err = bpf_map__set_max_entries(skel->maps.bloom, bloom_entries(capacity));
	if (!err)
		err = bpf_map__set_max_entries(skel->maps.closing, capacity);
	if (!err && events)
		err = bpf_map__set_max_entries(skel->maps.events, ring_bytes(events));
	return err;
}

static const char *load_remedy(int err)
{
	switch (err) {
	case -EPERM:
	case -EACCES:
		return " (needs CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON; 'synshield doctor' tells "
		       "more)";
	case -ENOMEM:
		return " (memory: give fewer --conns)";
	default:
		return " ('synshield doctor' tells what this kernel lacks)";
	}
}

int loader_open(struct loader *loader, const char *ifname, const struct maps *pinned,
		unsigned int conns, unsigned int events)
{
	int err;

	memset(loader, 0, sizeof(*loader));
	log_forget_capture();
	loader->skel = synshield__open();
	if (!loader->skel) {
		err = log_errno(-errno, "cannot open the BPF object");
		log_show_capture();
		return err;
	}
	if (pinned)
		err = take_over_maps(loader->skel, ifname, pinned, conns, events);
	else
		err = size_maps(loader->skel, conns, events);
	if (err)
		goto fail;
	err = synshield__load(loader->skel);
	if (err) {
		log_errno(err, "%s: the kernel refused the BPF object%s", ifname, load_remedy(err));
		log_show_capture();
		goto fail;
	}
	loader->xdp_fd = bpf_program__fd(loader->skel->progs.synshield_xdp);
	loader->tc_in_fd = bpf_program__fd(loader->skel->progs.synshield_in);
	loader->tc_out_fd = bpf_program__fd(loader->skel->progs.synshield_out);
	return 0;
fail:
	loader_close(loader);
	return err;
}

void loader_close(struct loader *loader)
{
	synshield__destroy(loader->skel);
	memset(loader, 0, sizeof(*loader));
}

int loader_maps(const struct loader *loader, struct maps *maps)
{
	int id;

	maps_init(maps);
	for (id = 0; id < MAP_COUNT; id++) {
		maps->fd[id] = fcntl(bpf_map__fd(object_map(loader->skel, id)), F_DUPFD_CLOEXEC, 3);
		if (maps->fd[id] < 0) {
			maps_close(maps);
			return log_errno(-errno, "cannot keep the map %s", map_names[id]);
		}
	}
	return 0;
}

/* Variables that the programs share too; constants are each object's own. */
static bool shared_map(const struct bpf_map *map)
{
	return !strstr(bpf_map__name(map), ".rodata");
}

struct synshield *loader_open_xdp(const struct loader *loader)
{
	struct synshield *skel = synshield__open();
	struct bpf_map *map, *first;
	int err = 0;

	if (!skel)
		return NULL;
	bpf_program__set_autoload(skel->progs.synshield_in, false);
	bpf_program__set_autoload(skel->progs.synshield_out, false);
	bpf_object__for_each_map(map, skel->obj)
	{
		first = bpf_object__find_map_by_name(loader->skel->obj, bpf_map__name(map));
		if (shared_map(map) && !err)
			err = first ? bpf_map__reuse_fd(map, bpf_map__fd(first)) : -ENOENT;
	}
	if (!err)
		return skel;
	synshield__destroy(skel);
	return NULL;
}
