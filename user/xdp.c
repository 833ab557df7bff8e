/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "xdp.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "link.h"
#include "log.h"
#include "probe.h"
#include "stops.h"

#define LINK "link_xdp"
#define PROG "prog_xdp"
#define DISPATCHER_ROOM 10 /* programs that libxdp's takes */

void xdp_look(int ifindex, struct xdp_occupant *o)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	struct xdp_multiprog *mp;
	int fd;

	memset(o, 0, sizeof(*o));
	if (bpf_xdp_query(ifindex, 0, &query) || !query.prog_id)
		return;
	o->prog_id = query.prog_id;
	o->generic = query.attach_mode == XDP_ATTACHED_SKB;
	fd = bpf_prog_get_fd_by_id(o->prog_id);
	if (fd >= 0) {
		if (!bpf_obj_get_info_by_fd(fd, &info, &len))
			memcpy(o->name, info.name, sizeof(info.name));
		close(fd);
	}
	if (strcmp(o->name, "xdp_dispatcher"))
		return;
	mp = xdp_multiprog__get_from_ifindex(ifindex);
	if (!libxdp_get_error(mp)) {
		o->dispatcher = !xdp_multiprog__is_legacy(mp);
		xdp_multiprog__close(mp);
	}
}

static int refuse_occupied(const char *ifname, const struct xdp_occupant *o)
{
	log_line(
		"%s: XDP program '%s' (id %u) is attached already and %s: remove it first (ip link "
		"set dev %s xdp off)",
		ifname, o->name, o->prog_id,
		o->dispatcher ? "this kernel lets no second one into its dispatcher"
			      : "leaves no room for a second one",
		ifname);
	return -EBUSY;
}

