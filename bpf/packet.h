/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packet dissection.  A packet is walked once, front to back; what later steps
 * need is kept in struct packet by value, so that no packet pointer outlives a
 * helper that may move the packet.
 */
#ifndef PACKET_H
#define PACKET_H

#include "bpf.h"

#define VLAN_TAGS_MAX 2	   /* QinQ */
#define IPV6_HEADERS_MAX 6 /* extension headers walked at most */

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_ACK 0x10
#define TCP_URG 0x20
#define TCP_ECE 0x40
#define TCP_CWR 0x80

/* IPv6 extension headers that IPPROTO_* of BTF lacks */
#define IPV6_HOP_BY_HOP 0
#define IPV6_ROUTING 43
#define IPV6_FRAGMENT 44
#define IPV6_DESTINATION 60

#define IPV4_MF 0x2000
#define IPV4_OFFSET 0x1fff

/* The fragment header's second half. */
#define IPV6_MF 0x0001
#define IPV6_OFFSET 0xfff8

#define TCP_HEADER_MIN 20
#define TCP_OPTIONS_MAX 40

/* What a step of the dissection found; only PARSED goes on. */
enum parsed {
	PARSED,
	PARSED_NOT_TCP,
	PARSED_FRAGMENT,
	PARSED_BAD_FRAGMENT,
	PARSED_OTHER_STATION,
	PARSED_BEYOND_REACH,
	PARSED_BAD_IP,
	PARSED_BAD_TCP,
};

struct packet {
	struct synshield_tuple tuple ALIGNED_8; /* remote is the sender */
	__u32 seq, ack;				/* host byte order */
	__u32 frame_len;			/* bytes, of a received frame */
	__u16 l3, l4;				/* offsets of the IP and TCP headers */
	__u16 segment_len;   /* TCP header and payload, bytes, from the IP header */
	__u8 tcp_header_len; /* bytes; 0 until the TCP header was seen whole */
	__u8 flags;	     /* TCP_* */
	__u8 vlan_tags;
	bool ipv6;
	bool ect; /* IP header marks it ECN-capable (RFC 3168) */
};

struct cursor {
	void *data, *pos, *end;
	bool more; /* the packet goes on past `end`, where only helpers reach */
};

static __always_inline enum parsed truncated(const struct cursor *c, enum parsed bad)
{
	return c->more ? PARSED_BEYOND_REACH : bad;
}

struct vlan_header {
	__be16 tci, proto;
};

static __always_inline bool is_for(const struct ethhdr *eth, const __u8 *station)
{
	return *(__u32 *)eth->h_dest == *(__u32 *)station &&
	       *(__u16 *)(eth->h_dest + 4) == *(__u16 *)(station + 4);
}

static __always_inline enum parsed parse_tags(struct cursor *c, struct packet *p, __be16 *proto)
{
#pragma unroll
	for (int i = 0; i < VLAN_TAGS_MAX; i++) {
		struct vlan_header *vlan = c->pos;

		if (likely(*proto != bpf_htons(ETH_P_8021Q) && *proto != bpf_htons(ETH_P_8021AD)))
			break;
		if ((void *)(vlan + 1) > c->end)
			return PARSED_NOT_TCP;
		*proto = vlan->proto;
		c->pos = vlan + 1;
		p->vlan_tags++;
	}
	return PARSED;
}

static __always_inline void map_ipv4(__u8 addr[16], __be32 ipv4)
{
	__u64 *words = (__u64 *)addr;

	words[0] = 0;
	words[1] = PAIR_OF_32(bpf_htonl(0xffff), ipv4);
}

static __always_inline __be32 mapped_ipv4(const __u8 addr[16])
{
	return ((const __u32 *)addr)[3];
}

static __always_inline void take_ports(struct packet *p, const struct tcphdr *tcp)
{
	*(__u32 *)&p->tuple.remote_port = PAIR_OF_16(bpf_ntohs(tcp->source), bpf_ntohs(tcp->dest));
}

