/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "bloom.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "clock.h"
#include "synshield/bloom.h"

#define WORDS_MIN 1024
#define MOMENT_NS 100000000ULL

__u32 bloom_entries(__u32 conns)
{
	__u32 words = WORDS_MIN;

	while (words < conns / SYNSHIELD_BLOOM_CONNS_PER_WORD)
		words *= 2;
	return 2 * (words + SYNSHIELD_BLOOM_NEAR);
}

int bloom_open(struct bloom **made, const struct maps *maps, const struct synshield_host *host)
{
	struct bloom *b = calloc(1, sizeof(*b));
	__u32 entries;
	void *map;
	int err;

	*made = b;
	if (!b)
		return -ENOMEM;
	err = maps_capacity(maps, MAP_BLOOM, &entries);
	if (err)
		return err;
	b->bytes = entries * sizeof(__u64);
	map = mmap(NULL, b->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, maps->fd[MAP_BLOOM], 0);
	if (map == MAP_FAILED)
		return -errno;
	b->map = map;
	b->seed = host->seed;
	b->words = entries / 2 - SYNSHIELD_BLOOM_NEAR;
	b->at = host->bloom_words ? host->bloom_at : 0;
	return 0;
}

void bloom_close(struct bloom *b)
{
	if (b && b->map)
		munmap(b->map, b->bytes);
	free(b);
}

static void set_bits(__u64 *word, __u64 bits)
{
	if ((__atomic_load_n(word, __ATOMIC_RELAXED) & bits) != bits)
		__atomic_fetch_or(word, bits, __ATOMIC_RELEASE);
}

/* In the half that begins at `at`. */
static void mark(struct bloom *b, __u32 at, __u64 hash)
{
	__u64 bits = synshield_bloom_bits(hash);

	set_bits(&b->map[at + synshield_bloom_word(hash, b->words)], bits);
	set_bits(&b->map[synshield_bloom_near(hash, b->words, at)], bits);
}

void bloom_enter(struct bloom *b, const struct synshield_tuple *tuple)
{
	__u64 hash = synshield_bloom_hash(tuple, b->seed);

	mark(b, 0, hash);
	mark(b, b->words, hash);
}

static __u32 other_half(const struct bloom *b)
{
	return b->at ? 0 : b->words;
}

static void empty(struct bloom *b, __u32 at)
{
	memset(&b->map[at], 0, b->words * sizeof(__u64));
	memset(&b->map[synshield_bloom_near(0, b->words, at)], 0,
	       SYNSHIELD_BLOOM_NEAR * sizeof(__u64));
}

void bloom_follow(struct bloom *b, const struct synshield_host *host)
{
	if (b->stage == BLOOM_FILLED) {
		b->at = other_half(b);
		b->stage = BLOOM_SETTLED;
	} else if (b->stage == BLOOM_SETTLED && host->bloom_at == b->at) {
		empty(b, other_half(b));
		b->emptied_ns = clock_ns(CLOCK_MONOTONIC);
		b->stage = BLOOM_EMPTY;
	}
}

bool bloom_is_empty(const struct bloom *b)
{
	return b->stage == BLOOM_EMPTY && clock_ns(CLOCK_MONOTONIC) - b->emptied_ns >= MOMENT_NS;
}

void bloom_keep(struct bloom *b, const struct synshield_tuple *tuple)
{
	mark(b, other_half(b), synshield_bloom_hash(tuple, b->seed));
}

void bloom_filled(struct bloom *b)
{
	b->stage = BLOOM_FILLED;
}
