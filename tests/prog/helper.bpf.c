/* SPDX-License-Identifier: GPL-2.0-only */
/* Feeds the shield random ACKs at full speed, and tells what time it is to BPF. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

__u64 now;
__u32 source_at; /* two bytes of the source address that may be anything */
__u32 tcp_at;
__u32 tsecr_at; /* 0: no timestamps */

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} shield SEC(".maps");

static __always_inline void randomise(struct xdp_md *ctx, __u32 at)
{
	__u32 word = bpf_get_prandom_u32();

	bpf_xdp_store_bytes(ctx, at, &word, sizeof(word));
}

SEC("xdp.frags")
int random_ack(struct xdp_md *ctx)
{
	__u16 port = bpf_get_prandom_u32() | 1, host = bpf_get_prandom_u32();

	bpf_xdp_store_bytes(ctx, source_at, &host, sizeof(host));
	bpf_xdp_store_bytes(ctx, tcp_at, &port, sizeof(port));
	randomise(ctx, tcp_at + 4);
	randomise(ctx, tcp_at + 8);
	if (tsecr_at)
		randomise(ctx, tsecr_at);
	bpf_tail_call(ctx, &shield, 0);
	return XDP_ABORTED;
}

SEC("xdp.frags")
int read_clock(struct xdp_md *ctx)
{
	now = bpf_jiffies64();
	return XDP_PASS;
}
