/* SPDX-License-Identifier: GPL-2.0-only */
/* What every part of the BPF object is written with. */
#ifndef BPF_H
#define BPF_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_core_read.h>
#include <synshield/synshield.h>

#define unlikely(x) __builtin_expect(!!(x), 0)
#define likely(x) __builtin_expect(!!(x), 1)
#define memcpy __builtin_memcpy
#define memset __builtin_memset

/*
 * What is written in small pieces and read at once soon after waits until the pieces have
 * left the store buffer: so two halves of a key are written as one word.
 */
#define ALIGNED_8 __attribute__((aligned(8)))
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define PAIR_OF_16(first, second) ((__u32)(second) << 16 | (first))
#define PAIR_OF_32(first, second) ((__u64)(second) << 32 | (first))
#else
#define PAIR_OF_16(first, second) ((__u32)(first) << 16 | (second))
#define PAIR_OF_32(first, second) ((__u64)(first) << 32 | (second))
#endif

/*
 * Keeps the compiler from folding a bounds check into another register than the
 * one that is used afterwards, where the verifier would not see it.
 */
#define opaque(x) asm volatile("" : "+r"(x))

/*
 * A length of 1 to `max` bytes, a power of 2, said so that the verifier of every kernel
 * believes it.  The caller has checked it already.
 */
static __always_inline __u32 length_within(__u32 len, __u32 max)
{
	len--;
	opaque(len);
	return (len & (max - 1)) + 1;
}

/* The same, for a buffer of LOAD_MAX. */
#define LOAD_MAX 64

static __always_inline __u32 load_len(__u32 len)
{
	return length_within(len, LOAD_MAX);
}

/* The kernel's macros, which BTF does not carry. */
#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define ETH_P_8021Q 0x8100
#define ETH_P_8021AD 0x88a8
#define TC_ACT_SHOT 2
#define TC_ACT_UNSPEC (-1)
#define SOCK_RCVBUF_LOCK 2
#define EINTR 4
#define EINVAL 22

#endif
