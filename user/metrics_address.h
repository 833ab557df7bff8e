/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where the metrics are served. */
#ifndef METRICS_ADDRESS_H
#define METRICS_ADDRESS_H

#include <sys/socket.h>

#define METRICS_ADDRESSES 2
struct metrics_address {
	struct sockaddr_storage at[METRICS_ADDRESSES];
	socklen_t len[METRICS_ADDRESSES];
	int count;
};

/* PORT (of 127.0.0.1 and [::1]), ADDRESS:PORT or [ADDRESS]:PORT.  0 or -EINVAL. */
int metrics_address_parse(struct metrics_address *a, const char *text);

/*
 * A socket that listens on the i-th, or -errno, which is said: but not -EAFNOSUPPORT, that
 * this host has no IPv6 and was not asked for it.  Says if others can reach it.
 */
int metrics_address_listen(const struct metrics_address *a, int i);

#endif