/* Bytes of the frame from the IP header on, as far as `end` can tell. */
static __always_inline __u32 l3_bytes(const struct cursor *c, const void *l3)
{
	return c->more ? 0xffff : (__u32)(c->end - l3);
}

/*
 * The cursor is at the TCP header, of which the fragment has p->segment_len bytes.
 * No sender makes one that ends before the flags (RFC 1858, RFC 7112), or cuts a SYN.
 */
static __always_inline enum parsed parse_first_fragment(struct cursor *c, struct packet *p)
{
	struct tcphdr *tcp = c->pos;

	if (p->segment_len < sizeof(*tcp))
		return PARSED_BAD_FRAGMENT;
	if ((void *)(tcp + 1) > c->end)
		return truncated(c, PARSED_BAD_FRAGMENT);
	take_ports(p, tcp);
	return ((__u8 *)tcp)[13] & TCP_SYN ? PARSED_BAD_FRAGMENT : PARSED_FRAGMENT;
}

static __always_inline enum parsed parse_ipv4(struct cursor *c, struct packet *p)
{
	struct iphdr *ip = c->pos;
	__u32 header_len, total_len, fragment;

	if ((void *)(ip + 1) > c->end)
		return truncated(c, PARSED_BAD_IP);
	header_len = ip->ihl * 4;
	total_len = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || header_len < sizeof(*ip) || total_len < header_len ||
	    total_len > l3_bytes(c, ip))
		return PARSED_BAD_IP;
	if (ip->protocol != IPPROTO_TCP)
		return PARSED_NOT_TCP;
	map_ipv4(p->tuple.remote, ip->saddr);
	map_ipv4(p->tuple.local, ip->daddr);
	p->ect = ip->tos & 3;
	p->segment_len = total_len - header_len;
	c->pos += header_len;
	fragment = bpf_ntohs(ip->frag_off) & (IPV4_MF | IPV4_OFFSET);
	if (likely(!fragment)) /* DF is none */
		return PARSED;
	if (!(fragment & IPV4_OFFSET))
		return parse_first_fragment(c, p);
	/* at offset 8 it would overwrite the flags (RFC 3128) */
	return (fragment & IPV4_OFFSET) == 1 ? PARSED_BAD_FRAGMENT : PARSED_FRAGMENT;
}

/* How extension headers begin (RFC 8200 section 4); each has 8 bytes at least. */
struct ipv6_extension {
	__u8 next, len;
	union {
		struct {
			__u8 routing_type, segments_left;
		};
		__be16 fragment; /* offset and MF */
	};
};

static __always_inline bool is_extension(__u8 next)
{
	return next == IPV6_HOP_BY_HOP || next == IPV6_ROUTING || next == IPV6_DESTINATION ||
	       next == IPV6_FRAGMENT;
}

/* `fragment`: set if this is the first of several. */
static __always_inline enum parsed parse_ipv6_extensions(struct cursor *c, __u8 next, __u32 *left,
							 bool *fragment)
{
#pragma unroll
	for (int i = 0; i < IPV6_HEADERS_MAX; i++) {
		struct ipv6_extension *ext = c->pos;
		__u32 len;

		if (likely(next == IPPROTO_TCP))
			return PARSED;
		if (!is_extension(next))
			return PARSED_NOT_TCP;
		if ((void *)(ext + 1) > c->end)
			return truncated(c, PARSED_BAD_IP);
		len = next == IPV6_FRAGMENT ? 8 : (ext->len + 1) * 8;
		if (len > *left)
			return PARSED_BAD_IP;
		if (next == IPV6_ROUTING && ext->segments_left)
			return PARSED_NOT_TCP; /* for another host */
		if (next == IPV6_FRAGMENT) {
			if (ext->fragment & bpf_htons(IPV6_OFFSET))
				return ext->next == IPPROTO_TCP ? PARSED_FRAGMENT : PARSED_NOT_TCP;
			/* without MF it is all there is (RFC 6946) */
			*fragment |= ext->fragment & bpf_htons(IPV6_MF);
		}
		*left -= len;
		next = ext->next;
		c->pos += len;
	}
	if (next == IPPROTO_TCP)
		return PARSED;
	return is_extension(next) ? PARSED_BEYOND_REACH : PARSED_NOT_TCP;
}

