/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "listed.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "cidr.h"
#include "synshield/listed.h"

#define MAP_BYTES (SYNSHIELD_LISTED_WORDS * sizeof(__u64))

int listed_open(struct listed *l, const struct maps *maps)
{
	struct synshield_host host;
	void *at;
	int err;

	err = maps_get(maps, MAP_HOST, &host);
	if (err)
		return err;
	l->seed = host.seed;
	at = mmap(NULL, MAP_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, maps->fd[MAP_LISTED], 0);
	if (at == MAP_FAILED)
		return -errno;
	l->map = at;
	return 0;
}

void listed_close(struct listed *l)
{
	if (l->map)
		munmap(l->map, MAP_BYTES);
	l->map = NULL;
}

static void set_bits(__u64 *words, __u32 first, __u32 count)
{
	for (; count && first % 64; first++, count--)
		words[first / 64] |= 1ULL << (first % 64);
	for (; count >= 64; first += 64, count -= 64)
		words[first / 64] = ~0ULL;
	for (; count; first++, count--)
		words[first / 64] |= 1ULL << (first % 64);
}

/* The blocks that a prefix of `bits` covers, or the one it lies in; `block` bits make one. */
static void mark_blocks(__u64 *words, __u32 first, __u32 bits, __u32 block)
{
	__u32 count = bits >= block ? 1 : 1u << (block - bits);

	set_bits(words, first & ~(count - 1), count);
}

static void mark(__u64 *words, const struct synshield_list_key *key, __u64 seed)
{
	if (cidr_is_ipv4(key))
		mark_blocks(words, synshield_listed_ipv4(key->addr), key->prefixlen - 96, 24);
	else if (key->prefixlen >= 48)
		set_bits(words, synshield_listed_48(key->addr, seed), 1);
	else
		mark_blocks(words, synshield_listed_16(key->addr), key->prefixlen, 16);
}

__u64 *listed_bits(const struct lists *lists, __u64 seed)
{
	__u64 *words = calloc(SYNSHIELD_LISTED_WORDS, sizeof(*words));
	size_t i;

	for (i = 0; words && i < lists->count; i++) {
		if (lists->rows[i].list != SYNSHIELD_LIST_NONE)
			mark(words, &lists->rows[i].key, seed);
	}
	return words;
}

static int write_bits(struct listed *l, const struct lists *lists, bool keep)
{
	__u64 *words = listed_bits(lists, l->seed);
	size_t i;

	if (!words)
		return -ENOMEM;
	for (i = 0; i < SYNSHIELD_LISTED_WORDS; i++) {
		__u64 now = __atomic_load_n(&l->map[i], __ATOMIC_RELAXED);
		__u64 then = keep ? words[i] | now : words[i];

		if (then != now)
			__atomic_store_n(&l->map[i], then, __ATOMIC_RELEASE);
	}
	free(words);
	return 0;
}

int listed_add(struct listed *l, const struct lists *lists)
{
	return write_bits(l, lists, true);
}

int listed_fit(struct listed *l, const struct lists *lists)
{
	return write_bits(l, lists, false);
}
