/* SPDX-License-Identifier: GPL-2.0-only */
/* What belongs to nothing: a RST, or nothing. */
#ifndef REFUSE_H
#define REFUSE_H

#include "answer.h"
#include "budget.h"

/* Times that a segment comes before nobody believes any more that its cookie may follow. */
#define DOUBT_TIMES 3

/*
 * Of a cookie connection's first segments the one that bears the cookie may be lost
 * or late, and a RST to those behind it would end what is real.  Its sender repeats
 * the missing one before it repeats others over and over; an end of a half-open
 * connection has nothing else to repeat.
 */
static __always_inline bool is_doubtful(const struct shield *s, const struct packet *p)
{
	const __u64 *remote = (const __u64 *)p->tuple.remote;
	const __u64 *local = (const __u64 *)p->tuple.local;
	__u64 ports = (__u64)p->tuple.remote_port << 16 | p->tuple.local_port;
	__u64 h = keyed_hash(s, remote[0] ^ (local[0] << 17 | local[0] >> 47));
	struct synshield_doubt *d;
	__u32 i;

	h = keyed_hash(s, h ^ remote[1]);
	h = keyed_hash(s, h ^ local[1]);
	h = keyed_hash(s, h ^ (ports << 32 | p->seq));
	h = keyed_hash(s, h ^ (__u64)p->segment_len << 8 ^ p->flags);
	i = h & (SYNSHIELD_DOUBTS - 1);
	d = bpf_map_lookup_elem(&doubts, &i);
	if (!d)
		return false;
	if (d->tag != (__u32)(h >> 32)) {
		d->tag = h >> 32;
		d->times = 0;
	}
	return ++d->times < DOUBT_TIMES;
}

/* What becomes of a segment that is refused for a reason. */
__noinline verdict refuse(const struct packet *p, __u32 reason, struct answer *a)
{
	enum synshield_reset reset;
	SHIELD_AGAIN(s, PASS(off));

	if (!p || !a)
		return PASS(off);
	reset = port_reset(s, p->tuple.local_port);
	if (reset != SYNSHIELD_RESET_PASS && !reset_is_due(s))
		return VERDICT(SYNSHIELD_DROP, reason);
	if (a->doubt && is_doubtful(s, p)) /* the kernel's RST would be no better */
		return DROP(unproven);
	if (reset == SYNSHIELD_RESET_PASS)
		return VERDICT(SYNSHIELD_PASS, reason);
	if (reset == SYNSHIELD_RESET_DROP || !reply_is_due(s, p))
		return VERDICT(SYNSHIELD_DROP, reason);
	a->reset = true;
	return VERDICT(SYNSHIELD_REPLY, reason);
}

#endif
