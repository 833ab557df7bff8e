/* SPDX-License-Identifier: GPL-2.0-only */
/* Sources that the operator allows or denies. */
#ifndef LISTS_H
#define LISTS_H

#include "shield.h"

static __always_inline enum synshield_list list_of(const struct shield *s, const __u8 remote[16])
{
	struct synshield_list_key key = {.prefixlen = 128};
	const __u32 *list;

	if (likely(!s->settings->listed))
		return SYNSHIELD_LIST_NONE;
	memcpy(key.addr, remote, sizeof(key.addr));
	list = bpf_map_lookup_elem(&lists, &key);
	return list ? *list : SYNSHIELD_LIST_NONE;
}

#endif
