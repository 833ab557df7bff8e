/* SPDX-License-Identifier: GPL-2.0-only */
#include "maps.h"

char LICENSE[] SEC("license") = "GPL";

SEC("xdp.frags")
int synshield_xdp(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("tc")
int synshield_in(struct __sk_buff *skb)
{
	return TC_ACT_UNSPEC;
}

SEC("tc")
int synshield_out(struct __sk_buff *skb)
{
	return TC_ACT_UNSPEC;
}
