/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel can do, by what the shield does with it. */
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "caps.h"
#include "doctor.h"
#include "probe.h"

static void check_version(struct findings *all)
{
	struct utsname u;
	int major = 0, minor = 0;

	uname(&u);
	sscanf(u.release, "%d.%d", &major, &minor);
	if (major > 6 || (major == 6 && minor >= 1))
		finding_add(all, FINDING_OK, "version", "Linux %s", u.release);
	else
		finding_why(finding_add(all, FINDING_PROBLEM, "version", "Linux %s", u.release),
			    "The programs need what came with Linux 6.1");
}

static void check_btf(struct findings *all)
{
	if (probe_btf())
		finding_add(all, FINDING_OK, "BTF", "the kernel describes its types");
	else
		finding_why(finding_add(all, FINDING_PROBLEM, "BTF",
					"there is no /sys/kernel/btf/vmlinux"),
			    "The programs find the kernel's fields by it: a kernel with "
			    "CONFIG_DEBUG_INFO_BTF is needed");
}

static void check_cookies(struct findings *all)
{
	if (probe_reqsk())
		finding_add(all, FINDING_OK, "own-cookies",
			    "bpf_sk_assign_tcp_reqsk() is there: no TCP option is lost");
	else if (probe_btf())
		finding_why(finding_add(all, FINDING_WARNING, "own-cookies",
					"no bpf_sk_assign_tcp_reqsk() (Linux 6.9)"),
			    "The kernel's own cookies are used, which keep fewer TCP options");
}

static void check_conntrack(struct findings *all)
{
	if (probe_ct_lookup())
		finding_add(all, FINDING_OK, "conntrack",
			    "bpf_xdp_ct_lookup() is there: connections that only netfilter knows "
			    "are found");
	else if (probe_btf())
		finding_why(finding_add(all, FINDING_NOTE, "conntrack",
					"no bpf_xdp_ct_lookup() (nf_conntrack with BTF; a module "
					"has to be loaded before 'run')"),
			    "Where there is NAT, segments of unknown connections are left to the "
			    "kernel");
}

/* -- found by loading something, which is attached to nothing -- */

static const struct helper {
	enum bpf_prog_type type;
	enum bpf_func_id id;
	const char *subject, *what, *why;
} helpers[] = {
	{BPF_PROG_TYPE_XDP, BPF_FUNC_skc_lookup_tcp, "socket-lookup", "bpf_skc_lookup_tcp()",
	 "Nothing may be refused before the kernel's sockets were asked: run is impossible"},
	{BPF_PROG_TYPE_XDP, BPF_FUNC_tcp_gen_syncookie, "kernel-cookies", "bpf_tcp_gen_syncookie()",
	 "Listeners that take only the kernel's cookies (MPTCP) cannot be protected"},
	{BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_adjust_meta, "metadata", "bpf_xdp_adjust_meta()",
	 "XDP cannot tell TC what a cookie said: TC decodes it again"},
};

static void check_helpers(struct findings *all)
{
	size_t i;

	for (i = 0; i < sizeof(helpers) / sizeof(helpers[0]); i++) {
		const struct helper *h = &helpers[i];

		if (libbpf_probe_bpf_helper(h->type, h->id, NULL) == 1)
			finding_add(all, FINDING_OK, h->subject, "%s is there", h->what);
		else
			finding_why(finding_add(all, FINDING_PROBLEM, h->subject,
						"XDP programs have no %s", h->what),
				    "%s", h->why);
	}
	if (libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL) == 1)
		finding_add(all, FINDING_OK, "ring-buffer", "there are ring buffers");
	else
		finding_why(finding_add(all, FINDING_PROBLEM, "ring-buffer",
					"there are no ring buffers"),
			    "The programs report to the daemon through one");
}

static void check_attaching(struct findings *all)
{
	if (probe_freplace(true))
		finding_add(all, FINDING_OK, "dispatcher",
			    "this kernel replaces BPF functions: libxdp's dispatcher is tried");
	else if (probe_freplace(false))
		finding_why(
			finding_add(all, FINDING_NOTE, "dispatcher",
				    "this kernel lets no function that changes packets replace "
				    "one that does not: libxdp's dispatcher takes the shield "
				    "only if its slots change packets"),
			"Otherwise (as with Debian 12's libxdp) the shield runs alone on XDP, or "
			"not at all where another program is attached");
	else
		finding_why(finding_add(all, FINDING_NOTE, "dispatcher",
					"this kernel replaces no BPF functions (freplace): no "
					"dispatcher of libxdp's"),
			    "The shield runs alone on XDP, or not at all where another program "
			    "is attached");
	if (probe_tcx())
		finding_add(all, FINDING_OK, "tcx", "TC programs are attached by links");
	else
		finding_why(finding_add(all, FINDING_NOTE, "tcx", "no tcx (Linux 6.6)"),
			    "clsact filters are used, which 'tc filter del' takes away");
}

void doctor_kernel(struct findings *all)
{
	char missing[128];

	all->area = "kernel";
	check_version(all);
	check_btf(all);
	check_cookies(all);
	check_conntrack(all);
	caps_missing(missing, sizeof(missing));
	if (missing[0]) {
		finding_why(finding_add(all, FINDING_NOTE, "helpers",
					"not seen, because this process has no %s", missing),
			    "Helpers, ring buffers, the dispatcher and tcx are looked for by "
			    "loading programs");
		return;
	}
	check_helpers(all);
	check_attaching(all);
}
