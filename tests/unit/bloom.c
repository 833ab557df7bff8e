/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * user/bloom.c: never says of a tuple that was entered that it was not, whichever half is
 * asked and whenever they are turned round, and seldom of another that it may have been.
 */
#include "bloom.h"

#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clock.h"
#include "synshield/bloom.h"
#include "tap.h"

#define CONNS 131072
#define SEED 0x243f6a8885a308d3ULL

/* A file that can be mapped like the map, in place of user/maps.c. */
int maps_capacity(const struct maps *maps, enum map_id id, __u32 *entries)
{
	*entries = bloom_entries(CONNS);
	return 0;
}

static struct maps file(void)
{
	struct maps maps = {};

	maps.fd[MAP_BLOOM] = memfd_create("bloom", MFD_CLOEXEC);
	if (maps.fd[MAP_BLOOM] < 0 ||
	    ftruncate(maps.fd[MAP_BLOOM], bloom_entries(CONNS) * sizeof(__u64)))
		bail_out("memfd_create");
	return maps;
}

/* Number n of a set: all different. */
static struct synshield_tuple tuple(bool ipv6, __u32 n)
{
	struct synshield_tuple t = {.remote_port = 1024 + n % 60000, .local_port = 443};
	__u32 host = n / 60000 * 0x01000193u;

