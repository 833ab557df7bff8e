/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"

static const struct {
	int number;
	bool within_admin; /* CAP_SYS_ADMIN includes it */
	const char *name;
} needed[] = {
	{CAP_BPF, true, "CAP_BPF"},
	{CAP_NET_ADMIN, false, "CAP_NET_ADMIN"},
	{CAP_PERFMON, true, "CAP_PERFMON"},
};

/*
 * CAP_NET_ADMIN: to end sockets (sock_diag), to read nftables' rules, for marks;
 * CAP_NET_RAW: keepalive probes.  Pins and sysctls are root's by their owner.
 */
static const uint64_t kept = 1ULL << CAP_NET_ADMIN | 1ULL << CAP_NET_RAW;

static uint64_t effective(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {};

	if (syscall(SYS_capget, &head, data))
		return 0;
	return data[0].effective | (uint64_t)data[1].effective << 32;
}

void caps_missing(char *list, size_t size)
{
	uint64_t have = effective();
	size_t i, used = 0;

	list[0] = 0;
	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (have >> needed[i].number & 1)
			continue;
		if (needed[i].within_admin && have >> CAP_SYS_ADMIN & 1)
			continue;
		if (used < size)
			used += snprintf(list + used, size - used, "%s%s", used ? ", " : "",
					 needed[i].name);
	}
}

/* Without CAP_SETPCAP it stays as it is, which no_new_privs makes no matter. */
static void shrink_bounding_set(void)
{
	int i;

	for (i = 0; prctl(PR_CAPBSET_READ, i) >= 0; i++) {
		if (!(kept >> i & 1))
			prctl(PR_CAPBSET_DROP, i);
	}
}

int caps_drop(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {};
	uint64_t left = effective() & kept;

	shrink_bounding_set();
	data[0].effective = data[0].permitted = left;
	data[1].effective = data[1].permitted = left >> 32;
	if (syscall(SYS_capset, &head, data) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return log_errno(-errno, "cannot give up capabilities");
	return 0;
}

int caps_require(void)
{
	char list[128];

	caps_missing(list, sizeof(list));
	if (!list[0])
		return 0;
	log_line("needs %s: run as root (sudo), or give these capabilities", list);
	return -EPERM;
}
