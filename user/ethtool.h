/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef ETHTOOL_H
#define ETHTOOL_H

#include <stdbool.h>

struct ethtool_facts {
	bool rx_vlan; /* tags are taken off before XDP sees the frame */
	bool lro;
	int rx_queues, rx_queues_max; /* 0: the driver does not tell */
	bool combined;		      /* with those that send */
	char driver[33];	      /* "": not known */
};

/* 0 or -errno */
int ethtool_read(const char *ifname, struct ethtool_facts *facts);

#endif
