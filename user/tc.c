/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "tc.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <unistd.h>

#include "link.h"
#include "log.h"
#include "netlink.h"
#include "stops.h"

/* our place among the clsact filters */
#define FILTER_HANDLE 0x5359
#define FILTER_PRIORITY 50

struct direction {
	const char *name, *link, *prog;
	enum bpf_tc_attach_point point;
	int tcx_type;
	__u32 tcx_flags; /* in: first to see a packet; out: last */
	__u32 parent;
};

static const struct direction directions[] = {
	{"ingress", "link_tc_in", "prog_tc_in", BPF_TC_INGRESS, TCX_INGRESS, TCX_BEFORE,
	 TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)},
	{"egress", "link_tc_out", "prog_tc_out", BPF_TC_EGRESS, TCX_EGRESS, 0,
	 TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)},
};
#define DIRECTIONS 2

static int direction_prog(const struct loader *loader, int i)
{
	return i ? loader->tc_out_fd : loader->tc_in_fd;
}

static int attach_tcx(const char *ifname, int ifindex, const struct loader *loader,
		      struct pin_note *note)
{
	int i, fd, err;

	note->clsact = note->own_qdisc = false;
	err = pin_write_note(ifname, note);
	for (i = 0; i < DIRECTIONS && !err; i++) {
		const struct direction *d = &directions[i];

		fd = link_attach(direction_prog(loader, i), ifindex, d->tcx_type, d->tcx_flags);
		if (fd < 0) {
			err = fd;
			break;
		}
		err = pin_put(fd, ifname, d->link);
		close(fd);
	}
	if (err) {
		for (i = 0; i < DIRECTIONS; i++)
			link_detach(ifname, directions[i].link);
	}
	return err;
}

static int filter_attach(int ifindex, const struct direction *d, int prog_fd, __u32 flags)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = d->point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog_fd, .handle = FILTER_HANDLE,
		    .priority = FILTER_PRIORITY, .flags = flags);
	int err;

	err = bpf_tc_attach(&hook, &opts);
	STOP("filter-put");
	return err;
}

/* id of the program in our place; 0: none */
static __u32 filter_prog(int ifindex, const struct direction *d)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = d->point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);

	return bpf_tc_query(&hook, &opts) ? 0 : opts.prog_id;
}

static bool filter_ours(const char *ifname, int ifindex, const struct direction *d)
{
	__u32 id = filter_prog(ifindex, d);

	return id && (id == link_pinned_id(ifname, d->prog) || link_prog_ours(ifname, id));
}

static int filter_detach(int ifindex, const struct direction *d)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = d->point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);
	int err;

	err = bpf_tc_detach(&hook, &opts);
	STOP("filter-removed");
	return err;
}

static int count_filter(const struct nlmsghdr *nlh, void *arg)
{
	++*(int *)arg;
	return MNL_CB_OK;
}

static bool others_filter(int ifindex)
{
	char buf[256];
	int i, found = 0;

	for (i = 0; i < DIRECTIONS; i++) {
		struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
		struct tcmsg *tcm = mnl_nlmsg_put_extra_header(nlh, sizeof(*tcm));

		nlh->nlmsg_type = RTM_GETTFILTER;
		tcm->tcm_family = AF_UNSPEC;
		tcm->tcm_ifindex = ifindex;
		tcm->tcm_parent = directions[i].parent;
		if (netlink_dump(NETLINK_ROUTE, nlh, count_filter, &found))
			return true; /* not known: leave the qdisc alone */
	}
	return found > 0;
}

static int find_clsact(const struct nlmsghdr *nlh, void *arg)
{
	const struct tcmsg *tcm = mnl_nlmsg_get_payload(nlh);
	int *ifindex = arg;

	if (tcm->tcm_ifindex == *ifindex && tcm->tcm_parent == TC_H_CLSACT)
		*ifindex = 0;
	return MNL_CB_OK;
}

/* Whether there is none; if that is not known, one may be there. */
static bool no_clsact(int ifindex)
{
	char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct tcmsg *tcm = mnl_nlmsg_put_extra_header(nlh, sizeof(*tcm));
	int at = ifindex;

	nlh->nlmsg_type = RTM_GETQDISC;
	tcm->tcm_family = AF_UNSPEC;
	tcm->tcm_ifindex = ifindex;
	return !netlink_dump(NETLINK_ROUTE, nlh, find_clsact, &at) && at;
}

