/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the driver can do, how the interface is set up, and who else is on it. */
#include <dirent.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "caps.h"
#include "devices.h"
#include "doctor.h"
#include "ethtool.h"
#include "pin.h"
#include "probe.h"
#include "warnings.h"
#include "xdp.h"

/* What one buffer of 4096 bytes holds beside headroom and tail: drivers differ by a little. */
#define ONE_BUFFER_MTU 3498

/* Before Linux 6.3, where the kernel does not tell. */
static bool known_native(const char *driver)
{
	static const char *const drivers[] = {
		"atlantic", "bnxt_en",	 "dpaa2-eth", "ena",   "enetc",	     "fsl_dpa", "hv_netvsc",
		"i40e",	    "ice",	 "igb",	      "igc",   "ixgbe",	     "ixgbevf", "mana",
		"mlx4_en",  "mlx5_core", "mvneta",    "mvpp2", "nfp",	     "nicvf",	"qede",
		"sfc",	    "st_gmac",	 "tun",	      "veth",  "virtio_net", "vif",
	};
	size_t i;

	for (i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		if (!strcmp(drivers[i], driver))
			return true;
	}
	return false;
}

static void check_driver(struct findings *all, const struct device *dev,
			 const struct ethtool_facts *facts)
{
	const char *driver = facts->driver[0] ? facts->driver : "unknown";
	int features = probe_xdp_features(dev->ifindex);
	bool told = features >= 0;
	struct finding *f;

	if (told ? features & PROBE_XDP_BASIC : known_native(driver)) {
		finding_add(all, FINDING_OK, "driver", "%s: native XDP%s", driver,
			    told ? "" : ", by its name");
	} else {
		f = finding_add(all, FINDING_WARNING, "driver", "%s: no native XDP", driver);
		finding_why(f, "Generic XDP is used: every packet costs an skb first");
		return;
	}
	if (dev->mtu <= ONE_BUFFER_MTU || (told && features & PROBE_XDP_FRAGS))
		return;
	f = finding_add(all, FINDING_WARNING, "MTU",
			"%u: more than one buffer, and the driver does not tell that it has "
			"multi-buffer XDP",
			dev->mtu);
	finding_why(f, "It may refuse native XDP; generic is used then");
	finding_mend(f, "ip link set dev %s mtu %d", all->area, ONE_BUFFER_MTU);
}

static void check_occupant(struct findings *all, const char *ifname, bool ours)
{
	char missing[128], name[40] = "";
	struct xdp_occupant o;
	struct finding *f;

	xdp_look(if_nametoindex(ifname), &o);
	if (!o.prog_id || ours) {
		finding_add(all, FINDING_OK, "XDP",
			    ours ? "the shield is attached" : "nothing is attached");
		return;
	}
	if (o.name[0])
		snprintf(name, sizeof(name), "'%s', ", o.name);
	caps_missing(missing, sizeof(missing));
	if (o.dispatcher && !missing[0] && probe_freplace(true)) {
		finding_add(all, FINDING_OK, "XDP", "libxdp's dispatcher is there: it has room");
		return;
	}
	f = finding_add(all, FINDING_PROBLEM, "XDP", "a program is attached already (%sid %u)",
			name, o.prog_id);
	finding_why(f, "It leaves no room for a second one");
	finding_mend(f, "ip link set dev %s %s off", ifname, o.generic ? "xdpgeneric" : "xdp");
}

static int count_queues(const char *ifname)
{
	char path[64 + IF_NAMESIZE];
	struct dirent *e;
	int count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/class/net/%s/queues", ifname);
	dir = opendir(path);
	if (!dir)
		return 0;
	while ((e = readdir(dir)))
		count += !strncmp(e->d_name, "rx-", 3);
	closedir(dir);
	return count;
}

static void check_queues(struct findings *all, const char *ifname,
			 const struct ethtool_facts *facts)
{
	int cpus = sysconf(_SC_NPROCESSORS_ONLN), queues = facts->rx_queues, wanted;
	struct finding *f;

	if (!queues)
		queues = count_queues(ifname);
	if (!queues)
		return;
	if (queues >= cpus) {
		finding_add(all, FINDING_OK, "queues", "%d to receive, %d CPUs", queues, cpus);
		return;
	}
	wanted = cpus < facts->rx_queues_max ? cpus : facts->rx_queues_max;
	f = finding_add(all, wanted > queues ? FINDING_WARNING : FINDING_NOTE, "queues",
			"%d to receive, %d CPUs", queues, cpus);
	finding_why(f,
		    "Native XDP runs on the CPU of the queue (RPS comes after it): a flood has "
		    "%d of them",
		    queues);
	if (wanted > queues)
		finding_mend(f, "ethtool -L %s %s %d", ifname, facts->combined ? "combined" : "rx",
			     wanted);
}

static void check_place(struct findings *all, const struct device *dev)
{
	char master[IF_NAMESIZE];
	struct finding *f;

	if (!dev->up) {
		f = finding_add(all, FINDING_NOTE, "link", "the interface is down");
		finding_why(f, "Nothing arrives");
		finding_mend(f, "ip link set dev %s up", all->area);
	}
	if (!dev->master || !if_indextoname(dev->master, master))
		return;
	f = finding_add(all, FINDING_WARNING, "master", "it is a port of %s", master);
	finding_why(f,
		    "The shield sees what comes in by this port only, and answers for this "
		    "port's MAC address only: attach to %s",
		    master);
}

static void check_warnings(struct findings *all, const char *ifname, const struct pin_note *note)
{
	struct warning warnings[WARNINGS_MAX];
	char missing[128];
	int i, count = warnings_collect(ifname, note, NULL, warnings);

	for (i = 0; i < count; i++) {
		const struct warning *w = &warnings[i];
		struct finding *f;

		if (w->of_kernel)
			continue; /* said there */
		f = finding_add(all, FINDING_WARNING, w->subject, "%.*s", w->what, w->text);
		if (w->text[w->what])
			finding_why(f, "%s", w->text + w->what + 2);
		else
			finding_why(f, "A flood of them costs what it costs without a shield");
		finding_mend(f, "%s", w->mend);
	}
	caps_missing(missing, sizeof(missing));
	if (missing[0])
		finding_why(finding_add(all, FINDING_NOTE, "firewall",
					"not seen, because this process has no %s", missing),
			    "NAT and redirects in nftables are looked for in its rules");
}

void doctor_device(struct findings *all, const char *ifname)
{
	struct devices devices;
	const struct device *dev;
	struct ethtool_facts facts;
	struct pin_note note;
	bool ours;

	all->area = ifname;
	if (devices_read(&devices) || !(dev = devices_find(&devices, if_nametoindex(ifname)))) {
		finding_add(all, FINDING_NOTE, "link", "not seen, because it has gone");
		devices_free(&devices);
		return;
	}
	ethtool_read(ifname, &facts);
	ours = !pin_read_note(ifname, &note) && note.netns == pin_netns();
	check_driver(all, dev, &facts);
	check_occupant(all, ifname, ours);
	check_queues(all, ifname, &facts);
	check_place(all, dev);
	check_warnings(all, ifname, ours ? &note : NULL);
	devices_free(&devices);
}
