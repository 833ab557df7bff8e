/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DEVICES_H
#define DEVICES_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

/* The network devices of this namespace, and how they stand on each other. */
struct device {
	int ifindex;
	int below;  /* what it stands on; 0: nothing of this namespace */
	int master; /* bridge, bond, VRF, ... that it is part of; 0: none */
	bool up;
	bool way_in; /* up, and no loopback */
	bool loopback;
	bool vswitch; /* Open vSwitch's, which passes frames to whichever device it likes */
	__u16 vlan;   /* 0: no VLAN device */
	__u32 mtu;
};

struct devices {
	struct device *rows;
	size_t count;
};

int devices_read(struct devices *devices);
void devices_free(struct devices *devices);
/* NULL: it has gone. */
const struct device *devices_find(const struct devices *devices, int ifindex);

/* `top`, if it is a VLAN device on ifindex, directly or on others of its kind. */
const struct device *devices_vlan(const struct devices *devices, int top, int ifindex);
int devices_vlans(const struct devices *devices, int ifindex);
/* Packets can also arrive by an interface that is not this one. */
bool devices_other_ways(const struct devices *devices, int ifindex);
/* Frames that arrive on ifindex may be received as those of the other device. */
bool devices_share(const struct devices *devices, int other, int ifindex);

#endif
