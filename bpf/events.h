/* SPDX-License-Identifier: GPL-2.0-only */
/* What user space is told: the segments that move a state, and those that are traced. */
#ifndef EVENTS_H
#define EVENTS_H

#include "shield.h"

static __always_inline void write_event(struct synshield_event *e, const struct packet *p,
					enum synshield_end end)
{
	memset(e, 0, sizeof(*e));
	e->time_ns = bpf_ktime_get_boot_ns();
	e->tuple = p->tuple;
	e->seq = p->seq;
	e->ack = p->ack;
	e->payload = p->segment_len - p->tcp_header_len;
	e->flags = p->flags;
	e->end = end;
}

/* For the daemon.  A full buffer only delays what it sees: it looks into `conns` then. */
__noinline int report(const struct packet *p, enum synshield_end end,
		      enum synshield_event_kind kind)
{
	struct synshield_tracking *t;
	struct synshield_event *e;
	__u32 zero = 0;

	if (!p)
		return -1;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		t = bpf_map_lookup_elem(&tracking, &zero);
		if (t)
			__sync_fetch_and_add(&t->events_lost, 1);
		return -1;
	}
	write_event(e, p, end);
	e->kind = kind;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

static __always_inline const struct synshield_trace *trace_wanted(const struct shield *s)
{
	const struct synshield_trace *t;
	__u32 zero = 0;

	t = bpf_map_lookup_elem(&trace, &zero);
	return t && unlikely(s->now < t->until_jiffies) ? t : NULL;
}

static __always_inline bool in_prefix(const __u8 addr[16], const __u8 prefix[16], __u32 bits)
{
	const __u32 *a = (const __u32 *)addr, *b = (const __u32 *)prefix;

#pragma unroll
	for (int i = 0; i < 4; i++) {
		if ((a[i] ^ b[i]) & prefix_mask(bits_in_word(bits, i * 32)))
			return false;
	}
	return true;
}

static __always_inline bool trace_matches(const struct synshield_trace *t, const struct packet *p)
{
	return (!t->remote_port || t->remote_port == p->tuple.remote_port) &&
	       (!t->local_port || t->local_port == p->tuple.local_port) &&
	       in_prefix(p->tuple.remote, t->remote, t->remote_bits) &&
	       in_prefix(p->tuple.local, t->local, t->local_bits);
}

/* `verdict`: of what was received. */
__noinline int trace_segment(const struct packet *p, enum synshield_end end, __u32 verdict)
{
	const struct synshield_trace *wanted;
	struct synshield_tracking *t;
	struct synshield_event *e;
	__u32 zero = 0;

	wanted = bpf_map_lookup_elem(&trace, &zero);
	if (!p || !wanted || !trace_matches(wanted, p))
		return 0;
	e = bpf_ringbuf_reserve(&traces, sizeof(*e), 0);
	if (!e) {
		t = bpf_map_lookup_elem(&tracking, &zero);
		if (t)
			__sync_fetch_and_add(&t->traces_lost, 1);
		return -1;
	}
	write_event(e, p, end);
	e->verdict = verdict;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

#endif
