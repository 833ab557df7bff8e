/* SPDX-License-Identifier: GPL-2.0-only */
/* Turns a received segment into the answer to it, in place. */
#ifndef REPLY_H
#define REPLY_H

#include "listener.h"

#define REPLY_OPTION_WORDS_MAX 5

/* What the answer says beside what mirrors the segment; host byte order but for the options. */
struct reply {
	__u32 seq, ack;
	__u16 window;
	__u8 flags, hops;
	__u8 option_words;
	__be32 option[REPLY_OPTION_WORDS_MAX];
};

/* Options in the kernel's own order and padding. */
static __always_inline void write_options(struct reply *r, __u16 mss, __u8 wscale,
					  const struct handshake *h, __u32 tsval)
{
	__be32 scale = bpf_htonl(WORD_WSCALE | wscale);
	bool scaled = h->wscale != WSCALE_NONE;

	r->option[0] = bpf_htonl(WORD_MSS | mss);
	if (h->timestamp) {
		r->option[1] = bpf_htonl(h->sack ? WORD_SACK_TIMESTAMP : WORD_TIMESTAMP);
		r->option[2] = bpf_htonl(tsval);
		r->option[3] = bpf_htonl(h->tsval);
		r->option[4] = scaled ? scale : 0;
		r->option_words = scaled ? 5 : 4;
	} else if (h->sack) {
		r->option[1] = bpf_htonl(WORD_SACK);
		r->option[2] = scaled ? scale : 0;
		r->option_words = scaled ? 3 : 2;
	} else {
		r->option[1] = scaled ? scale : 0;
		r->option_words = scaled ? 2 : 1;
	}
}

/* Of at most 32 words of 32 bits. */
static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~((sum & 0xffff) + (sum >> 16));
}

static __always_inline __u64 sum_address(const __u8 addr[16], bool ipv6)
{
	const __u32 *w = (const __u32 *)addr;

	return ipv6 ? (__u64)w[0] + w[1] + w[2] + w[3] : w[3];
}

static __always_inline void swap_stations(struct ethhdr *eth)
{
	__u32 *dest = (__u32 *)eth->h_dest, *source = (__u32 *)eth->h_source;
	__u16 *dest_end = (__u16 *)(eth->h_dest + 4), *source_end = (__u16 *)(eth->h_source + 4);
	__u32 was = *dest;
	__u16 was_end = *dest_end;

	*dest = *source;
	*dest_end = *source_end;
	*source = was;
	*source_end = was_end;
}

static __always_inline void write_ipv4(struct iphdr *ip, const struct packet *p, __u8 hops,
				       __u32 tcp_len)
{
	__u32 *w = (__u32 *)ip;

	w[0] = bpf_htonl(0x45000000 | (sizeof(*ip) + tcp_len));
	w[1] = bpf_htonl(0x00004000); /* DF */
	w[2] = bpf_htonl((__u32)hops << 24 | IPPROTO_TCP << 16);
	w[3] = mapped_ipv4(p->tuple.local);
	w[4] = mapped_ipv4(p->tuple.remote);
	ip->check = fold((__u64)w[0] + w[1] + w[2] + w[3] + w[4]);
}

static __always_inline void write_ipv6(struct ipv6hdr *ip, const struct packet *p, __u8 hops,
				       __u32 tcp_len)
{
	__u32 *w = (__u32 *)ip;

	w[0] = bpf_htonl(0x60000000);
	w[1] = bpf_htonl(tcp_len << 16 | IPPROTO_TCP << 8 | hops);
	memcpy(&ip->saddr, p->tuple.local, 16);
	memcpy(&ip->daddr, p->tuple.remote, 16);
}

static __always_inline void write_tcp(__be32 *w, const struct packet *p, const struct reply *r,
				      __u32 tcp_len)
{
	__u64 sum;

	w[0] = bpf_htonl((__u32)p->tuple.local_port << 16 | p->tuple.remote_port);
	w[1] = bpf_htonl(r->seq);
	w[2] = bpf_htonl(r->ack);
	w[3] = bpf_htonl(tcp_len / 4 << 28 | (__u32)r->flags << 16 | r->window);
	sum = sum_address(p->tuple.local, p->ipv6) + sum_address(p->tuple.remote, p->ipv6) +
	      bpf_htonl(IPPROTO_TCP) + bpf_htonl(tcp_len) + w[0] + w[1] + w[2] + w[3];
#pragma unroll
	for (int i = 0; i < REPLY_OPTION_WORDS_MAX; i++)
		sum += r->option[i];
	w[4] = fold(sum);
}

static __always_inline void write_option_words(__be32 *w, void *end, const struct reply *r)
{
	if (likely(r->option_words == REPLY_OPTION_WORDS_MAX) &&
	    (void *)(w + REPLY_OPTION_WORDS_MAX) <= end) {
		memcpy(w, r->option, sizeof(r->option));
		return;
	}
#pragma unroll
	for (int i = 0; i < REPLY_OPTION_WORDS_MAX; i++) {
		if (i >= r->option_words || (void *)(w + i + 1) > end)
			return;
		w[i] = r->option[i];
	}
}

static __always_inline __u32 reply_len(const struct reply *r)
{
	return TCP_HEADER_MIN + r->option_words * 4;
}

/* Makes the packet as long as its reply will be.  0, or negative: it is as it was. */
static __always_inline int fit_reply(struct xdp_md *ctx, const struct packet *p,
				     const struct reply *r)
{
	__u32 ip_len = p->ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	int grow = (int)(p->l3 + ip_len + reply_len(r)) - (int)p->frame_len;

	return unlikely(grow != 0) && bpf_xdp_adjust_tail(ctx, grow) ? -1 : 0;
}

/* The packet fits.  0; what else there is, only the verifier thinks of. */
static __always_inline int write_reply(struct xdp_md *ctx, const struct packet *p,
				       const struct reply *r)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	void *ip = data + (p->l3 & 0x3f);
	__u32 tcp_len = reply_len(r);
	__be32 *tcp;

	if (data + sizeof(struct ethhdr) > end)
		return -1;
	if (p->ipv6) {
		tcp = ip + sizeof(struct ipv6hdr);
		if ((void *)(tcp + 5) > end)
			return -1;
		write_ipv6(ip, p, r->hops, tcp_len);
	} else {
		tcp = ip + sizeof(struct iphdr);
		if ((void *)(tcp + 5) > end)
			return -1;
		write_ipv4(ip, p, r->hops, tcp_len);
	}
	write_tcp(tcp, p, r, tcp_len);
	write_option_words(tcp + 5, end, r);
	swap_stations(data);
	return 0;
}

#endif
