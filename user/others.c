/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "others.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "host.h"
#include "netfilter.h"
#include "probe.h"
#include "synshield/synshield.h"

/* Whether the file has one of the words (up to a NULL) at the beginning of a line. */
static bool file_has(const char *path, const char *const *words)
{
	char line[256];
	bool found = false;
	FILE *f;

	f = fopen(path, "re");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f)) {
		const char *const *word;

		line[strcspn(line, " \t\n")] = 0;
		for (word = words; *word; word++)
			found |= !strcmp(line, *word);
	}
	fclose(f);
	return found;
}

#define FILE_HAS(path, ...) file_has(path, (const char *const[]){__VA_ARGS__, NULL})

/* Which tables there are is told, and which extensions the kernel has; not the rules. */
static void read_iptables(struct others *o)
{
	bool nat = FILE_HAS("/proc/net/ip_tables_names", "nat") ||
		   FILE_HAS("/proc/net/ip6_tables_names", "nat");
	bool mangle = FILE_HAS("/proc/net/ip_tables_names", "mangle") ||
		      FILE_HAS("/proc/net/ip6_tables_names", "mangle");
	bool filter = FILE_HAS("/proc/net/ip_tables_names", "filter", "raw") ||
		      FILE_HAS("/proc/net/ip6_tables_names", "filter", "raw");

	o->iptables_nat = nat;
	o->iptables_tproxy = mangle && (FILE_HAS("/proc/net/ip_tables_targets", "TPROXY") ||
					FILE_HAS("/proc/net/ip6_tables_targets", "TPROXY"));
	o->conntrack |= nat;
	if (mangle || filter)
		o->conntrack |= FILE_HAS("/proc/net/ip_tables_matches", "conntrack", "state") ||
				FILE_HAS("/proc/net/ip6_tables_matches", "conntrack", "state");
}

void others_read(struct others *o)
{
	const struct netfilter *nf = netfilter_read();

	memset(o, 0, sizeof(*o));
	o->conntrack = nf->tracks || host_sysctl("netfilter/nf_conntrack_count", 0, 0) > 0;
	o->nft_nat = nf->nat;
	o->nft_dnat = nf->dnat;
	o->nft_tproxy = nf->tproxy;
	read_iptables(o);
	o->ipvs = FILE_HAS("/proc/net/ip_vs", "TCP", "FWM");
}

int others_bound(const struct devices *devices, int ifindex, const struct diag_socket *s)
{
	return s->ifindex && devices_share(devices, s->ifindex, ifindex) ? s->ifindex : 0;
}

struct search {
	struct devices devices;
	int ifindex;
	int *bound;
};

static int look(const struct diag_socket *s, void *arg)
{
	const struct search *search = arg;

	if (!*search->bound)
		*search->bound = others_bound(&search->devices, search->ifindex, s);
	return 0;
}

int others_read_bound(int ifindex, int *bound)
{
	struct search search = {.ifindex = ifindex, .bound = bound};
	int err;

	*bound = 0;
	err = devices_read(&search.devices);
	if (!err)
		err = diag_dump(1U << TCP_LISTEN, look, &search);
	devices_free(&search.devices);
	return err;
}

/* -- what it means -- */

/* NAT's connections are no matter as long as conntrack can be asked for them. */
static bool hidden_nat(const struct others *o)
{
	return (o->nft_nat || o->iptables_nat) && !probe_ct_lookup();
}

__u32 others_flags(const struct others *o)
{
	__u32 flags = 0;

	if (o->conntrack)
		flags |= SYNSHIELD_HOST_CONNTRACK;
	if (o->nft_dnat || o->nft_tproxy || o->iptables_nat || o->iptables_tproxy || o->ipvs ||
	    o->bound)
		flags |= SYNSHIELD_HOST_OTHER_LISTENERS;
	if (o->ipvs || o->bound || hidden_nat(o))
		flags |= SYNSHIELD_HOST_OTHER_CONNS;
	return flags;
}

static void add(char *text, size_t size, bool there, const char *what)
{
	size_t used = strlen(text);

	if (there)
		snprintf(text + used, size - used, "%s%s", used ? ", " : "", what);
}

void others_text(const struct others *o, __u32 flag, char *text, size_t size)
{
	bool listeners = flag == SYNSHIELD_HOST_OTHER_LISTENERS;
	bool conns = flag == SYNSHIELD_HOST_OTHER_CONNS;
	char name[IF_NAMESIZE], bound[64];

	text[0] = 0;
	add(text, size, (listeners && o->nft_dnat) || (conns && o->nft_nat && hidden_nat(o)),
	    "NAT in nftables");
	add(text, size, listeners && o->nft_tproxy, "tproxy in nftables");
	add(text, size, o->iptables_nat && (listeners || (conns && hidden_nat(o))),
	    "the nat table of iptables");
	add(text, size, listeners && o->iptables_tproxy, "TPROXY in iptables");
	add(text, size, (listeners || conns) && o->ipvs, "IPVS");
	snprintf(bound, sizeof(bound), "sockets bound to %s",
		 o->bound && if_indextoname(o->bound, name) ? name : "another device");
	add(text, size, (listeners || conns) && o->bound, bound);
}
