/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef ETHTOOL_H
#define ETHTOOL_H

#include <stdbool.h>

struct ethtool_facts {
	bool rx_vlan; /* tags are taken off before XDP sees the frame */
	bool lro;
	char driver[33]; /* "": not known */
};

/* 0 or -errno */
int ethtool_read(const char *ifname, struct ethtool_facts *facts);

#endif
