/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "warnings.h"

#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "devices.h"
#include "ethtool.h"
#include "host.h"
#include "log.h"
#include "probe.h"

struct list {
	struct warning *rows;
	int count;
};

static struct warning *add(struct list *list, const char *subject, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static struct warning *add(struct list *list, const char *subject, const char *fmt, ...)
{
	struct warning *w = &list->rows[list->count];
	const char *why;
	va_list ap;

	if (list->count < WARNINGS_MAX - 1)
		list->count++;
	va_start(ap, fmt);
	vsnprintf(w->text, sizeof(w->text), fmt, ap);
	va_end(ap);
	why = strstr(w->text, ": ");
	w->what = why ? (size_t)(why - w->text) : strlen(w->text);
	w->subject = subject;
	w->of_kernel = false;
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
		mend(add(list, "VLAN-offload",
			 "rx VLAN offload takes the tags off before XDP sees them: SYNs to the %d "
			 "VLAN "
			 "device(s) cannot be answered",
			 vlans),
		     "ethtool -K %s rxvlan off", ifname);
	if (facts.lro)
		mend(add(list, "LRO",
			 "LRO merges segments before XDP sees them: their numbers are not those of "
			 "the wire"),
		     "ethtool -K %s lro off", ifname);
}

static void check_kernel(struct list *list)
{
	long syncookies = host_sysctl("ipv4/tcp_syncookies", 0, 0);

	if (!probe_reqsk())
		add(list, "own-cookies",
		    "this kernel has no bpf_sk_assign_tcp_reqsk() (Linux 6.9): the kernel's own "
		    "cookies are used, which keep fewer TCP options")
			->of_kernel = true;
	if (!syncookies)
		mend(add(list, "tcp_syncookies",
			 "net.ipv4.tcp_syncookies is 0, and the kernel accepts no cookie then, "
			 "whoever "
			 "made it: every SYN is left to it"),
		     "sysctl -w net.ipv4.tcp_syncookies=1");
}

/* -- others that take segments -- */

static const struct consequence {
	__u32 flag;
	const char *left, *refused;
} consequences[] = {
	{SYNSHIELD_HOST_OTHER_LISTENERS, "SYNs for closed ports are left to the kernel",
	 "SYNs for closed ports are refused again"},
	{SYNSHIELD_HOST_OTHER_CONNS, "segments of unknown connections are left to the kernel",
	 "segments of unknown connections are refused again"},
};
#define CONSEQUENCES (sizeof(consequences) / sizeof(*consequences))

static void explain(char text[256], const struct consequence *c, const struct others *others)
{
	char cause[160];

	others_text(others, c->flag, cause, sizeof(cause));
	snprintf(text, 256, "%s, because of %s", c->left,
		 cause[0] ? cause : "what the daemon found");
}

void warnings_log_others(const char *ifname, const struct others *others, __u32 before, __u32 now)
{
	char text[256];
	size_t i;

	for (i = 0; i < CONSEQUENCES; i++) {
		const struct consequence *c = &consequences[i];

		if (!((before ^ now) & c->flag))
			continue;
		if (now & c->flag)
			explain(text, c, others);
		log_line("%s: %s", ifname, now & c->flag ? text : c->refused);
	}
}

/* Without maps, what would be if the shield were there. */
static void check_others(struct list *list, int ifindex, const struct maps *maps, bool here)
{
	struct synshield_host host = {};
	struct others others = {};
	char text[256];
	size_t i;

	if (here) {
		others_read(&others);
		others_read_bound(ifindex, &others.bound);
	}
	if (!maps)
		host.flags = others_flags(&others);
	else if (maps_get(maps, MAP_HOST, &host))
		return;
	for (i = 0; i < CONSEQUENCES; i++) {
		if (!(host.flags & consequences[i].flag))
			continue;
		explain(text, &consequences[i], &others);
		add(list, "others", "%s", text);
	}
	if (here && host.flags & SYNSHIELD_HOST_CONNTRACK &&
	    !host_sysctl("netfilter/nf_conntrack_tcp_loose", 0, 1))
		mend(add(list, "tcp_loose",
			 "netfilter takes connections made by cookie for invalid: it tracks "
			 "only those whose SYN it saw"),
		     "sysctl -w net.netfilter.nf_conntrack_tcp_loose=1");
}

int warnings_collect(const char *ifname, const struct pin_note *note, const struct maps *maps,
		     struct warning warnings[WARNINGS_MAX])
{
	struct list list = {.rows = warnings};

	if (note && note->generic)
		add(&list, "XDP", "XDP runs in generic mode: every packet costs an skb first");
	check_offloads(&list, ifname);
	check_kernel(&list);
	check_others(&list, if_nametoindex(ifname), maps, !note || note->netns == pin_netns());
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
