/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "ethtool.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int ethtool_read(const char *ifname, struct ethtool_facts *facts)
{
	struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ethtool_value flags = {.cmd = ETHTOOL_GFLAGS};
	struct ifreq ifr = {};
	int fd, err = 0;

	memset(facts, 0, sizeof(*facts));
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", ifname);
	ifr.ifr_data = (char *)&driver;
	if (!ioctl(fd, SIOCETHTOOL, &ifr))
		snprintf(facts->driver, sizeof(facts->driver), "%s", driver.driver);
	ifr.ifr_data = (char *)&flags;
	if (ioctl(fd, SIOCETHTOOL, &ifr))
		err = -errno;
	ifr.ifr_data = (char *)&channels;
	if (!ioctl(fd, SIOCETHTOOL, &ifr)) {
		facts->combined = channels.max_combined;
		facts->rx_queues = channels.rx_count + channels.combined_count;
		facts->rx_queues_max = channels.max_rx + channels.max_combined;
	}
	close(fd);
	facts->rx_vlan = flags.data & ETH_FLAG_RXVLAN;
	facts->lro = flags.data & ETH_FLAG_LRO;
	return err;
}
