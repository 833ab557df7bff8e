/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * user/table.c: who chooses tuples cannot choose their buckets, as each table has a seed of
 * its own; and what is more than it has room for is refused.
 */
#include "table.h"

#include <string.h>

#include "tap.h"

#define CAPACITY 65536
/* 65536 in 32768 buckets: a chain longer than this comes by chance once in 10^8 tables. */
#define LONGEST 18
/* A few by chance; with one seed for all they were 32768. */
#define PAIRS 24

/* Each changes one part of the tuple and no other, n by n. */
static void by_port(struct synshield_tuple *t, __u32 n)
{
	t->remote_port = n;
}

static void by_host(struct synshield_tuple *t, __u32 n)
{
	memcpy(t->remote + 12, &n, 4);
}

/* Without a difference in its low 32 bits. */
static void by_prefix(struct synshield_tuple *t, __u32 n)
{
	memset(t->remote, 0, 16);
	t->remote[0] = 0x20;
	t->remote[4] = n >> 8;
	t->remote[5] = n;
}

static void by_local(struct synshield_tuple *t, __u32 n)
{
	t->local[12] = n >> 8;
	t->local[13] = n;
}

static const struct kind {
	const char *name;
	void (*number)(struct synshield_tuple *t, __u32 n);
} kinds[] = {
	{"ports in a row", by_port},
	{"hosts in a row", by_host},
	{"prefixes in a row", by_prefix},
	{"local addresses in a row", by_local},
};

static struct synshield_tuple tuple(const struct kind *kind, __u32 n)
{
	struct synshield_tuple t = {.remote_port = 40000, .local_port = 443};

	memset(&t.remote[10], 0xff, 2);
	memset(&t.local[10], 0xff, 2);
	kind->number(&t, n);
	return t;
}

/* The number of each is kept in since_ns. */
static void fill(struct table *table, const struct kind *kind)
{
	if (table_open(table, CAPACITY))
		bail_out("a table");
	for (__u32 n = 0; n < CAPACITY; n++) {
		struct synshield_tuple t = tuple(kind, n);
		struct tracked *new = table_add(table, &t);

		if (new)
			new->since_ns = n;
		else
			bail_out("room for %u", n);
	}
}

static size_t length(const struct tracked *t)
{
	size_t n = 0;

	for (; t; t = t->next)
		n++;
	return n;
}

static size_t longest(const struct table *table)
{
	size_t most = 0, i;

	for (i = 0; i < table->buckets; i++) {
		if (length(table->bucket[i]) > most)
			most = length(table->bucket[i]);
	}
	return most;
}

/* How many pairs share a bucket in both? */
static size_t together(const struct table *one, const struct table *other)
{
	static size_t at[CAPACITY];
	const struct tracked *t, *u;
	size_t pairs = 0, i;

	for (i = 0; i < other->buckets; i++) {
		for (t = other->bucket[i]; t; t = t->next)
			at[t->since_ns] = i;
	}
	for (i = 0; i < one->buckets; i++) {
		for (t = one->bucket[i]; t; t = t->next) {
			for (u = t->next; u; u = u->next)
				pairs += at[t->since_ns] == at[u->since_ns];
		}
	}
	return pairs;
}

static void test_kind(const struct kind *kind)
{
	struct table one, other;
	size_t n, pairs;

	fill(&one, kind);
	fill(&other, kind);
	n = longest(&one);
	ok(n <= LONGEST, "%s: no more share a bucket than by chance (%zu)", kind->name, n);
	pairs = together(&one, &other);
	ok(pairs <= PAIRS,
	   "%s: those of a bucket in one table are apart in another (but for %zu pairs)",
	   kind->name, pairs);
	table_close(&one);
	table_close(&other);
}

static void test_full(void)
{
	struct synshield_tuple t = tuple(&kinds[1], CAPACITY);
	struct table table;
	struct tracked *known;

	fill(&table, &kinds[1]);
	ok(!table_add(&table, &t) && table.count == CAPACITY, "a full table takes no more");
	ok(!table_find(&table, &t), "and does not know it");
	t = tuple(&kinds[1], 7);
	known = table_find(&table, &t);
	ok(known && !memcmp(&known->tuple, &t, sizeof(t)), "those in it are found");
	table_remove(&table, known);
	ok(table_add(&table, &t), "when one goes another may come");
	table_close(&table);
}

int main(void)
{
	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		test_kind(&kinds[i]);
	test_full();
	return tap_done();
}
