/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A network namespace of the test's own:
 *
 *	lo       192.0.2.9, 2001:db8:9::9 (clients with real sockets)
 *	server0  198.51.100.1 and .2, 2001:db8:1::1 and ::2, no ARP, default route
 *	   |
 *	wire0    raw frames in and out: what does the kernel by itself answer?
 */
#ifndef NET_H
#define NET_H

#include <stdbool.h>

#include "packet.h"

#define SERVER_MAC                                                                                 \
	{                                                                                          \
		2, 0, 0, 0, 0, 1                                                                   \
	}
#define CLIENT_MAC                                                                                 \
	{                                                                                          \
		2, 0, 0, 0, 0, 2                                                                   \
	}

void net_enter(void);
void net_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void net_sysctl(const char *name, const char *value);
int net_sysctl_read(const char *name, int field);
void net_set_mtu(int mtu);

/* text to 16 bytes, IPv4 mapped; returns whether it is IPv6 */
bool net_address(const char *text, __u8 addr[16]);

enum listener_kind {
	LISTENER_PLAIN,
	LISTENER_DUAL,	 /* IPv6 socket that takes IPv4 too */
	LISTENER_RCVBUF, /* SO_RCVBUF 20000 */
	LISTENER_CLAMP,	 /* TCP_WINDOW_CLAMP 10000 */
	LISTENER_MAXSEG, /* TCP_MAXSEG 1000 */
	LISTENER_MPTCP,
	LISTENER_MD5, /* a key for peer 192.0.2.2 */
};

/* A listening socket on every address. */
int net_listen(bool ipv6, __u16 port, int backlog, enum listener_kind kind);
/* A connection through lo, not accepted. */
int net_dial(bool ipv6, __u16 port);
/* A connection through lo from the real client's address; returns both ends. */
void net_connect(int listener, bool ipv6, __u16 port, int *client, int *server);
/* A connection that stays in SYN-SENT, from the server to 192.0.2.2 or 2001:db8:2::2. */
int net_dial_nobody(bool ipv6, __u16 port);
__u16 net_local_port(int fd);

/* Sends the frame to server0, by itself. */
void net_send(const struct frame *f);
/* Sends a SYN and waits for the kernel's own SYN-ACK. */
bool net_kernel_answer(const struct frame *syn, struct frame *synack);
/* The same with any segment, and the RST that the kernel answers it with. */
bool net_kernel_reset(const struct frame *f, struct frame *rst);

#endif
