/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What this process may, and how this network namespace is set up. */
#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include "caps.h"
#include "diag.h"
#include "doctor.h"
#include "host.h"

static void check_privileges(struct findings *all)
{
	struct finding *f;
	char missing[128];

	caps_missing(missing, sizeof(missing));
	if (!missing[0]) {
		finding_add(all, FINDING_OK, "capabilities", "all that 'run' needs");
		return;
	}
	f = finding_add(all, FINDING_PROBLEM, "capabilities", "missing: %s", missing);
	finding_why(f, "BPF programs cannot be loaded and attached without them");
	finding_mend(f, "sudo synshield doctor");
}

static void check_bpffs(struct findings *all)
{
	struct finding *f;
	struct statfs st;

	if (!statfs("/sys/fs/bpf", &st) && (unsigned long)st.f_type == BPF_FS_MAGIC) {
		finding_add(all, FINDING_OK, "bpffs", "mounted at /sys/fs/bpf");
		return;
	}
	f = finding_add(all, FINDING_WARNING, "bpffs", "none is mounted at /sys/fs/bpf");
	finding_why(f, "Pins are there; 'run' mounts one, which others may not see");
	finding_mend(f, "mount -t bpf bpf /sys/fs/bpf");
}

/* -- sysctls -- */

static const struct sysctl {
	const char *path, *name; /* below /proc/sys/net/; as sysctl(8) calls it */
	long min, max, mend;
	enum finding_level level; /* outside of min to max */
	const char *subject, *good, *bad, *why;
} sysctls[] = {
	{"core/bpf_jit_enable", "net.core.bpf_jit_enable", 1, 2, 1, FINDING_WARNING, "JIT",
	 "BPF programs are compiled", "BPF programs are interpreted",
	 "Each packet costs many times as much"},
	{"../kernel/unprivileged_bpf_disabled", "kernel.unprivileged_bpf_disabled", 1, 2, 2,
	 FINDING_NOTE, "unprivileged-bpf", "only root loads BPF programs",
	 "every user may load BPF programs",
	 "By side channels they may read the kernel's memory, with the cookie keys in it"},
	{"ipv4/tcp_syncookies", "net.ipv4.tcp_syncookies", 1, 2, 1, FINDING_WARNING,
	 "tcp_syncookies", "the kernel accepts cookies", "the kernel accepts no cookies",
	 "Not those of the shield, either: every SYN is left to the kernel, and a flood fills its "
	 "queues"},
	{"ipv4/tcp_timestamps", "net.ipv4.tcp_timestamps", 1, 2, 1, FINDING_WARNING,
	 "tcp_timestamps", "cookies are lossless", "no timestamps",
	 "Cookies keep only a rounded MSS and few options"},
	{"ipv4/tcp_max_syn_backlog", "net.ipv4.tcp_max_syn_backlog", 512, LONG_MAX, 512,
	 FINDING_NOTE, "tcp_max_syn_backlog", "room for half-open requests",
	 "little room for half-open requests",
	 "Half of it is taken for an attack: a burst of real clients may be, too"},
	{"ipv4/tcp_synack_retries", "net.ipv4.tcp_synack_retries", 0, 5, 5, FINDING_NOTE,
	 "tcp_synack_retries", "half-open requests last 63 s at most",
	 "half-open requests last for minutes",
	 "They fill the queue of a listener that is not under attack yet"},
	{"core/somaxconn", "net.core.somaxconn", 1024, LONG_MAX, 4096, FINDING_WARNING, "somaxconn",
	 "bounds a listener's queues", "listeners' queues are short",
	 "When one is full real clients are dropped, with cookies or without"},
};

static void check_sysctls(struct findings *all)
{
	size_t i;

	for (i = 0; i < sizeof(sysctls) / sizeof(sysctls[0]); i++) {
		const struct sysctl *s = &sysctls[i];
		long value = host_sysctl(s->path, 0, LONG_MIN);
		struct finding *f;

		if (value == LONG_MIN)
			continue; /* not in this kernel, or another namespace's */
		if (value >= s->min && value <= s->max) {
			finding_add(all, FINDING_OK, s->subject, "%ld: %s", value, s->good);
			continue;
		}
		f = finding_add(all, s->level, s->subject, "%ld: %s", value, s->bad);
		finding_why(f, "%s", s->why);
		finding_mend(f, "sysctl -w %s=%ld", s->name, s->mend);
	}
}

/* -- listeners that take only the kernel's cookies -- */

#define PORTS_SHOWN 5

struct ports {
	__u16 port[PORTS_SHOWN];
	int count;
};

static int note_port(const struct diag_socket *s, void *arg)
{
	struct ports *ports = arg;
	int i;

	for (i = 0; i < ports->count && i < PORTS_SHOWN; i++) {
		if (ports->port[i] == s->local_port)
			return 0; /* its IPv6 half */
	}
	if (ports->count < PORTS_SHOWN)
		ports->port[ports->count] = s->local_port;
	ports->count++;
	return 0;
}

static void check_listeners(struct findings *all)
{
	struct ports ports = {};
	char text[64] = "";
	struct finding *f;
	size_t used = 0;
	bool off;
	int i;

	if (diag_dump_mptcp(1U << TCP_LISTEN, note_port, &ports) || !ports.count)
		return; /* a kernel without MPTCP has none */
	for (i = 0; i < ports.count && i < PORTS_SHOWN; i++)
		used += snprintf(text + used, sizeof(text) - used, " %u", ports.port[i]);
	off = !host_sysctl("ipv4/tcp_syncookies", 0, 1);
	f = finding_add(all, off ? FINDING_PROBLEM : FINDING_NOTE, "mptcp-listeners", "on port%s%s",
			text, ports.count > PORTS_SHOWN ? " ..." : "");
	finding_why(f, off ? "They take only the kernel's cookies, which are switched off"
			   : "They take only the kernel's cookies: protected once their queue is "
			     "full, and without SACK and window scaling then");
	if (off)
		finding_mend(f, "sysctl -w net.ipv4.tcp_syncookies=1");
}

void doctor_host(struct findings *all)
{
	all->area = "host";
	check_privileges(all);
	check_bpffs(all);
	check_sysctls(all);
	check_listeners(all);
}
