/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "bloom.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "clock.h"
#include "synshield/bloom.h"

#define WORDS_MIN 1024
/* In use at least: few enough to stay in any near cache. */
#define WORDS_NEAR 4096
/* Connections for each word in use that make a half be filled once more, with more of them. */
#define CROWD (2 * SYNSHIELD_BLOOM_CONNS_PER_WORD)
#define MOMENT_NS 100000000ULL

__u32 bloom_entries(__u32 conns)
{
	__u32 words = WORDS_MIN;

	while (words < conns / SYNSHIELD_BLOOM_CONNS_PER_WORD)
		words *= 2;
	return 2 * words;
}

/* What suits so many connections, and as many again. */
static __u32 words_for(const struct bloom *b, __u32 conns)
{
	__u32 words = WORDS_NEAR;

	while (words < conns / SYNSHIELD_BLOOM_CONNS_PER_WORD)
		words *= 2;
	return words < b->room ? words : b->room;
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
	b->room = entries / 2;
	if (host->bloom_words) {
		b->asked = host->bloom_at ? 1 : 0;
		b->words[b->asked] = host->bloom_words;
		b->words[!b->asked] = host->bloom_other_words;
	} else {
		b->words[0] = b->words[1] = words_for(b, 0);
	}
	return 0;
}

void bloom_close(struct bloom *b)
{
	if (b && b->map)
		munmap(b->map, b->bytes);
	free(b);
}

static __u32 begin_of(const struct bloom *b, int half)
{
	return half ? b->room : 0;
}

void bloom_tell(const struct bloom *b, struct synshield_host *host)
{
	host->bloom_words = b->words[b->asked];
	host->bloom_other_words = b->words[!b->asked];
	host->bloom_at = begin_of(b, b->asked);
	host->bloom_other_at = begin_of(b, !b->asked);
}

static bool is_told(const struct bloom *b, const struct synshield_host *host)
{
	struct synshield_host as_is = *host;

	bloom_tell(b, &as_is);
	return !memcmp(&as_is, host, sizeof(as_is));
}

static void mark(struct bloom *b, int half, __u64 hash)
{
	__u64 *word = &b->map[begin_of(b, half) + synshield_bloom_word(hash, b->words[half])];
	__u64 bits = synshield_bloom_bits(hash);

	if ((__atomic_load_n(word, __ATOMIC_RELAXED) & bits) != bits)
		__atomic_fetch_or(word, bits, __ATOMIC_RELEASE);
}

/* Read in words of 8 bytes: of an array of tuples every second one is aligned to 4 only. */
static __u64 hash_of(const struct bloom *b, const struct synshield_tuple *tuple)
{
	struct synshield_tuple aligned __attribute__((aligned(sizeof(__u64)))) = *tuple;

	return synshield_bloom_hash(&aligned, b->seed);
}

void bloom_enter(struct bloom *b, const struct synshield_tuple *tuple)
{
	__u64 hash = hash_of(b, tuple);

	mark(b, 0, hash);
	mark(b, 1, hash);
}

static void empty_other(struct bloom *b)
{
	b->words[!b->asked] = words_for(b, b->conns);
	memset(&b->map[begin_of(b, !b->asked)], 0, b->words[!b->asked] * sizeof(__u64));
	b->stage = BLOOM_EMPTIED;
}

void bloom_follow(struct bloom *b, const struct synshield_host *host)
{
	if (b->stage == BLOOM_FILLED) {
		b->asked = !b->asked;
		b->stage = BLOOM_SETTLED;
	} else if (b->stage == BLOOM_SETTLED && is_told(b, host)) {
		empty_other(b);
	} else if (b->stage == BLOOM_EMPTIED && is_told(b, host)) {
		b->told_ns = clock_ns(CLOCK_MONOTONIC);
		b->stage = BLOOM_EMPTY;
	}
}

static bool is_empty(const struct bloom *b)
{
	return b->stage == BLOOM_EMPTY && clock_ns(CLOCK_MONOTONIC) - b->told_ns >= MOMENT_NS;
}

bool bloom_waits(const struct bloom *b)
{
	return b->crowded && is_empty(b);
}

bool bloom_begin(struct bloom *b)
{
	if (!is_empty(b))
		return false;
	b->conns = 0;
	return true;
}

void bloom_keep(struct bloom *b, const struct synshield_tuple *tuple)
{
	mark(b, !b->asked, hash_of(b, tuple));
	b->conns++;
}

void bloom_filled(struct bloom *b)
{
	__u32 words = b->words[!b->asked];

	b->crowded = words < b->room && b->conns / CROWD >= words;
	b->stage = b->crowded ? BLOOM_SETTLED : BLOOM_FILLED;
}
