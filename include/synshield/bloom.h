/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Map `bloom`, __u64 each: a Bloom filter of `conns`, so that a tuple which is not there
 * need not be looked for in a large and cold table.  It has two halves of bloom_words
 * (struct synshield_host), a power of 2, each.  A tuple has two bits in one word of each;
 * both are set before it is entered, and stay when it is removed.  Programs ask the half
 * that begins at bloom_at.  The daemon empties the other one, walks through `conns` to set
 * what is still true there, and then turns them round.
 *
 * Behind the halves each has SYNSHIELD_BLOOM_NEAR words more that say the same of all tuples
 * again: a part that stays in a near cache, and with which it ends unless there are very many
 * connections.
 *
 * The local address does not count: few hosts have many.
 */
#ifndef SYNSHIELD_BLOOM_H
#define SYNSHIELD_BLOOM_H

#define SYNSHIELD_BLOOM_CONNS_PER_WORD 8
#define SYNSHIELD_BLOOM_NEAR 4096

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

/* which one of the near part of the half that begins at `at`, counted from the map's begin, */
static inline __u32 synshield_bloom_near(__u64 hash, __u32 words, __u32 at)
{
	return 2 * words + (at ? SYNSHIELD_BLOOM_NEAR : 0) +
	       (hash >> 32 & (SYNSHIELD_BLOOM_NEAR - 1));
}

/* and which bits of either. */
static inline __u64 synshield_bloom_bits(__u64 hash)
{
	return 1ULL << (hash >> 58) | 1ULL << (hash >> 52 & 63);
}

#endif
