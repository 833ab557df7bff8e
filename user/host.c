/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "jiffies.h"
#include "others.h"
#include "probe.h"
#include "synshield/synshield.h"

long host_sysctl(const char *name, int index, long missing)
{
	char path[PATH_MAX], text[128], *p, *end;
	ssize_t n;
	long value;
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return missing;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return missing;
	text[n] = 0;
	for (p = text;; p = end) {
		value = strtol(p, &end, 10);
		if (end == p)
			return missing;
		if (!index--)
			return value;
	}
}

static int read_interface(const char *ifname, struct synshield_host *host)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;
	struct ifreq ifr = {};

	if (fd < 0)
		return -errno;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", ifname);
	if (ioctl(fd, SIOCGIFMTU, &ifr))
		err = -errno;
	else
		host->mtu = ifr.ifr_mtu;
	if (!err && ioctl(fd, SIOCGIFHWADDR, &ifr))
		err = -errno;
	else if (!err)
		memcpy(host->mac, ifr.ifr_hwaddr.sa_data, sizeof(host->mac));
	close(fd);
	return err;
}

static __u32 host_flags(const struct others *others)
{
	__u32 flags = others_flags(others);

	if (host_sysctl("ipv4/tcp_timestamps", 0, 1))
		flags |= SYNSHIELD_HOST_TIMESTAMPS;
	if (host_sysctl("ipv4/tcp_sack", 0, 1))
		flags |= SYNSHIELD_HOST_SACK;
	if (host_sysctl("ipv4/tcp_window_scaling", 0, 1))
		flags |= SYNSHIELD_HOST_WSCALE;
	if (host_sysctl("ipv4/tcp_ecn", 0, 2))
		flags |= SYNSHIELD_HOST_ECN;
	if (host_sysctl("ipv4/tcp_syncookies", 0, 0))
		flags |= SYNSHIELD_HOST_SYNCOOKIES;
	if (probe_reqsk())
		flags |= SYNSHIELD_HOST_REQSK;
	return flags;
}

int host_read(const char *ifname, const struct others *others, struct synshield_host *host)
{
	long rmem = host_sysctl("ipv4/tcp_rmem", 2, 6291456);
	long core = host_sysctl("core/rmem_max", 0, 0); /* the initial namespace's only */
	char name[64 + IF_NAMESIZE];
	int err;

	err = read_interface(ifname, host);
	if (err)
		return err;
	snprintf(name, sizeof(name), "ipv6/conf/%s/hop_limit", ifname);
	host->hz = jiffies_hz();
	host->flags = host_flags(others);
	host->rmem_max = rmem > core ? rmem : core;
	host->adv_win_scale = host_sysctl("ipv4/tcp_adv_win_scale", 0, 1);
	host->max_syn_backlog = host_sysctl("ipv4/tcp_max_syn_backlog", 0, 128);
	host->ttl = host_sysctl("ipv4/ip_default_ttl", 0, 64);
	host->hop_limit = host_sysctl(name, 0, 64);
	return 0;
}

int host_seed(__u64 *seed)
{
	do {
		if (getrandom(seed, sizeof(*seed), 0) != sizeof(*seed))
			return -errno;
	} while (!*seed);
	return 0;
}
