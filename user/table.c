/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

/* Buckets for each connection there is room for: chains stay short, the array small. */
#define SHARE 2

/* Entered at random: with large pages, where there are any, that misses one cache less. */
static struct tracked **make_buckets(size_t buckets)
{
	struct tracked **at = mmap(NULL, buckets * sizeof(struct tracked *), PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	madvise(at, buckets * sizeof(struct tracked *), MADV_HUGEPAGE);
	return at;
}

int table_open(struct table *table, size_t capacity)
{
	size_t buckets = 1;

	*table = (struct table){.capacity = capacity};
	while (buckets < capacity / SHARE)
		buckets *= 2;
	if (getrandom(table->seed, sizeof(table->seed), 0) != sizeof(table->seed))
		return -errno;
	table->bucket = make_buckets(buckets);
	if (!table->bucket)
		return -ENOMEM;
	table->buckets = buckets;
	return 0;
}

void table_close(struct table *table)
{
	struct tracked *t, *next;
	size_t i;

	for (i = 0; i < table->buckets; i++) {
		for (t = table->bucket[i]; t; t = next) {
			next = t->next;
			free(t);
		}
	}
	if (table->bucket)
		munmap(table->bucket, table->buckets * sizeof(*table->bucket));
	*table = (struct table){0};
}

static __u64 mix(__u64 a, __u64 b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (__u64)product ^ (__u64)(product >> 64);
}

/* Strangers choose the tuples: without the seed they cannot tell which share a bucket. */
static struct tracked **bucket_of(const struct table *table, const struct synshield_tuple *tuple)
{
	__u64 word[5] = {0}, hash = table->seed[0];
	size_t i;

	memcpy(word, tuple, sizeof(*tuple));
	for (i = 0; i < 5; i++)
		hash = mix(hash ^ word[i], table->seed[1] | 1);
	return &table->bucket[(hash ^ hash >> 32) & (table->buckets - 1)];
}

struct tracked *table_find(const struct table *table, const struct synshield_tuple *tuple)
{
	struct tracked *t;

	for (t = *bucket_of(table, tuple); t; t = t->next) {
		if (!memcmp(&t->tuple, tuple, sizeof(*tuple)))
			return t;
	}
	return NULL;
}

struct tracked *table_add(struct table *table, const struct synshield_tuple *tuple)
{
	struct tracked **bucket = bucket_of(table, tuple), *t;

	t = table->count < table->capacity ? calloc(1, sizeof(*t)) : NULL;
	if (!t)
		return NULL;
	t->tuple = *tuple;
	t->next = *bucket;
	*bucket = t;
	table->count++;
	return t;
}

void table_remove(struct table *table, struct tracked *t)
{
	struct tracked **at = bucket_of(table, &t->tuple);

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	table->count--;
	free(t);
}
