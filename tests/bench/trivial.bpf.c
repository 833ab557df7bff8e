/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The limits of the wire: what a flood costs a program that does no more than answer, refuse or
 * pass it.  All else they leave to the kernel, so that clients are served beside a flood.
 */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd

/* Where floods come from: lib.sh's FLOOD4 and FLOOD6. */
#define FLOOD4 0xc6120000 /* 198.18.0.0/15 */
#define FLOOD4_MASK 0xfffe0000
#define FLOOD6 0xfd660000 /* fd66::/32 */

struct ports {
	__be16 source, dest;
};

static __always_inline void swap_stations(struct ethhdr *eth)
{
	__u8 station[6];

	__builtin_memcpy(station, eth->h_dest, 6);
	__builtin_memcpy(eth->h_dest, eth->h_source, 6);
	__builtin_memcpy(eth->h_source, station, 6);
}

static __always_inline void swap_ports(struct ports *ports)
{
	__be16 port = ports->source;

	ports->source = ports->dest;
	ports->dest = port;
}

/* The flood's IP header, and its ports behind it; NULL: it is none of it.  Sets `ipv6`. */
static __always_inline void *flood_header(struct xdp_md *ctx, bool *ipv6)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);
	struct ipv6hdr *ip6 = (void *)ip;

	if ((void *)(ip + 1) + sizeof(struct ports) > end)
		return NULL;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return (bpf_ntohl(ip->saddr) & FLOOD4_MASK) == FLOOD4 ? ip : NULL;
	if (eth->h_proto != bpf_htons(ETH_P_IPV6) || (void *)(ip6 + 1) + sizeof(struct ports) > end)
		return NULL;
	*ipv6 = true;
	return ip6->saddr.in6_u.u6_addr32[0] == bpf_htonl(FLOOD6) ? ip6 : NULL;
}

/* Addresses and ports exchanged: the checksums stay right. */
SEC("xdp.frags")
int swap(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + sizeof(struct ethhdr);
	struct ipv6hdr *ip6 = (void *)ip;
	struct in6_addr addr6;
	bool ipv6 = false;
	__be32 addr;

	if (!flood_header(ctx, &ipv6))
		return XDP_PASS;
	if (ipv6) {
		if ((void *)(ip6 + 1) + sizeof(struct ports) > end)
			return XDP_PASS;
		addr6 = ip6->saddr;
		ip6->saddr = ip6->daddr;
		ip6->daddr = addr6;
		swap_ports((void *)(ip6 + 1));
	} else {
		if ((void *)(ip + 1) + sizeof(struct ports) > end)
			return XDP_PASS;
		addr = ip->saddr;
		ip->saddr = ip->daddr;
		ip->daddr = addr;
		swap_ports((void *)(ip + 1));
	}
	swap_stations(data);
	return XDP_TX;
}

SEC("xdp.frags")
int drop(struct xdp_md *ctx)
{
	bool ipv6 = false;

	return flood_header(ctx, &ipv6) ? XDP_DROP : XDP_PASS;
}

SEC("xdp.frags")
int pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
