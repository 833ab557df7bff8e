/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's own SYN cookies, for listeners that take no other: MPTCP, and
 * every listener of a kernel without bpf_sk_assign_tcp_reqsk() (before 6.9).
 */
#ifndef KERNEL_COOKIE_H
#define KERNEL_COOKIE_H

#include "listener.h"

/* The helpers want the IP header as it begins, and the TCP header with its options. */
struct tcp_bytes {
	__u8 byte[LOAD_MAX];
};

static __always_inline int load_tcp(struct xdp_md *ctx, const struct packet *p, struct tcp_bytes *t)
{
	memset(t, 0, sizeof(*t));
	return bpf_xdp_load_bytes(ctx, p->l4, t->byte, load_len(p->tcp_header_len));
}

/* One of the two helpers, with the IP header in the packet and the TCP header on the stack. */
#define ask_about_cookie(helper, ctx, p, listener, tcp, tcp_len)                                   \
	({                                                                                         \
		void *ip_ = (void *)(long)(ctx)->data + ((p)->l3 & 0x3f);                          \
		void *end_ = (void *)(long)(ctx)->data_end;                                        \
		__s64 said_ = -1;                                                                  \
		if ((p)->ipv6 && ip_ + sizeof(struct ipv6hdr) <= end_)                             \
			said_ = helper(listener, ip_, sizeof(struct ipv6hdr), tcp, tcp_len);       \
		else if (!(p)->ipv6 && ip_ + sizeof(struct iphdr) <= end_)                         \
			said_ = helper(listener, ip_, sizeof(struct iphdr), tcp, tcp_len);         \
		said_;                                                                             \
	})

/* The ISN, or negative: no cookie is due (the queue has room, or cookies are off). */
static __always_inline __s64 kernel_cookie_make(struct xdp_md *ctx, const struct packet *p,
						struct bpf_sock *listener)
{
	__u32 tcp_len = load_len(p->tcp_header_len);
	struct tcp_bytes t;
	__s64 made;

	if (load_tcp(ctx, p, &t) || tcp_len < TCP_HEADER_MIN)
		return -1;
	made = ask_about_cookie(bpf_tcp_gen_syncookie, ctx, p, listener, (void *)t.byte, tcp_len);
	return made < 0 ? made : (__s64)(__u32)made;
}

static __always_inline bool kernel_cookie_check(struct xdp_md *ctx, const struct packet *p,
						struct bpf_sock *listener)
{
	struct tcp_bytes t;

	if (load_tcp(ctx, p, &t))
		return false;
	return !ask_about_cookie(bpf_tcp_check_syncookie, ctx, p, listener, (void *)t.byte,
				 TCP_HEADER_MIN);
}

#endif
