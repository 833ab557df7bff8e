/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's own SYN cookies, for listeners that take no other: MPTCP, and
 * every listener of a kernel without bpf_sk_assign_tcp_reqsk() (before 6.9).
 */
#ifndef KERNEL_COOKIE_H
#define KERNEL_COOKIE_H

#include "listener.h"

struct header_bytes {
	__u8 ip[sizeof(struct ipv6hdr)];
	__u8 tcp[LOAD_MAX];
};

/* The helpers want both headers in memory, the TCP header with its options. */
static __always_inline int load_headers(struct xdp_md *ctx, const struct packet *p,
					struct header_bytes *h)
{
	__u32 ip_len = p->ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);

	memset(h, 0, sizeof(*h));
	if (bpf_xdp_load_bytes(ctx, p->l3, h->ip, ip_len))
		return -1;
	return bpf_xdp_load_bytes(ctx, p->l4, h->tcp, load_len(p->tcp_header_len));
}

/* The ISN, or negative: no cookie is due (the queue has room, or cookies are off). */
static __always_inline __s64 kernel_cookie_make(struct xdp_md *ctx, const struct packet *p,
						struct bpf_sock *listener)
{
	__u32 tcp_len = load_len(p->tcp_header_len);
	struct header_bytes h;
	__s64 made;

	if (load_headers(ctx, p, &h) || tcp_len < TCP_HEADER_MIN)
		return -1;
	made = bpf_tcp_gen_syncookie(listener, h.ip, sizeof(h.ip), (void *)h.tcp, tcp_len);
	return made < 0 ? made : (__s64)(__u32)made;
}

static __always_inline bool kernel_cookie_check(struct xdp_md *ctx, const struct packet *p,
						struct bpf_sock *listener)
{
	struct header_bytes h;

	if (load_headers(ctx, p, &h))
		return false;
	return !bpf_tcp_check_syncookie(listener, h.ip, sizeof(h.ip), (void *)h.tcp,
					TCP_HEADER_MIN);
}

#endif