	memset(&t.remote[10], 0xff, 2);
	if (ipv6)
		memcpy(t.remote, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0", 12);
	memcpy(&t.remote[12], &host, 4);
	return t;
}

static bool says(const struct bloom *b, const struct synshield_tuple *t)
{
	__u64 hash = synshield_bloom_hash(t, SEED), bits = synshield_bloom_bits(hash);
	struct synshield_host host;

	bloom_tell(b, &host);
	return (b->map[host.bloom_at + synshield_bloom_word(hash, host.bloom_words)] & bits) ==
	       bits;
}

/* How many of those from `first` on may be there? */
static __u32 count(const struct bloom *b, bool ipv6, __u32 first, __u32 n)
{
	__u32 i, sum = 0;

	for (i = first; i < first + n; i++) {
		struct synshield_tuple t = tuple(ipv6, i);

		sum += says(b, &t);
	}
	return sum;
}

static void enter(struct bloom *b, bool ipv6, __u32 first, __u32 n)
{
	__u32 i;

	for (i = first; i < first + n; i++) {
		struct synshield_tuple t = tuple(ipv6, i);

		bloom_enter(b, &t);
	}
}

/* A scan that meets those. */
static void keep(struct bloom *b, bool ipv6, __u32 first, __u32 n)
{
	__u32 i;

	for (i = first; i < first + n; i++) {
		struct synshield_tuple t = tuple(ipv6, i);

		bloom_keep(b, &t);
	}
}

/* What the programs read, a second later. */
static void second(struct bloom *b, struct synshield_host *host)
{
	bloom_follow(b, host);
	bloom_tell(b, host);
}

/* The other half is empty, and programs know it: fill it with those. */
static void fill(struct bloom *b, struct synshield_host *host, bool ipv6, __u32 first, __u32 n)
{
	while (b->stage != BLOOM_EMPTY)
		second(b, host);
	b->told_ns -= SECOND_NS;
	if (!bloom_begin(b))
		bail_out("it cannot be filled");
	keep(b, ipv6, first, n);
	bloom_filled(b);
}

static void test_turning(struct bloom *b, struct synshield_host *host, bool ipv6)
{
	const char *name = ipv6 ? "IPv6" : "IPv4";
	__u32 n, at = host->bloom_at;

	ok(!bloom_begin(b), "%s: the other half is not empty yet", name);
	second(b, host);
	ok(!bloom_begin(b), "%s: nor do programs know of its words", name);
	second(b, host);
	ok(!bloom_begin(b), "%s: when they do, a moment passes before it is filled", name);
	b->told_ns -= SECOND_NS;
	ok(bloom_begin(b), "%s: after that it may be", name);
	ok(count(b, ipv6, 0, CONNS) == CONNS, "%s: meanwhile the first is asked", name);
	enter(b, ipv6, CONNS, 100);
	keep(b, ipv6, CONNS / 2, CONNS / 2);
	second(b, host);
	ok(host->bloom_at == at, "%s: and in the middle of the scan, too", name);
	bloom_filled(b);
	ok(!bloom_begin(b), "%s: one that is full is not filled again", name);
	bloom_follow(b, host);
	bloom_follow(b, host);
	ok(!bloom_begin(b) && b->stage == BLOOM_SETTLED, "%s: not emptied while programs ask it",
	   name);
	ok(count(b, ipv6, CONNS / 2, CONNS / 2 + 100) == CONNS / 2 + 100,
	   "%s: knows what the scan met, and what was entered meanwhile", name);
	n = count(b, ipv6, 0, CONNS / 2);
	ok(n < CONNS / 2 / 12, "%s: and forgot what was gone (all but %u of %u)", name, n,
	   CONNS / 2);
	bloom_tell(b, host);
	ok(host->bloom_at != at, "%s: turned", name);
	fill(b, host, ipv6, CONNS / 2, CONNS / 2 + 100);
	second(b, host);
	ok(host->bloom_at == at && count(b, ipv6, CONNS / 2, CONNS / 2 + 100) == CONNS / 2 + 100,
	   "%s: and again", name);
}

/* From few connections to many, and back. */
static void test_growing(struct bloom *b, struct synshield_host *host, bool ipv6)
{
	const char *name = ipv6 ? "IPv6" : "IPv4";
	__u32 few = host->bloom_words, n;

	ok(few < b->room, "%s: a part of the room is in use", name);
	fill(b, host, ipv6, 0, CONNS);
	second(b, host);
	ok(!bloom_waits(b) && host->bloom_words == few,
	   "%s: too many for it: programs go on with the half they ask", name);
	while (b->stage != BLOOM_EMPTY)
		second(b, host);
	b->told_ns -= SECOND_NS;
	ok(bloom_waits(b) && host->bloom_other_words == b->room,
	   "%s: and another walk is wanted, with more words", name);
	fill(b, host, ipv6, 0, CONNS);
	second(b, host);
	n = count(b, ipv6, CONNS, 10 * CONNS);
	ok(host->bloom_words == b->room && count(b, ipv6, 0, CONNS) == CONNS && n < 10 * CONNS / 12,
	   "%s: all are known, and of others less than one in 12 (%u of %u)", name, n, 10 * CONNS);
	test_turning(b, host, ipv6);
	for (int half = 0; half < 2; half++) {
		fill(b, host, ipv6, 0, 100);
		second(b, host);
	}
	fill(b, host, ipv6, 0, 100);
	second(b, host);
	ok(host->bloom_words == few && host->bloom_other_words == few &&
		   count(b, ipv6, 0, 100) == 100,
	   "%s: few of them, and few words are in use again", name);
}

static void test_family(bool ipv6)
{
	struct synshield_host host = {.seed = SEED};
	const char *name = ipv6 ? "IPv6" : "IPv4";
	struct maps maps = file();
	struct bloom *b;

	ok(!bloom_open(&b, &maps, &host) && b->room == CONNS / 8, "%s: open", name);
	bloom_tell(b, &host);
	ok(!count(b, ipv6, 0, CONNS), "%s: an empty one knows nobody", name);
	enter(b, ipv6, 0, CONNS);
	ok(count(b, ipv6, 0, CONNS) == CONNS, "%s: all that were entered", name);
	test_growing(b, &host, ipv6);
	enter(b, ipv6, CONNS, 100);
	bloom_close(b);

	ok(!bloom_open(&b, &maps, &host) && count(b, ipv6, 0, 100) == 100 &&
		   count(b, ipv6, CONNS, 100) == 100,
	   "%s: the next daemon goes on with the half that is asked", name);
	fill(b, &host, ipv6, 0, 100);
	second(b, &host);
	ok(count(b, ipv6, 0, 100) == 100, "%s: and turns it, too", name);
	bloom_close(b);
	close(maps.fd[MAP_BLOOM]);
}

int main(void)
{
	test_family(false);
	test_family(true);
	ok(bloom_entries(0) == bloom_entries(1024), "a filter for few has a size, too");
	ok(bloom_entries(1 << 20) == 2 * (1 << 20) / 8, "16 bits for each connection");
	return tap_done();
}
