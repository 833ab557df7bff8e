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

#endif
