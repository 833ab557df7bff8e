/* SPDX-License-Identifier: GPL-2.0-only */
/* One SYN after another, each from another source, into a program that may turn it into its answer.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "cost.h"

char LICENSE[] SEC("license") = "GPL";

__u8 frame[COST_FRAME];
__u32 source_base, source_random; /* network order */

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} subject SEC(".maps");

static __always_inline bool renew(struct xdp_md *ctx)
{
	__u32 source = source_base | (bpf_get_prandom_u32() & source_random);
	__u32 seq = bpf_get_prandom_u32();
	__u16 port = bpf_get_prandom_u32() | 1;
	long excess = (long)bpf_xdp_get_buff_len(ctx) - COST_FRAME;

	if (excess && bpf_xdp_adjust_tail(ctx, -excess))
		return false;
	return !bpf_xdp_store_bytes(ctx, 0, frame, sizeof(frame)) &&
	       !bpf_xdp_store_bytes(ctx, COST_SOURCE, &source, sizeof(source)) &&
	       !bpf_xdp_store_bytes(ctx, COST_PORT, &port, sizeof(port)) &&
	       !bpf_xdp_store_bytes(ctx, COST_SEQ, &seq, sizeof(seq));
}

SEC("xdp.frags")
int with_subject(struct xdp_md *ctx)
{
	if (renew(ctx))
		bpf_tail_call(ctx, &subject, 0);
	return XDP_ABORTED;
}

/* What the frames themselves cost. */
SEC("xdp.frags")
int alone(struct xdp_md *ctx)
{
	return renew(ctx) ? XDP_PASS : XDP_ABORTED;
}
