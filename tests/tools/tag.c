/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Gives a veth's traffic an 802.1Q tag where the kernel has no VLAN devices: pushed on the way out,
 * popped on the way in, by the last classifiers of clsact, so that TC programs before them see
 * incoming frames as they would on the device beneath a VLAN. They stay with the interface.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/types.h>
#include <string.h>

#include "common.h"
#include "tools/tag.skel.h"

#define LAST_PRIORITY 0xffff

static void attach(const struct bpf_program *prog, int ifindex, enum bpf_tc_attach_point point)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = bpf_program__fd(prog), .priority = LAST_PRIORITY);
	int err = bpf_tc_attach(&hook, &opts);

	if (err)
		die("cannot attach %s: %s", bpf_program__name(prog), strerror(-err));
}

int main(int argc, char **argv)
{
	LIBBPF_OPTS(bpf_tc_hook, clsact, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	struct tag *skel;
	int err;

	if (argc != 3)
		die("usage: tag IFACE VLAN");
	clsact.ifindex = guarded_ifindex(argv[1]);
	skel = tag__open();
	if (!skel)
		die("cannot open the BPF object: %m");
	skel->rodata->vlan = parse_number(argv[2], 1, 4094, "VLAN");
	if (tag__load(skel))
		die("cannot load the BPF object: %m");
	err = bpf_tc_hook_create(&clsact);
	if (err && err != -EEXIST)
		die("cannot add clsact to %s: %s", argv[1], strerror(-err));
	attach(skel->progs.push, clsact.ifindex, BPF_TC_EGRESS);
	attach(skel->progs.pop, clsact.ifindex, BPF_TC_INGRESS);
	tag__destroy(skel);
	return 0;
}
