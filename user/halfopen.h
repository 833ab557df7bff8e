/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The classical defence against a SYN flood: where a listener runs short of room, half-open
 * handshakes get less time than the kernel would give them.
 */
#ifndef HALFOPEN_H
#define HALFOPEN_H

#include <stdbool.h>

#include "closing.h"
#include "maps.h"

struct halfopen {
	int sockets;  /* of sockets_open(), or -1 */
	bool refused; /* this kernel ends no handshakes: that was said */
	__u64 ended;  /* and not said yet */
	__u64 said_jiffies;
};

void halfopen_init(struct halfopen *h);
void halfopen_close(struct halfopen *h);

/* Call it every second.  0 or -errno. */
int halfopen_follow(struct halfopen *h, struct closing *closing, const struct maps *maps,
		    const char *ifname, int ifindex, const struct synshield_settings *settings);

#endif
