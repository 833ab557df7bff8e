/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef NETLINK_H
#define NETLINK_H

#include <libmnl/libmnl.h>

/*
 * Sends a dump request on a socket of its own and feeds each answer to cb.
 * 0 or -errno; -EINTR: the tables changed meanwhile, ask again.
 */
#define DUMP_TRIES 5 /* of a dump that changes under our hands */
int netlink_dump(int bus, struct nlmsghdr *request, mnl_cb_t cb, void *arg);

/* The same for a request that has one answer. */
int netlink_get(int bus, struct nlmsghdr *request, mnl_cb_t cb, void *arg);

/* A non-blocking rtnetlink socket that hears of links, addresses and routes. */
struct mnl_socket *netlink_listen(void);

#endif
