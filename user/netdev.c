/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <limits.h>
#include <linux/genetlink.h>
#include <string.h>

#include "netlink.h"
#include "probe.h"

/* Generic netlink family "netdev" (Linux 6.3), newer than Debian 12's headers. */
#define NETDEV_FAMILY "netdev"
#define NETDEV_DEV_GET 1
#define NETDEV_IFINDEX 1
#define NETDEV_XDP_FEATURES 3

struct answer {
	int ifindex;
	int family;
	int features; /* as probe_xdp_features() returns */
};

static int read_family(const struct nlmsghdr *nlh, void *arg)
{
	struct answer *answer = arg;
	const struct nlattr *attr;
	bool wanted = false;
	int id = 0;

	mnl_attr_for_each(attr, nlh, GENL_HDRLEN)
	{
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_NAME)
			wanted = !strcmp(mnl_attr_get_str(attr), NETDEV_FAMILY);
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			id = mnl_attr_get_u16(attr);
	}
	if (wanted)
		answer->family = id;
	return MNL_CB_OK;
}

static int read_features(const struct nlmsghdr *nlh, void *arg)
{
	struct answer *answer = arg;
	const struct nlattr *attr;
	__u64 features = 0;
	int ifindex = 0;

	mnl_attr_for_each(attr, nlh, GENL_HDRLEN)
	{
		if (mnl_attr_get_type(attr) == NETDEV_IFINDEX)
			ifindex = mnl_attr_get_u32(attr);
		if (mnl_attr_get_type(attr) == NETDEV_XDP_FEATURES)
			features = mnl_attr_get_u64(attr);
	}
	if (ifindex == answer->ifindex)
		answer->features = features & INT_MAX;
	return MNL_CB_OK;
}

static struct nlmsghdr *generic_request(char *buf, int family, int command)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));

	nlh->nlmsg_type = family;
	genl->cmd = command;
	genl->version = 1;
	return nlh;
}

int probe_xdp_features(int ifindex)
{
	struct answer answer = {.ifindex = ifindex, .features = -ENODEV};
	char buf[256];
	int err;

	err = netlink_dump(NETLINK_GENERIC, generic_request(buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY),
			   read_family, &answer);
	if (err || !answer.family)
		return err ? err : -EOPNOTSUPP;
	err = netlink_dump(NETLINK_GENERIC, generic_request(buf, answer.family, NETDEV_DEV_GET),
			   read_features, &answer);
	return err ? err : answer.features;
}
