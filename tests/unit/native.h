/* SPDX-License-Identifier: GPL-2.0-only */
/* Lets the BPF headers that need no kernel be compiled for this machine, in place of bpf/bpf.h. */
#ifndef NATIVE_H
#define NATIVE_H
#define BPF_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/types.h>
#include <stdbool.h>
#include <string.h>
#include <synshield/synshield.h>

#include <bpf/bpf_endian.h>

#define unlikely(x) __builtin_expect(!!(x), 0)
#define likely(x) __builtin_expect(!!(x), 1)
#define opaque(x) asm volatile("" : "+r"(x))
#undef __always_inline
#define __always_inline inline __attribute__((always_inline, unused))
#define __noinline static __attribute__((noinline, unused))

#define ALIGNED_8 __attribute__((aligned(8)))
#define PAIR_OF_16(first, second) ((__u32)(second) << 16 | (first))
#define PAIR_OF_32(first, second) ((__u64)(second) << 32 | (first))

#define LOAD_MAX 64

/* Not reached: what needs a kernel. */
static inline __u32 load_len(__u32 len)
{
	return len;
}

static inline __u32 bpf_xdp_get_buff_len(struct xdp_md *ctx)
{
	return ctx->data_end - ctx->data;
}

static inline int bpf_xdp_load_bytes(struct xdp_md *ctx, __u32 at, void *to, __u32 len)
{
	return -1;
}

/* clang's habits, which gcc would warn of */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#pragma GCC diagnostic ignored "-Wpointer-arith"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wunused-but-set-parameter"
#include "../../bpf/cookie.h"
#pragma GCC diagnostic pop

#endif
