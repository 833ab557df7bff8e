/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
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

int caps_require(void)
{
	char list[128];

	caps_missing(list, sizeof(list));
	if (!list[0])
		return 0;
	log_line("needs %s: run as root (sudo), or give these capabilities", list);
	return -EPERM;
}