static void qdisc_remove(int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

	if (others_filter(ifindex))
		return;
	bpf_tc_hook_destroy(&hook);
	STOP("qdisc-removed");
}

static int attach_clsact(const char *ifname, int ifindex, const struct loader *loader,
			 struct pin_note *note)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	int i, err;

	note->clsact = true;
	note->own_qdisc = no_clsact(ifindex);
	err = pin_write_note(ifname, note);
	if (err)
		return err;
	err = bpf_tc_hook_create(&hook);
	if (err && err != -EEXIST)
		return log_errno(err, "%s: cannot add a clsact qdisc", ifname);
	STOP("qdisc-made");
	for (i = 0; i < DIRECTIONS; i++) {
		/* what stands in our place is left from a start that was killed */
		err = filter_attach(ifindex, &directions[i], direction_prog(loader, i),
				    BPF_TC_F_REPLACE);
		if (err)
			break;
	}
	if (!err)
		return 0;
	log_errno(err, "%s: cannot add the TC %s filter (priority %d, handle 0x%x)", ifname,
		  directions[i].name, FILTER_PRIORITY, FILTER_HANDLE);
	while (i--)
		filter_detach(ifindex, &directions[i]);
	if (note->own_qdisc)
		qdisc_remove(ifindex);
	return err;
}

int tc_pin(const char *ifname, const struct loader *loader)
{
	int i, err = 0;

	for (i = 0; i < DIRECTIONS && !err; i++)
		err = pin_put(direction_prog(loader, i), ifname, directions[i].prog);
	return err;
}

int tc_attach(const char *ifname, int ifindex, enum tc_kind kind, const struct loader *loader,
	      struct pin_note *note)
{
	int err = -EOPNOTSUPP;

	if (kind != TC_ONLY_CLSACT) {
		err = attach_tcx(ifname, ifindex, loader, note);
		if (err && kind == TC_ONLY_TCX)
			return log_errno(
				err, "%s: cannot attach by tcx (--tc auto falls back to clsact)",
				ifname);
		if (err)
			log_detail("%s: no tcx: %s", ifname, strerror(-err));
	}
	if (err)
		err = attach_clsact(ifname, ifindex, loader, note);
	if (err)
		return err;
	err = tc_pin(ifname, loader);
	if (err)
		tc_detach(ifname, note);
	return err;
}

int tc_replace(const char *ifname, int ifindex, const struct loader *loader,
	       const struct pin_note *note)
{
	int i, err = 0;

	for (i = 0; i < DIRECTIONS && !err; i++) {
		const struct direction *d = &directions[i];
		int fd = direction_prog(loader, i);

		err = note->clsact ? filter_attach(ifindex, d, fd, BPF_TC_F_REPLACE)
				   : link_replace(ifname, d->link, fd);
		if (err)
			log_errno(err, "%s: cannot replace the TC %s program", ifname, d->name);
	}
	return err;
}

int tc_detach(const char *ifname, const struct pin_note *note)
{
	bool here = note->netns == pin_netns();
	int i, err, result = 0;

	for (i = 0; i < DIRECTIONS; i++) {
		const struct direction *d = &directions[i];

		if (!note->clsact)
			err = link_detach(ifname, d->link);
		else
			err = here && filter_ours(ifname, note->ifindex, d)
				      ? filter_detach(note->ifindex, d)
				      : 0;
		if (err && err != -ENOENT)
			result = log_errno(err, "%s: cannot detach the TC %s program", ifname,
					   d->name);
		else
			pin_remove(ifname, d->prog);
	}
	if (note->clsact && note->own_qdisc && here)
		qdisc_remove(note->ifindex);
	return result;
}

bool tc_attached(const char *ifname, const struct pin_note *note)
{
	int i;

	for (i = 0; i < DIRECTIONS; i++) {
		const struct direction *d = &directions[i];

		if (link_hidden(ifname, d->prog)) {
			if (note->clsact && !filter_prog(note->ifindex, d))
				return false;
			continue;
		}
		if (!note->clsact && link_ifindex(ifname, d->link) != note->ifindex)
			return false;
		if (note->clsact && !filter_ours(ifname, note->ifindex, d))
			return false;
	}
	return true;
}
