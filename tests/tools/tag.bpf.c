/* SPDX-License-Identifier: GPL-2.0-only */
/* What a VLAN device does to frames, for kernels that have none. */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "tag.h"

#define ETH_P_8021Q 0x8100
#define TC_ACT_UNSPEC (-1)

const volatile __u16 vlan = 0;

SEC("tc")
int push(struct __sk_buff *skb)
{
	bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), vlan);
	return TC_ACT_UNSPEC;
}

/* The stack takes the frame as if the VLAN device had received it. */
SEC("tc")
int pop(struct __sk_buff *skb)
{
	if (skb->vlan_present && (skb->vlan_tci & TAG_VLAN_MASK) == vlan)
		bpf_skb_vlan_pop(skb);
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "GPL";