static __always_inline enum parsed parse_ipv6(struct cursor *c, struct packet *p)
{
	struct ipv6hdr *ip = c->pos;
	bool fragment = false;
	enum parsed step;
	__u32 left;

	if ((void *)(ip + 1) > c->end)
		return truncated(c, PARSED_BAD_IP);
	left = bpf_ntohs(ip->payload_len);
	if (ip->version != 6 || left + sizeof(*ip) > l3_bytes(c, ip))
		return PARSED_BAD_IP;
	memcpy(p->tuple.remote, &ip->saddr, 16);
	memcpy(p->tuple.local, &ip->daddr, 16);
	p->ipv6 = true;
	p->ect = ip->flow_lbl[0] >> 4 & 3;
	c->pos = ip + 1;
	step = parse_ipv6_extensions(c, ip->nexthdr, &left, &fragment);
	p->segment_len = left;
	return step == PARSED && fragment ? parse_first_fragment(c, p) : step;
}

static __always_inline enum parsed parse_tcp(struct cursor *c, struct packet *p)
{
	struct tcphdr *tcp = c->pos;
	__u32 header_len;

	if (p->segment_len < sizeof(*tcp))
		return PARSED_BAD_TCP;
	if ((void *)(tcp + 1) > c->end)
		return truncated(c, PARSED_BAD_TCP);
	header_len = tcp->doff * 4;
	take_ports(p, tcp);
	p->seq = bpf_ntohl(tcp->seq);
	p->ack = bpf_ntohl(tcp->ack_seq);
	p->flags = ((__u8 *)tcp)[13];
	if (header_len < sizeof(*tcp) || header_len > p->segment_len)
		return PARSED_BAD_TCP;
	if (c->pos + header_len > c->end)
		return truncated(c, PARSED_BAD_TCP);
	p->tcp_header_len = header_len;
	return PARSED;
}

/* From the cursor on, which is behind the Ethernet header; proto is what that announced. */
static __always_inline enum parsed parse_packet(struct cursor *c, struct packet *p, __be16 proto)
{
	enum parsed step = parse_tags(c, p, &proto);

	if (step != PARSED)
		return step;
	p->l3 = c->pos - c->data;
	if (proto == bpf_htons(ETH_P_IP))
		step = parse_ipv4(c, p);
	else if (proto == bpf_htons(ETH_P_IPV6))
		step = parse_ipv6(c, p);
	else
		step = PARSED_NOT_TCP;
	if (step != PARSED)
		return step;
	p->l4 = c->pos - c->data;
	return parse_tcp(c, p);
}

struct station {
	__u8 mac[6];
};

/*
 * The dissections are functions of their own to the verifier: what follows is then
 * checked once, not once for each way through the headers.  They return an enum
 * parsed.  `station` is the interface's MAC address.
 */
__noinline int dissect_frame(struct xdp_md *ctx, const struct station *station, struct packet *p)
{
	struct cursor c = {
		.data = (void *)(long)ctx->data,
		.pos = (void *)(long)ctx->data,
		.end = (void *)(long)ctx->data_end,
	};
	struct ethhdr *eth = c.pos;

	if (!station || !p || (void *)(eth + 1) > c.end)
		return PARSED_NOT_TCP;
	if (!is_for(eth, station->mac))
		return PARSED_OTHER_STATION;
	p->frame_len = bpf_xdp_get_buff_len(ctx);
	c.more = p->frame_len > (__u64)(c.end - c.data);
	c.pos = eth + 1;
	return parse_packet(&c, p, eth->h_proto);
}

