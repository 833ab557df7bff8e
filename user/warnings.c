/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "warnings.h"

#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "devices.h"
#include "ethtool.h"
#include "host.h"
#include "listeners.h"
#include "log.h"
#include "probe.h"

struct list {
	struct warning *rows;
	int count;
};

static struct warning *add(struct list *list, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static struct warning *add(struct list *list, const char *fmt, ...)
{
	struct warning *w = &list->rows[list->count];
	va_list ap;

	if (list->count < WARNINGS_MAX - 1)
		list->count++;
	va_start(ap, fmt);
	vsnprintf(w->text, sizeof(w->text), fmt, ap);
	va_end(ap);
	w->mend[0] = 0;
	return w;
}

static void mend(struct warning *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void mend(struct warning *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->mend, sizeof(w->mend), fmt, ap);
	va_end(ap);
}

static int kernel_cookie_listeners(const struct maps *maps)
{
	struct listener_row *rows;
	size_t count, i;
	int found = 0;

	if (!maps || listeners_read(maps, &rows, &count))
		return 0;
	for (i = 0; i < count; i++)
		found += !!(rows[i].value.flags & SYNSHIELD_LISTENER_KERNEL_COOKIE);
	free(rows);
	return found;
}

static void check_offloads(struct list *list, const char *ifname)
{
	struct ethtool_facts facts;
	struct devices devices;
	int vlans = 0;

	if (!devices_read(&devices))
		vlans = devices_vlans(&devices, if_nametoindex(ifname));
	devices_free(&devices);
	if (ethtool_read(ifname, &facts))
		return;
	if (facts.rx_vlan && vlans)
		mend(add(list,
			 "rx VLAN offload takes the tags off before XDP sees them: SYNs to the %d "
			 "VLAN "
			 "device(s) cannot be answered",
			 vlans),
		     "ethtool -K %s rxvlan off", ifname);
	if (facts.lro)
		mend(add(list, "LRO merges segments before XDP sees them"), "ethtool -K %s lro off",
		     ifname);
}

static void check_kernel(struct list *list, const struct maps *maps)
{
	int mptcp = kernel_cookie_listeners(maps);
	long syncookies = host_sysctl("ipv4/tcp_syncookies", 0, 0);

	if (!probe_reqsk())
		add(list,
		    "this kernel has no bpf_sk_assign_tcp_reqsk() (Linux 6.9): the kernel's own "
		    "cookies are used, which keep fewer TCP options");
	if (syncookies)
		return;
	if (mptcp)
		mend(add(list,
			 "%d listener(s) take only the kernel's own cookies (MPTCP), and these "
			 "are turned off",
			 mptcp),
		     "sysctl -w net.ipv4.tcp_syncookies=1");
	else if (!probe_reqsk())
		mend(add(list, "the kernel's own cookies are turned off: no SYN can be answered"),
		     "sysctl -w net.ipv4.tcp_syncookies=1");
}

int warnings_collect(const char *ifname, const struct pin_note *note, const struct maps *maps,
		     struct warning warnings[WARNINGS_MAX])
{
	struct list list = {.rows = warnings};

	if (note && note->generic)
		add(&list, "XDP runs in generic mode: every packet costs an skb first");
	check_offloads(&list, ifname);
	check_kernel(&list, maps);
	return list.count;
}

void warnings_log(const char *ifname, const struct pin_note *note, const struct maps *maps)
{
	struct warning warnings[WARNINGS_MAX];
	int i, count = warnings_collect(ifname, note, maps, warnings);

	for (i = 0; i < count; i++)
		log_line("%s: warning: %s%s%s", ifname, warnings[i].text,
			 warnings[i].mend[0] ? ": " : "", warnings[i].mend);
}
