/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "link.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "pin.h"

int link_attach(int prog_fd, int ifindex, int type, __u32 flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);
	int fd = bpf_link_create(prog_fd, ifindex, type, &opts);

	return fd < 0 ? -errno : fd;
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
