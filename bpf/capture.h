/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets on record: as they came in, with what became of them.  For `capture`. */
#ifndef CAPTURE_H
#define CAPTURE_H

#include "budget.h"
#include "events.h"

/* Room for as much of a packet, at the least: one of them is reserved in the ring buffer. */
#define RECORD_SMALL 256
#define RECORD_MIDDLE 2048
_Static_assert(!(SYNSHIELD_SNAPLEN_MAX & (SYNSHIELD_SNAPLEN_MAX - 1)), "for length_within()");

static __always_inline bool capture_wanted(const struct shield *s)
{
	const struct synshield_capture *c;
	__u32 zero = 0;

	c = bpf_map_lookup_elem(&capture, &zero);
	return c && unlikely(s->now < c->until_jiffies);
}

static __always_inline bool capture_matches(const struct synshield_capture *c,
					    const struct packet *p, verdict v)
{
	return c->actions >> action_of(v) & 1 && c->reasons >> (v & 0xffff) & 1 &&
	       (!c->local_port || c->local_port == p->tuple.local_port) &&
	       in_prefix(p->tuple.remote, c->remote, c->remote_bits) &&
	       (!c->limit || c->recorded < c->limit);
}

/* Bytes of the frame; TC may see it without its Ethernet header (see dissect_received()). */
static __always_inline __u32 frame_len(void *ctx, bool tc, const struct packet *p)
{
	if (!tc)
		return bpf_xdp_get_buff_len(ctx);
	return ((struct __sk_buff *)ctx)->len + (p->l3 ? 0 : sizeof(struct ethhdr));
}

/* `to` has room for `max` bytes and an Ethernet header. */
static __always_inline long load_frame(void *ctx, bool tc, const struct packet *p, __u8 *to,
				       __u32 len, __u32 max)
{
	const __u32 head = sizeof(struct ethhdr);

	if (!tc)
		return bpf_xdp_load_bytes(ctx, 0, to, length_within(len, max));
	return bpf_skb_load_bytes_relative(ctx, 0, to, head, BPF_HDR_START_MAC) ||
	       bpf_skb_load_bytes(ctx, p->l3 ? head : 0, to + head, length_within(len - head, max));
}

static __always_inline void write_record(struct synshield_record *r, void *ctx, bool tc, verdict v,
					 bool observed)
{
	r->time_ns = bpf_ktime_get_boot_ns();
	r->verdict = v;
	r->observed = observed;
	r->tc = tc;
	r->tag_tpid = 0;
	r->tag_tci = 0;
	if (tc && ((struct __sk_buff *)ctx)->vlan_present) {
		r->tag_tpid = bpf_ntohs(((struct __sk_buff *)ctx)->vlan_proto);
		r->tag_tci = ((struct __sk_buff *)ctx)->vlan_tci;
	}
	memset(r->pad, 0, sizeof(r->pad));
}

/* False if there was no room. */
static __always_inline bool record_within(void *ctx, bool tc, struct synshield_capture *c,
					  const struct packet *p, verdict v, bool observed,
					  __u32 len, __u32 max)
{
	struct synshield_record *r;

	r = bpf_ringbuf_reserve(&captures, sizeof(*r) + max + sizeof(struct ethhdr), 0);
	if (!r)
		return false;
	write_record(r, ctx, tc, v, observed);
	r->len = frame_len(ctx, tc, p);
	r->recorded = len;
	if (len <= sizeof(struct ethhdr) || load_frame(ctx, tc, p, r->data, len, max) ||
	    (c->limit && __sync_fetch_and_add(&c->recorded, 1) >= c->limit))
		bpf_ringbuf_discard(r, 0);
	else
		bpf_ringbuf_submit(r, 0);
	return true;
}

static __always_inline int capture_any(void *ctx, bool tc, const struct packet *p, verdict v,
				       bool observed)
{
	struct synshield_captured *missed;
	struct synshield_capture *c;
	__u32 zero = 0, len;
	bool room;
	SHIELD_AGAIN(s, 0);

	c = bpf_map_lookup_elem(&capture, &zero);
	missed = bpf_map_lookup_elem(&captured, &zero);
	if (!p || !c || !missed || !capture_matches(c, p, v))
		return 0;
	if (c->rate && !bucket_take(s, &c->bucket, c->rate)) {
		missed->over_rate++;
		return 0;
	}
	len = frame_len(ctx, tc, p);
	if (len > c->snaplen)
		len = c->snaplen;
	if (len <= RECORD_SMALL)
		room = record_within(ctx, tc, c, p, v, observed, len, RECORD_SMALL);
	else if (len <= RECORD_MIDDLE)
		room = record_within(ctx, tc, c, p, v, observed, len, RECORD_MIDDLE);
	else
		room = record_within(ctx, tc, c, p, v, observed, len, SYNSHIELD_SNAPLEN_MAX);
	if (!room)
		missed->no_room++;
	return 0;
}

/* Before the packet is turned into its answer. */
__noinline int capture_frame(struct xdp_md *ctx, const struct packet *p, verdict v, bool observed)
{
	return capture_any(ctx, false, p, v, observed);
}

__noinline int capture_skb(struct __sk_buff *skb, const struct packet *p, verdict v)
{
	return capture_any(skb, true, p, v, false);
}

#endif
