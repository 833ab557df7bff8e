/* SPDX-License-Identifier: GPL-2.0-only */
/* What need not be looked for in `conns`. */
#ifndef BLOOM_H
#define BLOOM_H

#include "shield.h"

static __always_inline __u64 bits_missing(__u32 i, __u64 bits)
{
	const __u64 *word = bpf_map_lookup_elem(&bloom, &i);

	return word ? ~*word & bits : 0;
}

/*
 * Not 0: surely not.  The far word is seldom in a near cache: ask early, and look at the
 * answer as late as can be.
 */
static __always_inline __u64 not_tracked(const struct shield *s, const struct packet *p)
{
	__u32 words = s->host->bloom_words, at = s->host->bloom_at;
	__u64 hash, bits, missing;

	if (unlikely(!words))
		return 0;
	hash = synshield_bloom_hash(&p->tuple, s->host->seed);
	bits = synshield_bloom_bits(hash);
	missing = bits_missing(synshield_bloom_near(hash, words, at), bits);
	return missing ?: bits_missing(at + synshield_bloom_word(hash, words), bits);
}

static __always_inline void set_bits(__u32 i, __u64 bits)
{
	__u64 *word = bpf_map_lookup_elem(&bloom, &i);

	if (word && (*word & bits) != bits)
		__sync_fetch_and_or(word, bits);
}

/* Before it is entered in `conns`. */
static __always_inline void will_be_tracked(const struct shield *s,
					    const struct synshield_tuple *tuple)
{
	__u32 words = s->host->bloom_words, i;
	__u64 hash, bits;

	if (!words)
		return;
	hash = synshield_bloom_hash(tuple, s->host->seed);
	bits = synshield_bloom_bits(hash);
	i = synshield_bloom_word(hash, words);
	set_bits(i, bits);
	set_bits(i + words, bits);
	i = synshield_bloom_near(hash, words, 0);
	set_bits(i, bits);
	set_bits(i + SYNSHIELD_BLOOM_NEAR, bits);
}

#endif
