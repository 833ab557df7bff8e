/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The segment that a keepalive sends (RFC 9293 section 3.8.4): an ACK without data
 * whose sequence number the other end has had already, so that it answers.
 */
#ifndef BAREACK_H
#define BAREACK_H

#include <stddef.h>

#include "synshield/synshield.h"

#include "synshield/socket.h"

#define BAREACK_MAX 72 /* bytes: IPv6, TCP, timestamps */

/* From the IP header on; the bytes that it takes.  ttl: where the socket has none of its own. */
size_t bareack_build(__u8 packet[BAREACK_MAX], const struct synshield_tuple *tuple,
		     const struct synshield_socket *socket, __u8 ttl);

/* The way the kernel's socket would send it.  0 or -errno. */
int bareack_send(const struct synshield_tuple *tuple, const struct synshield_socket *socket,
		 __u8 ttl, int ifindex);

#endif
