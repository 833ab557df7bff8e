/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <linux/magic.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "args.h"
#include "caps.h"
#include "ethtool.h"
#include "host.h"
#include "json.h"
#include "log.h"
#include "probe.h"
#include "warnings.h"
#include "xdp.h"

static bool as_json;
static struct json out;
static bool impossible;

static const struct arg doctor_args[] = {
	{.name = "json", .letter = 'j', .type = ARG_FLAG, .to = &as_json, .help = "write JSON"},
	{},
};

enum verdict {
	GOOD,
	POOR, /* works, with less */
	BAD,  /* run is impossible */
};
static const char *const verdict_names[] = {"ok", "warning", "error"};

static void finding(enum verdict verdict, const char *what, const char *mend, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* what: the subject; fmt: what was found and why it matters; mend: a command, or NULL */
static void finding(enum verdict verdict, const char *what, const char *mend, const char *fmt, ...)
{
	char why[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	impossible |= verdict == BAD;
	if (!as_json) {
		printf("%-8s %-14s %s\n", verdict_names[verdict], what, why);
		if (mend && *mend)
			printf("%24s%s\n", "", mend);
		return;
	}
	json_object(&out, NULL);
	json_text(&out, "verdict", verdict_names[verdict]);
	json_text(&out, "subject", what);
	json_text(&out, "finding", why);
	if (mend && *mend)
		json_text(&out, "mend", mend);
	json_end(&out);
}

static void check_kernel(void)
{
	struct utsname u;
	int major = 0, minor = 0;

	uname(&u);
	sscanf(u.release, "%d.%d", &major, &minor);
	if (major < 6)
		finding(BAD, "kernel", NULL, "Linux %s: 6.1 or newer is needed", u.release);
	else
		finding(GOOD, "kernel", NULL, "Linux %s", u.release);
	if (probe_btf())
		finding(GOOD, "BTF", NULL, "the kernel describes its types");
	else
		finding(BAD, "BTF", NULL,
			"no /sys/kernel/btf/vmlinux: needs a kernel with CONFIG_DEBUG_INFO_BTF");
	if (host_sysctl("core/bpf_jit_enable", 0, 1))
		finding(GOOD, "JIT", NULL, "BPF programs are compiled");
	else
		finding(POOR, "JIT", "sysctl -w net.core.bpf_jit_enable=1",
			"BPF programs are interpreted, many times slower");
}

static void check_privileges(void)
{
	char missing[128];
	struct statfs st;

	caps_missing(missing, sizeof(missing));
	if (missing[0])
		finding(BAD, "capabilities", "sudo synshield doctor", "missing: %s", missing);
	else
		finding(GOOD, "capabilities", NULL, "all that are needed");
	if (!statfs("/sys/fs/bpf", &st) && (unsigned long)st.f_type == BPF_FS_MAGIC)
		finding(GOOD, "bpffs", NULL, "mounted at /sys/fs/bpf");
	else
		finding(POOR, "bpffs", "mount -t bpf bpf /sys/fs/bpf",
			"not mounted at /sys/fs/bpf: 'synshield run' mounts it");
}

static void check_features(void)
{
	char missing[128];

	if (probe_reqsk())
		finding(GOOD, "own cookies", NULL,
			"bpf_sk_assign_tcp_reqsk() is there: no TCP option is lost");
	else
		finding(POOR, "own cookies", NULL,
			"no bpf_sk_assign_tcp_reqsk() (Linux 6.9): the kernel's own cookies are "
			"used");
	if (probe_ct_lookup())
		finding(GOOD, "conntrack", NULL,
			"bpf_xdp_ct_lookup() is there: connections that only netfilter knows are "
			"found");
	else
		finding(POOR, "conntrack", NULL,
			"no bpf_xdp_ct_lookup() (nf_conntrack with BTF; if it is a module, loaded "
			"before 'run'): where there is NAT, segments of unknown connections are "
			"left to the kernel");
	caps_missing(missing, sizeof(missing));
	if (missing[0])
		return; /* the probes below load programs */
	if (probe_freplace())
		finding(GOOD, "dispatcher", NULL,
			"this kernel replaces BPF functions: libxdp's dispatcher is tried, so that "
			"other XDP programs run too");
	else
		finding(POOR, "dispatcher", NULL,
			"libxdp's dispatcher does not work here: the shield runs alone on XDP");
	if (probe_tcx())
		finding(GOOD, "tcx", NULL, "TC programs are attached by links");
	else
		finding(POOR, "tcx", NULL, "no tcx (Linux 6.6): clsact filters are used");
}

static void check_sysctls(void)
{
	long value = host_sysctl("ipv4/tcp_syncookies", 0, 0);

	if (value)
		finding(GOOD, "tcp_syncookies", NULL,
			"%ld: listeners that need the kernel's own cookies "
			"(MPTCP) are served",
			value);
	else
		finding(POOR, "tcp_syncookies", "sysctl -w net.ipv4.tcp_syncookies=1",
			"0: listeners that need the kernel's own cookies (MPTCP) cannot be served");
	value = host_sysctl("ipv4/tcp_timestamps", 0, 1);
	if (value)
		finding(GOOD, "tcp_timestamps", NULL, "%ld: cookies are lossless", value);
	else
		finding(POOR, "tcp_timestamps", "sysctl -w net.ipv4.tcp_timestamps=1",
			"0: cookies keep only a rounded MSS and few options");
}

static void check_driver(const char *ifname)
{
	struct ethtool_facts facts;
	int native;

	if (ethtool_read(ifname, &facts) && !facts.driver[0])
		snprintf(facts.driver, sizeof(facts.driver), "unknown");
	native = probe_native_xdp(if_nametoindex(ifname));
	if (native > 0)
		finding(GOOD, ifname, NULL, "driver %s: native XDP", facts.driver);
	else if (!native)
		finding(POOR, ifname, NULL,
			"driver %s has no native XDP: generic is used, every packet "
			"costs an skb first",
			facts.driver);
	else
		finding(POOR, ifname, NULL,
			"driver %s: this kernel does not tell whether it has native XDP; "
			"'run' tries",
			facts.driver);
}

static void check_interface(const char *ifname)
{
	struct warning warnings[WARNINGS_MAX];
	struct xdp_occupant o;
	struct pin_note note;
	int i, count;
	bool ours;

	check_driver(ifname);
	xdp_look(if_nametoindex(ifname), &o);
	ours = !pin_read_note(ifname, &note) && note.netns == pin_netns();
	if (o.prog_id && !ours && !o.dispatcher) {
		char mend[64];

		snprintf(mend, sizeof(mend), "ip link set dev %s xdp off", ifname);
		finding(BAD, ifname, mend, "XDP program '%s' (id %u) is attached already", o.name,
			o.prog_id);
	}
	count = warnings_collect(ifname, ours ? &note : NULL, NULL, warnings);
	for (i = 0; i < count; i++)
		finding(POOR, ifname, warnings[i].mend, "%s", warnings[i].text);
}

static int doctor(const struct command *cmd, int argc, char **argv)
{
	int i;

	for (i = 0; i < argc; i++) {
		if (strlen(argv[i]) < IF_NAMESIZE && if_nametoindex(argv[i]))
			continue;
		log_line("%s: no such interface in this network namespace; 'ip link' lists them",
			 argv[i]);
		return EXIT_FAILED;
	}
	if (as_json) {
		json_start(&out, stdout);
		json_array(&out, NULL);
	}
	check_kernel();
	check_privileges();
	check_features();
	check_sysctls();
	for (i = 0; i < argc; i++)
		check_interface(argv[i]);
	if (as_json)
		json_end(&out);
	return impossible ? EXIT_FAILED : EXIT_OK;
}

const struct command command_doctor = {
	.name = "doctor",
	.usage = "[IFACE...] [--json]",
	.summary = "what this kernel, driver and configuration support",
	.about = "Changes nothing. Tells what was found, why it matters, and the command that "
		 "mends it.\n"
		 "Exits 1 if something makes 'synshield run' impossible.",
	.args = doctor_args,
	.any_iface = true,
	.run = doctor,
};
