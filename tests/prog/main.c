/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Rows of {packet, setup, verdict, reason, exact output bytes} for the shield's programs. */
#include <stdio.h>
#include <string.h>

#include "harness.h"

static int listeners[2];

int net_listener(bool ipv6)
{
	return listeners[ipv6];
}

static const struct {
	const char *name;
	void (*run)(void);
} groups[] = {
	{"synack", rows_synack}, {"kernel", rows_kernel},
	{"pass", rows_pass},	 {"drop", rows_drop},
	{"ack", rows_ack},	 {"mode", rows_mode},
	{"attack", rows_attack}, {"kernel-cookie", rows_kernel_cookie},
	{"tc", rows_tc},	 {"random", rows_random},
};

static bool is_wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc < 2;
}

int main(int argc, char **argv)
{
	net_enter();
	for (int ipv6 = 0; ipv6 <= 1; ipv6++)
		listeners[ipv6] = net_listen(ipv6, PORT, 1024, LISTENER_PLAIN);
	shield_load();
	for (unsigned int i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
		if (!is_wanted(groups[i].name, argc, argv))
			continue;
		note("--- %s", groups[i].name);
		groups[i].run();
	}
	return tap_done();
}
