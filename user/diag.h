/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DIAG_H
#define DIAG_H

#include <linux/types.h>
#include <netinet/tcp.h>
#include <stdbool.h>

/* Bits of the states argument: 1 << state as in <netinet/tcp.h>, and: */
#define DIAG_NEW_SYN_RECV 12 /* requests; shown with state TCP_SYN_RECV */

/* Every state but LISTEN and CLOSED. */
#define DIAG_CONNECTIONS                                                                           \
	((1U << TCP_ESTABLISHED) | (1U << TCP_SYN_SENT) | (1U << TCP_SYN_RECV) |                   \
	 (1U << TCP_FIN_WAIT1) | (1U << TCP_FIN_WAIT2) | (1U << TCP_TIME_WAIT) |                   \
	 (1U << TCP_CLOSE_WAIT) | (1U << TCP_LAST_ACK) | (1U << TCP_CLOSING) |                     \
	 (1U << DIAG_NEW_SYN_RECV))

struct diag_socket {
	__u8 local[16], remote[16]; /* IPv4 as ::ffff:a.b.c.d */
	__u16 local_port, remote_port;
	__u8 state;
	bool v6only; /* of a listener on :: */
	bool ipv6;   /* an AF_INET6 socket */
	int ifindex; /* bound to that device; 0: to none */
};

typedef int (*diag_cb_t)(const struct diag_socket *s, void *arg);

/* Every TCP socket of this network namespace in one of the states. */
int diag_dump(__u32 states, diag_cb_t cb, void *arg);
/* Every MPTCP socket; an error where the kernel has none. */
int diag_dump_mptcp(__u32 states, diag_cb_t cb, void *arg);

#endif
