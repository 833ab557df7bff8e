/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Feeds the shield frames at full speed, random ones or of one tuple after another;
 * tells what time it is to BPF; has netfilter track a connection.
 */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

#define HOSTS 0x10000
#define FIRST_PORT 1024
#define CT_SECONDS 60

__u64 now;
__u32 address_at; /* two bytes of an address that may be anything */
__u32 tcp_at;
__u32 tsecr_at; /* 0: no timestamps */
__u32 tuple;	/* of next_tuple: how many there have been */
__u8 ct_source[16], ct_target[16];
__u32 ct_ports;
bool ct_ipv6;

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} shield SEC(".maps");

static __always_inline void randomise(struct xdp_md *ctx, __u32 at)
{
	__u32 word = bpf_get_prandom_u32();

	bpf_xdp_store_bytes(ctx, at, &word, sizeof(word));
}

static __always_inline void come_from(struct xdp_md *ctx, __u16 host, __u16 port)
{
	bpf_xdp_store_bytes(ctx, address_at, &host, sizeof(host));
	bpf_xdp_store_bytes(ctx, tcp_at, &port, sizeof(port));
}

SEC("xdp.frags")
int random_ack(struct xdp_md *ctx)
{
	come_from(ctx, bpf_get_prandom_u32(), bpf_get_prandom_u32() | 1);
	randomise(ctx, tcp_at + 4);
	randomise(ctx, tcp_at + 8);
	if (tsecr_at)
		randomise(ctx, tsecr_at);
	bpf_tail_call(ctx, &shield, 0);
	return XDP_ABORTED;
}

SEC("xdp.frags")
int next_tuple(struct xdp_md *ctx)
{
	come_from(ctx, bpf_htons(tuple % HOSTS), bpf_htons(FIRST_PORT + tuple / HOSTS));
	tuple++;
	bpf_tail_call(ctx, &shield, 0);
	return XDP_ABORTED;
}

SEC("xdp.frags")
int read_clock(struct xdp_md *ctx)
{
	now = bpf_jiffies64();
	return XDP_PASS;
}

extern struct nf_conn___init *bpf_xdp_ct_alloc(struct xdp_md *ctx, struct bpf_sock_tuple *tuple,
					       __u32 tuple__sz, struct bpf_ct_opts *opts,
					       __u32 opts__sz) __ksym __weak;
extern struct nf_conn *bpf_ct_insert_entry(struct nf_conn___init *ct) __ksym __weak;
extern void bpf_ct_set_timeout(struct nf_conn___init *ct, __u32 timeout) __ksym __weak;
extern void bpf_ct_release(struct nf_conn *ct) __ksym __weak;

static __always_inline struct nf_conn___init *allocate(struct xdp_md *ctx)
{
	struct bpf_ct_opts opts = {.netns_id = -1, .l4proto = IPPROTO_TCP};
	__u16 from = bpf_htons(ct_ports >> 16), to = bpf_htons(ct_ports & 0xffff);
	struct bpf_sock_tuple t = {};

	if (ct_ipv6) {
		__builtin_memcpy(t.ipv6.saddr, ct_source, 16);
		__builtin_memcpy(t.ipv6.daddr, ct_target, 16);
		t.ipv6.sport = from;
		t.ipv6.dport = to;
		return bpf_xdp_ct_alloc(ctx, &t, sizeof(t.ipv6), &opts, 12);
	}
	__builtin_memcpy(&t.ipv4.saddr, ct_source + 12, 4);
	__builtin_memcpy(&t.ipv4.daddr, ct_target + 12, 4);
	t.ipv4.sport = from;
	t.ipv4.dport = to;
	return bpf_xdp_ct_alloc(ctx, &t, sizeof(t.ipv4), &opts, 12);
}

SEC("xdp.frags")
int conntrack(struct xdp_md *ctx)
{
	struct nf_conn___init *fresh;
	struct nf_conn *ct;

	if (!bpf_xdp_ct_alloc || !bpf_ct_insert_entry || !bpf_ct_set_timeout || !bpf_ct_release)
		return XDP_ABORTED;
	fresh = allocate(ctx);
	if (!fresh)
		return XDP_ABORTED;
	bpf_ct_set_timeout(fresh, CT_SECONDS * 1000);
	ct = bpf_ct_insert_entry(fresh);
	if (!ct)
		return XDP_ABORTED;
	bpf_ct_release(ct);
	return XDP_PASS;
}
