/* SPDX-License-Identifier: GPL-2.0-only */
/* Turns each live frame of a test run into one packet of the flood, or drops it to keep the pace.
 */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "flood.h"

#define NSEC_PER_SEC 1000000000ULL

const volatile struct flood_config cfg = {};

__u64 sent;
__u64 sent_of[FLOOD_PARTS_MAX];
__u64 tokens;
__u64 refilled_at;
__u64 seed;

/* splitmix64: one multiply chain per 64 bits, and any seed is a good one. */
static __always_inline __u64 random64(void)
{
	__u64 x = (seed += 0x9e3779b97f4a7c15ULL);

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

/* The clock is read only when the bucket is empty. */
static __always_inline bool take_token(void)
{
	__u64 now, earned;

	if (cfg.count && sent >= cfg.count)
		return false;
	if (!cfg.rate)
		return true;
	if (tokens) {
		tokens--;
		return true;
	}
	now = bpf_ktime_get_ns();
	if (!refilled_at || now - refilled_at > NSEC_PER_SEC)
		refilled_at = now;
	earned = (now - refilled_at) * cfg.rate / NSEC_PER_SEC;
	if (!earned)
		return false;
	refilled_at += earned * NSEC_PER_SEC / cfg.rate;
	tokens = (earned < cfg.burst ? earned : cfg.burst) - 1;
	return true;
}

/*
 * Whole, because a recycled frame comes back as the receiver left it. Every field of the
 * configuration is a constant to the verifier: what does not apply is not even translated.
 */
static __always_inline void copy_template(void *frame, const volatile struct flood_template *t)
{
	__u32 i;

#pragma unroll
	for (i = 0; i < FLOOD_FRAME_WORDS; i++) {
		if (i * 8 + 8 <= t->frame_len)
			((__u64 *)frame)[i] = t->frame.word[i];
		else if (i * 8 < t->frame_len)
			break;
	}
#pragma unroll
	for (i = 0; i < FLOOD_FRAME_MAX / 2; i++) {
		if (i * 2 >= (t->frame_len & ~7U) && i * 2 < t->frame_len)
			((__u16 *)frame)[i] = t->frame.half[i];
	}
}

static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __always_inline __u64 put_source(void *frame, const volatile struct flood_template *t)
{
	__u32 *addr = frame + t->addr_off;
	__u64 sum = 0;
	__u32 i, word;

#pragma unroll
	for (i = 0; i < FLOOD_ADDR_WORDS; i++) {
		if (i >= t->addr_words)
			break;
		word = cfg.addr_base[i];
		if (cfg.addr_random[i])
			word |= (__u32)(random64() >> 32) & cfg.addr_random[i];
		addr[i] = word;
		sum += word;
	}
	return sum;
}

static __always_inline __u64 put_timestamps(void *frame, const volatile struct flood_template *t)
{
	__u64 random = random64();
	__u64 sum = (__u32)random;

	*(__u32 *)(frame + t->ts_off) = (__u32)random;
	if (t->random_tsecr) {
		*(__u32 *)(frame + t->ts_off + 4) = random >> 32;
		sum += random >> 32;
	}
	return sum;
}

static __always_inline __u64 put_ports_and_numbers(void *frame,
						   const volatile struct flood_template *t)
{
	__u64 numbers = random64(), sum = 0;
	__u16 port = bpf_htons(cfg.port_base + ((numbers >> 48) * cfg.port_span >> 16));
	__u32 ack;

	if (t->port_off) {
		*(__u16 *)(frame + t->port_off) = port;
		sum += port;
	}
	if (t->seq_off) {
		*(__u32 *)(frame + t->seq_off) = (__u32)numbers;
		sum += (__u32)numbers;
	}
	if (t->ack_off) {
		ack = random64() >> 32;
		*(__u32 *)(frame + t->ack_off) = ack;
		sum += ack;
	}
	if (t->ts_off)
		sum += put_timestamps(frame, t);
	return sum;
}

/* Each fragment is of a datagram of its own. */
static __always_inline __u64 put_ip_id(void *frame, const volatile struct flood_template *t)
{
	__u16 id = random64() >> 48;

	*(__u16 *)(frame + t->ip_id_off) = id;
	return id;
}

/*
 * The frames of a test run are longer than any part: cutting them is what sets their length anew,
 * for one comes back as short as the answer that the receiver made of it.
 */
static __always_inline int send(struct xdp_md *ctx, const volatile struct flood_template *t)
{
	__u32 surplus = cfg.frame_len - t->frame_len;
	__u64 source, numbers, id = 0;
	void *frame;

	if (bpf_xdp_adjust_tail(ctx, -(int)surplus))
		return XDP_ABORTED;
	frame = (void *)(long)ctx->data;
	if (frame + t->frame_len > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	copy_template(frame, t);
	source = put_source(frame, t);
	numbers = put_ports_and_numbers(frame, t);
	if (t->ip_id_off)
		id = put_ip_id(frame, t);
	if (t->ip_csum_off)
		*(__u16 *)(frame + t->ip_csum_off) = fold(t->ip_sum + source + id);
	if (t->l4_csum_off)
		*(__u16 *)(frame + t->l4_csum_off) = fold(t->l4_sum + source + numbers) ?: 0xffff;
	return XDP_TX;
}

static __always_inline __u32 pick_part(void)
{
	return cfg.parts > 1 ? (random64() >> 32) * cfg.parts >> 32 : 0;
}

SEC("xdp")
int flood(struct xdp_md *ctx)
{
	__u32 i, part;

	if (!take_token())
		return XDP_DROP;
	part = pick_part();
#pragma unroll
	for (i = 0; i < FLOOD_PARTS_MAX; i++) {
		if (i >= cfg.parts)
			break;
		if (i != part)
			continue;
		sent++;
		sent_of[i]++;
		return send(ctx, &cfg.part[i]);
	}
	return XDP_ABORTED;
}

char _license[] SEC("license") = "GPL";
