/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Asks the kernel for the socket of one connection. */
#ifndef SOCKETS_H
#define SOCKETS_H

#include "synshield/synshield.h"

enum socket_is {
	SOCKET_NONE,   /* nor in TIME_WAIT, nor half-open */
	SOCKET_ORPHAN, /* the kernel holds it, but no application: it goes by itself */
	SOCKET_HELD,
};

/* A descriptor for sockets_ask(), in this network namespace; or -errno. */
int sockets_open(void);
/* enum socket_is, or -errno.  ifindex: of the interface that it is reached by. */
int sockets_ask(int fd, int ifindex, const struct synshield_tuple *tuple);

/*
 * Ends it as `ss -K` does, if its state is one of those (1 << TCP_ESTABLISHED and so on):
 * a request is dropped, a connection reset.  0; -ENOENT: there is none in these states;
 * -EOPNOTSUPP: this kernel ends no sockets (CONFIG_INET_DIAG_DESTROY).
 */
int sockets_end(int fd, int ifindex, const struct synshield_tuple *tuple, __u32 states);
/* Whether it does: 0, -EOPNOTSUPP, or another -errno. */
int sockets_can_end(int fd);

#endif
