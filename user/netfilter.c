/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "netfilter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <unistd.h>

#include "netlink.h"

static bool is_one_of(const char *name, const char *const *names)
{
	for (; *names; names++) {
		if (!strcmp(name, *names))
			return true;
	}
	return false;
}

static struct nlmsghdr *request(char *buf, int type)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nlh->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | type;
	nfg->nfgen_family = NFPROTO_UNSPEC;
	nfg->version = NFNETLINK_V0;
	return nlh;
}

static bool sees_tcp(const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);

	return nfg->nfgen_family == NFPROTO_IPV4 || nfg->nfgen_family == NFPROTO_IPV6 ||
	       nfg->nfgen_family == NFPROTO_INET;
}

/* -- chains -- */

static bool at_prerouting(const struct nlattr *hook)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, hook)
	{
		if (mnl_attr_get_type(attr) == NFTA_HOOK_HOOKNUM)
			return ntohl(mnl_attr_get_u32(attr)) == NF_INET_PRE_ROUTING;
	}
	return false;
}

static int read_chain(const struct nlmsghdr *nlh, void *arg)
{
	struct netfilter *found = arg;
	bool nat = false, prerouting = false;
	const struct nlattr *attr;

	if (!sees_tcp(nlh))
		return MNL_CB_OK;
	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == NFTA_CHAIN_TYPE)
			nat = !strcmp(mnl_attr_get_str(attr), "nat");
		if (mnl_attr_get_type(attr) == NFTA_CHAIN_HOOK)
			prerouting = at_prerouting(attr);
	}
	found->nat |= nat;
	found->tracks |= nat;
	found->dnat |= nat && prerouting;
	return MNL_CB_OK;
}

/* -- rules -- */

/* A match or target of iptables-nft: its extension's name. */
static const char *extension(const struct nlattr *data)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, data)
	{
		/* NFTA_MATCH_NAME is the same */
		if (mnl_attr_get_type(attr) == NFTA_TARGET_NAME)
			return mnl_attr_get_str(attr);
	}
	return "";
}

static void read_expression(const struct nlattr *expression, struct netfilter *found)
{
	static const char *const trackers[] = {"ct",	   "connlimit", "flow_offload",
					       "synproxy", "objref",	NULL};
	/* of iptables; besides those whose names begin with conn or CONN */
	static const char *const extensions[] = {"state",   "helper",	"cluster", "CT",
						 "NOTRACK", "SYNPROXY", NULL};
	const char *name = "", *what = "";
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, expression)
	{
		if (mnl_attr_get_type(attr) == NFTA_EXPR_NAME)
			name = mnl_attr_get_str(attr);
		if (mnl_attr_get_type(attr) == NFTA_EXPR_DATA &&
		    (!strcmp(name, "match") || !strcmp(name, "target")))
			what = extension(attr);
	}
	found->tproxy |= !strcmp(name, "tproxy") || !strcmp(what, "TPROXY");
	found->tracks |= is_one_of(name, trackers) || is_one_of(what, extensions) ||
			 !strncasecmp(what, "conn", 4);
}

static int read_rule(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *attr, *expression;

	if (!sees_tcp(nlh))
		return MNL_CB_OK;
	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) != NFTA_RULE_EXPRESSIONS)
			continue;
		mnl_attr_for_each_nested(expression, attr)
		{
			read_expression(expression, arg);
		}
	}
	return MNL_CB_OK;
}

/* -- the whole -- */

static int read_generation(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *attr;
	__u32 *generation = arg;

	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == NFTA_GEN_ID)
			*generation = ntohl(mnl_attr_get_u32(attr));
	}
	return MNL_CB_OK;
}

static int read_rules(struct netfilter *found)
{
	char buf[256];
	int err;

	err = netlink_dump(NETLINK_NETFILTER, request(buf, NFT_MSG_GETCHAIN), read_chain, found);
	if (!err)
		err = netlink_dump(NETLINK_NETFILTER, request(buf, NFT_MSG_GETRULE), read_rule,
				   found);
	return err;
}

/*
 * A question to a kernel that has nftables as a module makes it look for that: once is
 * enough.  Where it is built in, the first question is answered.
 */
static bool worth_asking(bool answered)
{
	static bool asked;

	if (asked && !answered && access("/sys/module/nf_tables", F_OK))
		return false;
	asked = true;
	return true;
}

const struct netfilter *netfilter_read(void)
{
	static struct netfilter known;
	static bool answered;
	static __u32 generation; /* 0: of no rules that were read */
	struct netfilter found;
	__u32 now = 0;
	char buf[256];
	int tries, err;

	if (!worth_asking(answered))
		return &known;
	for (tries = 0; tries < DUMP_TRIES; tries++) {
		err = netlink_get(NETLINK_NETFILTER, request(buf, NFT_MSG_GETGEN), read_generation,
				  &now);
		if (err || (now && now == generation))
			break;
		answered = true;
		memset(&found, 0, sizeof(found));
		err = read_rules(&found);
		if (err == -EINTR)
			continue; /* changed under our hands */
		if (!err) {
			known = found;
			generation = now;
		}
		break;
	}
	return &known;
}
