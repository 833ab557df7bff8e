/* SPDX-License-Identifier: GPL-2.0-only */
/* The far end of the wire: absorbs and counts what is sent to addresses nobody has. */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "sink.h"

#define AF_INET 2
#define AF_INET6 10
#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define ETH_P_8021Q 0x8100
#define ETH_P_8021AD 0x88a8

const volatile __u32 mode = SINK_PASS;
const volatile struct sink_prefix prefixes[SINK_PREFIXES] = {};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SINK_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct packet {
	__u32 family;
	__u32 dst[4];
	__u8 protocol;
	struct tcphdr *tcp;
};

static __always_inline void count(__u32 counter, __u64 by)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		*value += by;
}

static __always_inline void *skip_tags(void *data, void *end, __be16 *type)
{
	struct ethhdr *eth = data;
	void *at = eth + 1;
	int i;

	if (at > end)
		return NULL;
	*type = eth->h_proto;
#pragma unroll
	for (i = 0; i < 2; i++) {
		struct vlan_hdr *tag = at;

		if (*type != bpf_htons(ETH_P_8021Q) && *type != bpf_htons(ETH_P_8021AD))
			break;
		if ((void *)(tag + 1) > end)
			return NULL;
		*type = tag->h_vlan_encapsulated_proto;
		at = tag + 1;
	}
	return at;
}

static __always_inline bool parse(void *data, void *end, struct packet *pkt)
{
	__be16 type = 0;
	void *at = skip_tags(data, end, &type);

	if (!at)
		return false;
	if (type == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = at;

		if ((void *)(ip + 1) > end)
			return false;
		pkt->family = AF_INET;
		pkt->dst[0] = ip->daddr;
		pkt->protocol = ip->protocol;
		at += ip->ihl * 4;
	} else if (type == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = at;

		if ((void *)(ip + 1) > end)
			return false;
		pkt->family = AF_INET6;
		__builtin_memcpy(pkt->dst, &ip->daddr, sizeof(pkt->dst));
		pkt->protocol = ip->nexthdr;
		at = ip + 1;
	} else {
		return false;
	}
	pkt->tcp = at;
	return true;
}

static __always_inline bool wanted(const struct packet *pkt)
{
	int i;

#pragma unroll
	for (i = 0; i < SINK_PREFIXES; i++) {
		if (prefixes[i].family != pkt->family)
			continue;
		if ((pkt->dst[0] & prefixes[i].mask[0]) != prefixes[i].addr[0])
			continue;
		if (pkt->family == AF_INET)
			return true;
		if ((pkt->dst[1] & prefixes[i].mask[1]) == prefixes[i].addr[1] &&
		    (pkt->dst[2] & prefixes[i].mask[2]) == prefixes[i].addr[2] &&
		    (pkt->dst[3] & prefixes[i].mask[3]) == prefixes[i].addr[3])
			return true;
	}
	return false;
}

static __always_inline int absorb(void *data, void *end)
{
	struct packet pkt = {};
	__u32 kind = SINK_OTHER;

	if (!parse(data, end, &pkt) || !wanted(&pkt))
		return XDP_PASS;
	if (pkt.protocol == 6 && (void *)(pkt.tcp + 1) <= end) {
		if (pkt.tcp->rst)
			kind = SINK_RST;
		else if (pkt.tcp->syn && pkt.tcp->ack)
			kind = SINK_SYNACK;
	}
	count(kind, 1);
	count(SINK_ABSORBED, 1);
	return XDP_DROP;
}

static __always_inline int swap(void *data, void *end)
{
	struct ethhdr *eth = data;
	__u8 mac[6];

	if ((void *)(eth + 1) > end)
		return XDP_DROP;
	__builtin_memcpy(mac, eth->h_dest, sizeof(mac));
	__builtin_memcpy(eth->h_dest, eth->h_source, sizeof(mac));
	__builtin_memcpy(eth->h_source, mac, sizeof(mac));
	return XDP_TX;
}

SEC("xdp")
int sink(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;

	count(SINK_PACKETS, 1);
	count(SINK_BYTES, end - data);
	switch (mode) {
	case SINK_ABSORB:
		return absorb(data, end);
	case SINK_SWAP:
		return swap(data, end);
	case SINK_DROP:
		return XDP_DROP;
	default:
		return XDP_PASS;
	}
}

char _license[] SEC("license") = "GPL";
