/* SPDX-License-Identifier: GPL-2.0-only */
/* Sources that the operator allows or denies. */
#ifndef LISTS_H
#define LISTS_H

#include <synshield/listed.h>

#include "shield.h"

static __always_inline bool bit_is_set(__u32 bit)
{
	__u32 word = bit / 64;
	const __u64 *bits = bpf_map_lookup_elem(&listed, &word);

	return bits && *bits >> (bit % 64) & 1;
}

/* False: surely on neither list. */
static __always_inline bool may_be_listed(const struct shield *s, const struct packet *p)
{
	const __u8 *remote = p->tuple.remote;

	if (likely(!s->settings->listed))
		return false;
	if (!p->ipv6)
		return bit_is_set(synshield_listed_ipv4(remote));
	return bit_is_set(synshield_listed_48(remote, s->host->seed)) ||
	       bit_is_set(synshield_listed_16(remote));
}

static __always_inline enum synshield_list list_of(const struct shield *s, const struct packet *p)
{
	struct synshield_list_key key = {.prefixlen = 128};
	const __u32 *list;

	if (likely(!may_be_listed(s, p)))
		return SYNSHIELD_LIST_NONE;
	memcpy(key.addr, p->tuple.remote, sizeof(key.addr));
	list = bpf_map_lookup_elem(&lists, &key);
	return list ? *list : SYNSHIELD_LIST_NONE;
}

#endif
