/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef OTHERS_H
#define OTHERS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "diag.h"
#include "devices.h"

/*
 * Who in this network namespace may take a segment for which the kernel finds no
 * socket on the interface it came in by.
 */
struct others {
	bool conntrack; /* netfilter tracks connections, or will when one comes */
	bool nft_nat;	/* nftables: a nat chain, */
	bool nft_dnat;	/* at prerouting */
	bool nft_tproxy;
	bool iptables_nat;    /* legacy iptables: the table nat */
	bool iptables_tproxy; /* maybe: its rules cannot be read */
	bool ipvs;
	int bound; /* a socket is bound to this device, which shares frames; 0: none */
};

/* All but bound. */
void others_read(struct others *others);
/* bound, for a socket. */
int others_bound(const struct devices *devices, int ifindex, const struct diag_socket *s);
/* bound, of all listening sockets. */
int others_read_bound(int ifindex, int *bound);

/* SYNSHIELD_HOST_CONNTRACK, OTHER_LISTENERS, OTHER_CONNS */
__u32 others_flags(const struct others *others);
/* Names those that make one of the flags be set, "a, b". */
void others_text(const struct others *others, __u32 flag, char *text, size_t size);

#endif
