/* SPDX-License-Identifier: GPL-2.0-only */
/* What becomes of a packet, and the one place that counts it. */
#ifndef VERDICT_H
#define VERDICT_H

#include "maps.h"

/* An action and its reason in one word, so that functions can return it. */
typedef __u32 verdict;

#define VERDICT(action, reason) ((verdict)((action) << 16 | (reason)))
#define PASS(name) VERDICT(SYNSHIELD_PASS, SYNSHIELD_REASON_##name)
#define DROP(name) VERDICT(SYNSHIELD_DROP, SYNSHIELD_REASON_##name)
#define REPLY(name) VERDICT(SYNSHIELD_REPLY, SYNSHIELD_REASON_##name)

/*
 * Not verdicts yet: what is refused gets a RST, or nothing (see refuse.h); what is
 * unknown may be known to the kernel, and a cookie that held has yet to be heeded (see
 * segment.h).  The verifier's stack is short: they are settled where nothing else is in
 * progress.
 */
#define ACTION_REFUSE SYNSHIELD_ACTION_MAX
#define REFUSE(reason) VERDICT(ACTION_REFUSE, reason)
#define ASK_KERNEL VERDICT(SYNSHIELD_ACTION_MAX + 1, 0)
#define PROVE VERDICT(SYNSHIELD_ACTION_MAX + 2, 0)

static __always_inline __u32 action_of(verdict v)
{
	return v >> 16;
}

/* `observed`: it is what would have been done. */
static __always_inline void count(verdict v, bool observed)
{
	__u32 zero = 0, i;
	struct synshield_stats *s = bpf_map_lookup_elem(&stats, &zero);

	if (!s)
		return;
	i = action_of(v) * SYNSHIELD_REASON_MAX + (v & 0xffff);
	if (observed)
		i += SYNSHIELD_ACTION_MAX * SYNSHIELD_REASON_MAX;
	if (i < sizeof(*s) / sizeof(__u64))
		((__u64 *)s)[i]++;
}

#endif
