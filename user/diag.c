/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>

#include "locals.h"
#include "netlink.h"

struct dump {
	diag_cb_t cb;
	void *arg;
};

static void fill_address(__u8 to[16], const __be32 from[4], bool ipv6)
{
	if (ipv6)
		memcpy(to, from, 16);
	else
		address_from_ipv4(to, from);
}

static int read_socket(const struct nlmsghdr *nlh, void *arg)
{
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);
	const struct dump *dump = arg;
	const struct nlattr *attr;
	int err;
	struct diag_socket s = {
		.local_port = ntohs(m->id.idiag_sport),
		.remote_port = ntohs(m->id.idiag_dport),
		.state = m->idiag_state,
		.ipv6 = m->idiag_family == AF_INET6,
		.ifindex = m->id.idiag_if,
	};

	if (nlh->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(*m))
		return MNL_CB_OK;
	fill_address(s.local, m->id.idiag_src, s.ipv6);
	fill_address(s.remote, m->id.idiag_dst, s.ipv6);
	mnl_attr_for_each(attr, nlh, sizeof(*m))
	{
		if (mnl_attr_get_type(attr) == INET_DIAG_SKV6ONLY)
			s.v6only = mnl_attr_get_u8(attr);
	}
	err = dump->cb(&s, dump->arg);
	if (!err)
		return MNL_CB_OK;
	errno = -err;
	return MNL_CB_ERROR;
}

static int dump_protocol(__u32 protocol, __u32 states, diag_cb_t cb, void *arg)
{
	static const int families[] = {AF_INET, AF_INET6};
	struct dump dump = {cb, arg};
	char buf[256];
	int i, err;

	for (i = 0; i < 2; i++) {
		struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
		struct inet_diag_req_v2 *req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));

		nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
		req->sdiag_family = families[i];
		req->sdiag_protocol = protocol;
		req->idiag_states = states;
		if (protocol > 255)
			mnl_attr_put_u32(nlh, INET_DIAG_REQ_PROTOCOL, protocol);
		err = netlink_dump(NETLINK_SOCK_DIAG, nlh, read_socket, &dump);
		if (err && !(families[i] == AF_INET6 && (err == -ENOENT || err == -EAFNOSUPPORT)))
			return err;
	}
	return 0;
}

int diag_dump(__u32 states, diag_cb_t cb, void *arg)
{
	return dump_protocol(IPPROTO_TCP, states, cb, arg);
}

int diag_dump_mptcp(__u32 states, diag_cb_t cb, void *arg)
{
	return dump_protocol(IPPROTO_MPTCP, states, cb, arg);
}