static int attach_link(int ifindex, int prog_fd, bool generic)
{
	return link_attach(prog_fd, ifindex, BPF_XDP,
			   generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
}

static int attach_alone(const char *ifname, int ifindex, enum xdp_mode mode, int prog_fd,
			struct pin_note *note)
{
	int fd, err;

	note->dispatcher = false;
	note->generic = mode == XDP_MODE_ONLY_GENERIC;
	fd = attach_link(ifindex, prog_fd, note->generic);
	if (fd < 0 && mode == XDP_MODE_ANY && fd != -EBUSY && fd != -EEXIST && fd != -EPERM) {
		log_line("%s: the driver refuses native XDP (%s): falling back to generic, which "
			 "costs more CPU",
			 ifname, strerror(-fd));
		note->generic = true;
		fd = attach_link(ifindex, prog_fd, true);
	}
	if (fd < 0)
		return log_errno(
			fd, "%s: cannot attach XDP in %s mode%s", ifname,
			note->generic ? "generic" : "native",
			mode == XDP_MODE_ONLY_NATIVE ? " (--xdp auto falls back to generic)" : "");
	err = pin_write_note(ifname, note);
	if (!err)
		err = pin_put(fd, ifname, LINK);
	if (err)
		bpf_link_detach(fd);
	close(fd);
	return err;
}

static struct xdp_program *dispatcher_program(const char *ifname, struct synshield *skel)
{
	DECLARE_LIBXDP_OPTS(xdp_program_opts, opts, .obj = skel->obj, .prog_name = "synshield_xdp");
	struct xdp_program *prog;

	prog = xdp_program__create(&opts);
	if (libxdp_get_error(prog)) {
		log_errno(libxdp_get_error(prog), "%s: libxdp cannot use the XDP program", ifname);
		return NULL;
	}
	return prog;
}

/* libxdp may attach without a dispatcher after all: that is undone. */
static bool dispatcher_runs(int ifindex)
{
	struct xdp_occupant o;

	xdp_look(ifindex, &o);
	return o.dispatcher;
}

static int dispatcher_add(const char *ifname, int ifindex, bool generic,
			  const struct loader *loader)
{
	enum xdp_attach_mode mode = generic ? XDP_MODE_SKB : XDP_MODE_NATIVE;
	struct synshield *skel = loader_open_xdp(loader);
	struct xdp_program *prog;
	int err = -ENOMEM;

	if (!skel)
		return err;
	prog = dispatcher_program(ifname, skel);
	if (!prog)
		goto out;
	err = xdp_program__attach(prog, ifindex, mode, 0);
	STOP("dispatcher-entered");
	if (!err && !dispatcher_runs(ifindex))
		err = -EOPNOTSUPP;
	else if (!err)
		err = pin_put(xdp_program__fd(prog), ifname, PROG);
	else
		goto close;
	if (err)
		xdp_program__detach(prog, ifindex, mode, 0);
close:
	xdp_program__close(prog);
out:
	synshield__destroy(skel);
	return err;
}

static int attach_dispatcher(const char *ifname, int ifindex, enum xdp_mode mode,
			     const struct loader *loader, struct pin_note *note)
{
	int err;

	note->dispatcher = true;
	note->generic = mode == XDP_MODE_ONLY_GENERIC;
	err = pin_write_note(ifname, note);
	if (err)
		return err;
	err = dispatcher_add(ifname, ifindex, note->generic, loader);
	if (err)
		log_line("%s: libxdp's dispatcher does not take the program (%s): attaching alone",
			 ifname, strerror(-err));
	return err;
}

int xdp_attach(const char *ifname, int ifindex, enum xdp_mode mode, bool solo,
	       const struct loader *loader, struct pin_note *note)
{
	struct xdp_occupant o;
	bool shared;
	int err;

	xdp_look(ifindex, &o);
	shared = !solo && (!o.prog_id || o.dispatcher) && probe_freplace(false);
	if (o.prog_id && !shared)
		return refuse_occupied(ifname, &o);
	if (shared) {
		err = attach_dispatcher(ifname, ifindex, mode, loader, note);
		if (!err)
			return 0;
		if (o.prog_id)
			return log_errno(err, "%s: cannot join libxdp's dispatcher", ifname);
	}
	err = attach_alone(ifname, ifindex, mode, loader->xdp_fd, note);
	if (!err)
		err = pin_put(loader->xdp_fd, ifname, PROG);
	if (err)
		link_detach(ifname, LINK);
	return err;
}

/* One of ours, but `keep`: -ENOENT if there is none. */
static int remove_one(const char *ifname, int ifindex, __u32 keep)
{
	struct xdp_multiprog *mp = xdp_multiprog__get_from_ifindex(ifindex);
	__u32 id, pinned = link_pinned_id(ifname, PROG);
	struct xdp_program *prog = NULL;
	int err = -ENOENT;

	if (libxdp_get_error(mp))
		return libxdp_get_error(mp);
	while ((prog = xdp_multiprog__next_prog(prog, mp))) {
		id = xdp_program__id(prog);
		if (id != keep && (id == pinned || link_prog_ours(ifname, id)))
			break;
	}
	if (prog)
		err = xdp_program__detach(prog, ifindex, xdp_multiprog__attach_mode(mp), 0);
	STOP("dispatcher-left");
	xdp_multiprog__close(mp);
	return err;
}

/* More than one where a take-over was killed between old and new. */
static int dispatcher_remove(const char *ifname, int ifindex, __u32 keep)
{
	int i, err = 0;

	for (i = 0; i < DISPATCHER_ROOM && !err; i++)
		err = remove_one(ifname, ifindex, keep);
	return err == -ENOENT && i > 1 ? 0 : err;
}

/* Old and new stand in the dispatcher for a moment: what one passes the other passes. */
static int dispatcher_replace(const char *ifname, int ifindex, const struct loader *loader,
			      const struct pin_note *note)
{
	int err;

	err = dispatcher_add(ifname, ifindex, note->generic, loader);
	if (err)
		return log_errno(err, "%s: libxdp's dispatcher does not take the new program",
				 ifname);
	err = dispatcher_remove(ifname, ifindex, link_pinned_id(ifname, PROG));
	if (err)
		log_errno(err, "%s: warning: the old program stays in the dispatcher", ifname);
	return 0;
}

int xdp_replace(const char *ifname, int ifindex, const struct loader *loader,
		const struct pin_note *note)
{
	int err;

	if (note->dispatcher)
		return dispatcher_replace(ifname, ifindex, loader, note);
	err = link_replace(ifname, LINK, loader->xdp_fd);
	return err ? log_errno(err, "%s: cannot replace the XDP program", ifname) : 0;
}

int xdp_detach(const char *ifname, const struct pin_note *note)
{
	int err;

	if (note->dispatcher && note->netns == pin_netns())
		err = dispatcher_remove(ifname, note->ifindex, 0);
	else
		err = link_detach(ifname, LINK);
	if (err && err != -ENOENT)
		return log_errno(err, "%s: cannot detach the XDP program", ifname);
	pin_remove(ifname, PROG);
	return 0;
}

/* Where libxdp pins what its dispatcher runs. */
#define DISPATCHER_PINS "/sys/fs/bpf/xdp/dispatch-%d-%u"

/* libxdp itself could tell, but needs CAP_SYS_ADMIN for it, which the daemon gives up. */
static bool in_dispatcher(int ifindex, __u32 dispatcher, __u32 prog)
{
	char path[PATH_MAX];
	bool found = false;
	struct dirent *e;
	int fd, len;
	DIR *dir;

	len = snprintf(path, sizeof(path), DISPATCHER_PINS, ifindex, dispatcher);
	dir = opendir(path);
	while (dir && !found && (e = readdir(dir))) {
		if (!strstr(e->d_name, "-prog"))
			continue;
		snprintf(path + len, sizeof(path) - len, "/%s", e->d_name);
		fd = bpf_obj_get(path);
		found = fd >= 0 && link_prog_id(fd) == prog;
		if (fd >= 0)
			close(fd);
	}
	if (dir)
		closedir(dir);
	return found;
}

bool xdp_attached(const char *ifname, const struct pin_note *note)
{
	bool hidden = link_hidden(ifname, PROG);
	__u32 id, ours;

	if (!note->dispatcher && !hidden)
		return link_ifindex(ifname, LINK) == note->ifindex;
	if (bpf_xdp_query_id(note->ifindex, 0, &id) || !id)
		return false;
	if (hidden)
		return true;
	ours = link_pinned_id(ifname, PROG);
	return ours && in_dispatcher(note->ifindex, id, ours);
}
