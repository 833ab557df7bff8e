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
static __always_inline void copy_template(void *frame)
{
	__u32 i;

#pragma unroll
	for (i = 0; i < FLOOD_FRAME_WORDS; i++) {
		if (i * 8 + 8 <= cfg.frame_len)
			((__u64 *)frame)[i] = cfg.frame.word[i];
		else if (i * 8 < cfg.frame_len)
			break;
	}
#pragma unroll
	for (i = 0; i < FLOOD_FRAME_MAX / 2; i++) {
		if (i * 2 >= (cfg.frame_len & ~7U) && i * 2 < cfg.frame_len)
			((__u16 *)frame)[i] = cfg.frame.half[i];
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

static __always_inline __u64 put_source(void *frame)
{
	__u32 *addr = frame + cfg.addr_off;
	__u64 sum = 0;
	__u32 i, word;

#pragma unroll
	for (i = 0; i < FLOOD_ADDR_WORDS; i++) {
		if (i >= cfg.addr_words)
			break;
		word = cfg.addr_base[i];
		if (cfg.addr_random[i])
			word |= (__u32)(random64() >> 32) & cfg.addr_random[i];
		addr[i] = word;
		sum += word;
	}
	return sum;
}

static __always_inline __u64 put_ports_and_numbers(void *frame)
{
	__u64 numbers = random64(), more;
	__u16 port = bpf_htons(cfg.port_base + ((numbers >> 48) * cfg.port_span >> 16));
	__u64 sum = port;

	*(__u16 *)(frame + cfg.l4_off) = port;
	if (cfg.seq_off) {
		*(__u32 *)(frame + cfg.seq_off) = (__u32)numbers;
		sum += (__u32)numbers;
	}
	if (cfg.ack_off) {
		more = random64();
		*(__u32 *)(frame + cfg.ack_off) = (__u32)more;
		sum += (__u32)more;
	}
	if (cfg.ts_off) {
		more = random64();
		*(__u32 *)(frame + cfg.ts_off) = (__u32)more;
		sum += (__u32)more;
		if (cfg.random_tsecr) {
			*(__u32 *)(frame + cfg.ts_off + 4) = more >> 32;
			sum += more >> 32;
		}
	}
	return sum;
}

SEC("xdp")
int flood(struct xdp_md *ctx)
{
	void *frame = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u64 source, numbers;

	if (frame + cfg.frame_len > end || !take_token())
		return XDP_DROP;

	copy_template(frame);
	source = put_source(frame);
	numbers = put_ports_and_numbers(frame);
	if (cfg.ip_csum_off)
		*(__u16 *)(frame + cfg.ip_csum_off) = fold(cfg.ip_sum + source);
	*(__u16 *)(frame + cfg.l4_csum_off) = fold(cfg.l4_sum + source + numbers) ?: 0xffff;
	sent++;
	return XDP_TX;
}

char _license[] SEC("license") = "GPL";