/*
 * TC ingress after generic XDP may begin at the IP header (seen on Linux 6.18), with
 * nothing to tell but that the interface's MAC address is not there.
 */
__noinline int dissect_received(struct __sk_buff *skb, const struct station *station,
				struct packet *p)
{
	struct cursor c = {
		.data = (void *)(long)skb->data,
		.pos = (void *)(long)skb->data,
		.end = (void *)(long)skb->data_end,
	};
	struct ethhdr *eth = c.pos;

	if (!station || !p || (void *)(eth + 1) > c.end)
		return PARSED_NOT_TCP;
	c.more = skb->len > (__u64)(c.end - c.data);
	if (!is_for(eth, station->mac))
		return parse_packet(&c, p, skb->protocol);
	c.pos = eth + 1;
	return parse_packet(&c, p, eth->h_proto);
}

__noinline int dissect_sent(struct __sk_buff *skb, struct packet *p)
{
	struct cursor c = {
		.data = (void *)(long)skb->data,
		.pos = (void *)(long)skb->data,
		.end = (void *)(long)skb->data_end,
	};
	struct ethhdr *eth = c.pos;

	if (!p || (void *)(eth + 1) > c.end)
		return PARSED_NOT_TCP;
	c.more = skb->len > (__u64)(c.end - c.data);
	c.pos = eth + 1;
	return parse_packet(&c, p, eth->h_proto);
}

/* RFC 9293 section 3.4: SYN and FIN count. */
static __always_inline __u32 seq_end(const struct packet *p)
{
	return p->seq + p->segment_len - p->tcp_header_len + !!(p->flags & TCP_SYN) +
	       !!(p->flags & TCP_FIN);
}

static __always_inline __u32 options_len(const struct packet *p)
{
	return p->tcp_header_len - TCP_HEADER_MIN;
}

static __always_inline bool is_mapped_ipv4(const __u8 addr[16])
{
	const __u32 *w = (const __u32 *)addr;

	return !w[0] && !w[1] && w[2] == bpf_htonl(0xffff);
}

static __always_inline bool ipv4_is_martian(__u32 addr)
{
	return addr == 0 || addr >> 24 == 127 || addr >> 28 == 14 || addr == 0xffffffff;
}

/* On the wire an IPv4-mapped address stands for nobody (RFC 4291 section 2.5.5.2). */
static __always_inline bool ipv6_is_martian(const struct synshield_tuple *t)
{
	const __u64 *remote = (const __u64 *)t->remote;

	return t->remote[0] == 0xff || (!remote[0] && bpf_be64_to_cpu(remote[1]) <= 1) ||
	       is_mapped_ipv4(t->remote) || is_mapped_ipv4(t->local);
}

/*
 * A source that the kernel takes nothing from: unspecified, loopback, multicast,
 * broadcast (RFC 1122 section 3.2.1.3, RFC 4291), or the destination itself (LAND).
 */
static __always_inline bool source_is_martian(const struct packet *p)
{
	const __u64 *remote = (const __u64 *)p->tuple.remote;
	const __u64 *local = (const __u64 *)p->tuple.local;

	if (remote[0] == local[0] && remote[1] == local[1])
		return true;
	return p->ipv6 ? ipv6_is_martian(&p->tuple)
		       : ipv4_is_martian(bpf_ntohl(mapped_ipv4(p->tuple.remote)));
}

/*
 * Every segment bears SYN, RST or ACK, and SYN neither FIN nor RST (RFC 9293
 * section 3.10.7); what does not is a scan or noise (null, FIN, Xmas).
 */
static __always_inline bool flags_are_valid(__u8 flags)
{
	if (!(flags & (TCP_SYN | TCP_RST | TCP_ACK)))
		return false;
	return !(flags & TCP_SYN && flags & (TCP_FIN | TCP_RST));
}

#endif
