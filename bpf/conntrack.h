/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Netfilter's connections: those of containers and hosts behind this one, which
 * have no socket here.
 */
#ifndef CONNTRACK_H
#define CONNTRACK_H

#include "shield.h"

/* The kernel's bpf_ct_opts, as it was at first; later kernels take it, too. */
struct ct_opts {
	__s32 netns_id, error;
	__u8 l4proto, dir, reserved[2];
};

extern struct nf_conn *bpf_xdp_ct_lookup(struct xdp_md *ctx, struct bpf_sock_tuple *tuple,
					 __u32 tuple__sz, struct ct_opts *opts,
					 __u32 opts__sz) __ksym __weak;
extern void bpf_ct_release(struct nf_conn *ct) __ksym __weak;

/*
 * By the type that comes with them: whether a module's function is there cannot be asked by its
 * address, which Linux before 6.4 refuses, and libbpf before 1.2 does not say whose it is.
 */
static __always_inline bool knows_conntrack(void)
{
	return bpf_core_type_exists(struct bpf_ct_opts);
}

static __always_inline bool is_conntracked(struct xdp_md *ctx, const struct shield *s,
					   const struct packet *p)
{
	struct ct_opts opts = {.netns_id = BPF_F_CURRENT_NETNS, .l4proto = IPPROTO_TCP};
	struct bpf_sock_tuple tuple = {};
	struct nf_conn *ct;
	__u32 size;

	if (!(s->host->flags & SYNSHIELD_HOST_CONNTRACK) || !knows_conntrack())
		return false;
	size = socket_tuple(p, &tuple);
	ct = size == sizeof(tuple.ipv6)
		     ? bpf_xdp_ct_lookup(ctx, &tuple, sizeof(tuple.ipv6), &opts, sizeof(opts))
		     : bpf_xdp_ct_lookup(ctx, &tuple, sizeof(tuple.ipv4), &opts, sizeof(opts));
	if (!ct)
		return false;
	bpf_ct_release(ct);
	return true;
}

#endif
