/* SPDX-License-Identifier: GPL-2.0-only */
/* What need not be looked for in `conns`. */
#ifndef BLOOM_H
#define BLOOM_H

#include "shield.h"

/*
 * Not 0: surely not.  The word may be in no near cache: ask early, and look at the answer
 * as late as can be.
 */
static __always_inline __u64 not_tracked(const struct shield *s, const struct packet *p)
{
	__u32 words = s->host->bloom_words, i;
	const __u64 *word;
	__u64 hash;

	if (unlikely(!words))
		return 0;
	hash = synshield_bloom_hash(&p->tuple, s->host->seed);
	i = s->host->bloom_at + synshield_bloom_word(hash, words);
	word = bpf_map_lookup_elem(&bloom, &i);
	return word ? ~*word & synshield_bloom_bits(hash) : 0;
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
	const struct synshield_host *h = s->host;
	__u64 hash, bits;

	if (!h->bloom_words)
		return;
	hash = synshield_bloom_hash(tuple, h->seed);
	bits = synshield_bloom_bits(hash);
	set_bits(h->bloom_at + synshield_bloom_word(hash, h->bloom_words), bits);
	set_bits(h->bloom_other_at + synshield_bloom_word(hash, h->bloom_other_words), bits);
}

#endif
