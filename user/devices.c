/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "devices.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "netlink.h"

#define STACK_DEPTH 4 /* VLAN in VLAN, VLAN of a bridge, ... */

static void read_kind(const struct nlattr *info, struct device *dev)
{
	const struct nlattr *attr, *data;
	bool vlan = false;

	mnl_attr_for_each_nested(attr, info)
	{
		if (mnl_attr_get_type(attr) == IFLA_INFO_KIND) {
			vlan = !strcmp(mnl_attr_get_str(attr), "vlan");
			dev->vswitch = !strcmp(mnl_attr_get_str(attr), "openvswitch");
		}
		if (mnl_attr_get_type(attr) != IFLA_INFO_DATA || !vlan)
			continue;
		mnl_attr_for_each_nested(data, attr)
		{
			if (mnl_attr_get_type(data) == IFLA_VLAN_ID)
				dev->vlan = mnl_attr_get_u16(data);
		}
	}
}

static int read_device(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct device dev = {.ifindex = ifi->ifi_index,
			     .up = ifi->ifi_flags & IFF_UP,
			     .loopback = ifi->ifi_flags & IFF_LOOPBACK,
			     .way_in = (ifi->ifi_flags & (IFF_UP | IFF_LOOPBACK)) == IFF_UP};
	struct devices *devices = arg;
	const struct nlattr *attr;
	bool elsewhere = false;
	void *rows;

	mnl_attr_for_each(attr, nlh, sizeof(*ifi))
	{
		switch (mnl_attr_get_type(attr)) {
		case IFLA_LINK:
			dev.below = mnl_attr_get_u32(attr);
			break;
		case IFLA_LINK_NETNSID:
			elsewhere = true;
			break;
		case IFLA_MASTER:
			dev.master = mnl_attr_get_u32(attr);
			break;
		case IFLA_MTU:
			dev.mtu = mnl_attr_get_u32(attr);
			break;
		case IFLA_LINKINFO:
			read_kind(attr, &dev);
			break;
		}
	}
	if (elsewhere) /* that number is another namespace's */
		dev.below = 0;
	rows = reallocarray(devices->rows, devices->count + 1, sizeof(dev));
	if (!rows)
		return MNL_CB_ERROR;
	devices->rows = rows;
	devices->rows[devices->count++] = dev;
	return MNL_CB_OK;
}

int devices_read(struct devices *devices)
{
	char buf[256];
	int tries, err;

	memset(devices, 0, sizeof(*devices));
	for (tries = 0; tries < DUMP_TRIES; tries++) {
		struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

		nlh->nlmsg_type = RTM_GETLINK;
		mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
		devices_free(devices);
		err = netlink_dump(NETLINK_ROUTE, nlh, read_device, devices);
		if (err != -EINTR)
			return err;
	}
	return -EAGAIN;
}

void devices_free(struct devices *devices)
{
	free(devices->rows);
	memset(devices, 0, sizeof(*devices));
}

const struct device *devices_find(const struct devices *devices, int ifindex)
{
	size_t i;

	for (i = 0; i < devices->count; i++) {
		if (devices->rows[i].ifindex == ifindex)
			return &devices->rows[i];
	}
	return NULL;
}

const struct device *devices_vlan(const struct devices *devices, int top, int ifindex)
{
	const struct device *found = devices_find(devices, top), *dev = found;
	int depth;

	for (depth = 0; dev && dev->vlan && depth < STACK_DEPTH; depth++) {
		if (dev->below == ifindex)
			return found;
		dev = devices_find(devices, dev->below);
	}
	return NULL;
}

int devices_vlans(const struct devices *devices, int ifindex)
{
	int found = 0;
	size_t i;

	for (i = 0; i < devices->count; i++)
		found += devices_vlan(devices, devices->rows[i].ifindex, ifindex) != NULL;
	return found;
}

bool devices_other_ways(const struct devices *devices, int ifindex)
{
	size_t i;

	for (i = 0; i < devices->count; i++) {
		const struct device *dev = &devices->rows[i];

		if (dev->way_in && dev->ifindex != ifindex &&
		    !devices_vlan(devices, dev->ifindex, ifindex))
			return true;
	}
	return false;
}

/* VLANs, macvlans and the like are on one device; bridges, bonds and VRFs are over several. */
static bool stands_on(const struct devices *devices, int top, int ifindex, int depth)
{
	const struct device *dev = devices_find(devices, top);
	size_t i;

	if (!dev || !depth)
		return false;
	if (dev->below &&
	    (dev->below == ifindex || stands_on(devices, dev->below, ifindex, depth - 1)))
		return true;
	for (i = 0; i < devices->count; i++) {
		if (devices->rows[i].master == top &&
		    (devices->rows[i].ifindex == ifindex ||
		     stands_on(devices, devices->rows[i].ifindex, ifindex, depth - 1)))
			return true;
	}
	return false;
}

bool devices_share(const struct devices *devices, int other, int ifindex)
{
	const struct device *dev = devices_find(devices, other),
			    *own = devices_find(devices, ifindex), *master;

	if (other == ifindex || !dev || dev->loopback)
		return false;
	master = own && own->master ? devices_find(devices, own->master) : NULL;
	return (master && master->vswitch) || stands_on(devices, other, ifindex, STACK_DEPTH);
}
