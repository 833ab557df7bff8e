/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "netlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

#define DUMP_BYTES 32768

/* filters in dump requests are honoured only with this */
static void ask_strictly(struct mnl_socket *nl)
{
	int one = 1;

	setsockopt(mnl_socket_get_fd(nl), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
}

static int read_answers(struct mnl_socket *nl, unsigned int seq, mnl_cb_t cb, void *arg)
{
	unsigned int port = mnl_socket_get_portid(nl);
	char *buf = malloc(DUMP_BYTES);
	ssize_t n;
	int run;

	if (!buf)
		return -ENOMEM;
	do {
		n = mnl_socket_recvfrom(nl, buf, DUMP_BYTES);
		if (n < 0)
			run = -1;
		else
			run = mnl_cb_run(buf, n, seq, port, cb, arg);
	} while (run > MNL_CB_STOP);
	free(buf);
	return run < 0 ? -errno : 0;
}

static int talk(int bus, struct nlmsghdr *request, __u16 flags, mnl_cb_t cb, void *arg)
{
	static unsigned int seq;
	struct mnl_socket *nl;
	int err;

	nl = mnl_socket_open2(bus, SOCK_CLOEXEC);
	if (!nl)
		return -errno;
	if (bus == NETLINK_ROUTE)
		ask_strictly(nl);
	request->nlmsg_flags = NLM_F_REQUEST | flags;
	request->nlmsg_seq = ++seq;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(nl, request, request->nlmsg_len) < 0)
		err = -errno;
	else
		err = read_answers(nl, request->nlmsg_seq, cb, arg);
	mnl_socket_close(nl);
	return err;
}

int netlink_dump(int bus, struct nlmsghdr *request, mnl_cb_t cb, void *arg)
{
	return talk(bus, request, NLM_F_DUMP, cb, arg);
}

/* The acknowledgement tells that the answer has been read. */
int netlink_get(int bus, struct nlmsghdr *request, mnl_cb_t cb, void *arg)
{
	return talk(bus, request, NLM_F_ACK, cb, arg);
}

struct mnl_socket *netlink_listen(void)
{
	static const int groups[] = {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
				     RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE};
	struct mnl_socket *nl;
	size_t i;

	nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!nl)
		return NULL;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		goto fail;
	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		int group = groups[i];

		if (mnl_socket_setsockopt(nl, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
			goto fail;
	}
	return nl;
fail:
	mnl_socket_close(nl);
	return NULL;
}
