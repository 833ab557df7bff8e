/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "link.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "maps.h"
#include "pin.h"
#include "stops.h"

int link_attach(int prog_fd, int ifindex, int type, __u32 flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);
	int fd = bpf_link_create(prog_fd, ifindex, type, &opts);

	if (fd < 0)
		return -errno;
	STOP("link-made");
	return fd;
}

/* XDP and tcx links tell their interface in the same place, the info's first word */
static int fd_ifindex(int fd)
{
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) ? -errno : (int)info.xdp.ifindex;
}

int link_replace(const char *ifname, const char *what, int prog_fd)
{
	int fd = pin_get(ifname, what), err;

	if (fd < 0)
		return fd;
	err = fd_ifindex(fd);
	if (!err)
		err = -ENOENT;
	else if (err > 0)
		err = bpf_link_update(fd, prog_fd, NULL) ? -errno : 0;
	STOP("link-replaced");
	close(fd);
	return err;
}

int link_detach(const char *ifname, const char *what)
{
	int fd = pin_get(ifname, what), err = 0;

	if (fd < 0)
		return fd;
	if (bpf_link_detach(fd))
		err = -errno;
	STOP("link-detached");
	close(fd);
	/* a dead link: its interface is gone */
	if (err == -ENOLINK || err == -ENODEV || err == -ENOENT || err == -EINVAL)
		err = 0;
	if (!err)
		pin_remove(ifname, what);
	return err;
}

int link_ifindex(const char *ifname, const char *what)
{
	int fd = pin_get(ifname, what), ifindex;

	if (fd < 0)
		return fd;
	ifindex = fd_ifindex(fd);
	close(fd);
	return ifindex;
}

bool link_hidden(const char *ifname, const char *what)
{
	int fd = pin_get(ifname, what);

	if (fd >= 0)
		close(fd);
	return fd == -EACCES;
}

__u32 link_prog_id(int prog_fd)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(prog_fd, &info, &len) ? 0 : info.id;
}

__u32 link_pinned_id(const char *ifname, const char *what)
{
	int fd = pin_get(ifname, what);
	__u32 id;

	if (fd < 0)
		return 0;
	id = link_prog_id(fd);
	close(fd);
	return id;
}

/* A program's name tells nothing: another shield's, of other pins, bears the same. */
bool link_prog_ours(const char *ifname, __u32 prog_id)
{
	__u32 ids[64] = {0}, len, map_id, i;
	struct bpf_map_info map = {};
	struct bpf_prog_info prog = {.nr_map_ids = 64, .map_ids = (uintptr_t)ids};
	int map_fd = pin_get(ifname, map_names[MAP_SETTINGS]);
	int prog_fd = bpf_prog_get_fd_by_id(prog_id);
	bool known, ours = false;

	len = sizeof(map);
	known = map_fd >= 0 && !bpf_obj_get_info_by_fd(map_fd, &map, &len);
	map_id = map.id;
	len = sizeof(prog);
	known = known && prog_fd >= 0 && !bpf_obj_get_info_by_fd(prog_fd, &prog, &len);
	for (i = 0; known && i < prog.nr_map_ids && i < 64; i++)
		ours |= ids[i] == map_id;
	if (map_fd >= 0)
		close(map_fd);
	if (prog_fd >= 0)
		close(prog_fd);
	return ours;
}
