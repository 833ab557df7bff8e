/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Map `bloom`, __u64 each: a Bloom filter of `conns`, so that a tuple which is not there
 * need not be looked for in a large and cold table.  It has two halves, of which as many
 * words are in use, a power of 2, as suit the connections that there are: a small filter
 * stays in the near caches.  A tuple has two bits in one word of each half; both are set
 * before it is entered, and stay when it is removed.  Programs ask one of the halves.  The
 * daemon empties the other one, walks through `conns` to set what is still true there, and
 * then turns them round.  struct synshield_host says where each begins, and how many words
 * it has.
 *
 * The local address does not count: few hosts have many.
 */
#ifndef SYNSHIELD_BLOOM_H
#define SYNSHIELD_BLOOM_H

#define SYNSHIELD_BLOOM_CONNS_PER_WORD 8

/* 64 bits that nobody who does not know the seed can foresee or collide at will. */
static inline __u64 synshield_keyed_hash(__u64 value, __u64 seed)
{
	__u64 h = value ^ seed;

	h = (h ^ h >> 32) * 0xd6e8feb86659fd93ULL;
	h = (h ^ h >> 29 ^ seed >> 7) * 0xa0761d6478bd642fULL;
	return h ^ h >> 32;
}

/* An IPv4 address leaves room for the ports beside it. */
static inline __u64 synshield_bloom_hash(const struct synshield_tuple *t, __u64 seed)
{
	const __u64 *remote = (const __u64 *)t->remote;
	__u64 h = (__u64)t->local_port << 16 | t->remote_port;

	if (remote[0])
		h ^= synshield_keyed_hash(synshield_keyed_hash(remote[0], seed) ^ remote[1], seed);
	else
		h ^= remote[1];
	return synshield_keyed_hash(h, seed);
}

/* Of `words`, which one, */
static inline __u32 synshield_bloom_word(__u64 hash, __u32 words)
{
	return hash & (words - 1);
}

/* and which bits of it. */
static inline __u64 synshield_bloom_bits(__u64 hash)
{
	return 1ULL << (hash >> 58) | 1ULL << (hash >> 52 & 63);
}

#endif
