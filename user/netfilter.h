/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef NETFILTER_H
#define NETFILTER_H

#include <stdbool.h>

/* What the rules of nftables in this network namespace do with TCP that comes in. */
struct netfilter {
	bool tracks; /* connections */
	bool nat;    /* has a chain of type nat, */
	bool dnat;   /* at prerouting: it may take SYNs for any port */
	bool tproxy; /* hands SYNs to other sockets */
};

/*
 * Cheap where nothing has changed since the last call.  A kernel without nftables has
 * no rules; if they cannot be read the last answer stands.
 */
const struct netfilter *netfilter_read(void);

#endif
