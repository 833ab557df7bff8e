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

#define CONNS 65536
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

	return (b->map[synshield_bloom_near(hash, b->words, b->at)] & bits) == bits &&
	       (b->map[b->at + synshield_bloom_word(hash, b->words)] & bits) == bits;
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
	host->bloom_words = b->words;
	host->bloom_at = b->at;
}

static void test_turning(struct bloom *b, struct synshield_host *host, bool ipv6)
{
	const char *name = ipv6 ? "IPv6" : "IPv4";
	__u32 n, at = b->at;

	ok(!bloom_is_empty(b), "%s: the other half is not empty yet", name);
	second(b, host);
	ok(!bloom_is_empty(b), "%s: when it is, a moment passes before it is filled", name);
	b->emptied_ns -= SECOND_NS;
	ok(bloom_is_empty(b), "%s: after that it may be", name);
	ok(count(b, ipv6, 0, CONNS) == CONNS, "%s: meanwhile the first is asked", name);
	enter(b, ipv6, CONNS, 100);
	keep(b, ipv6, CONNS / 2, CONNS / 2);
	second(b, host);
	ok(host->bloom_at == at, "%s: and in the middle of the scan, too", name);
	bloom_filled(b);
	ok(!bloom_is_empty(b), "%s: one that is full is not filled again", name);
	bloom_follow(b, host);
	ok(b->at != at, "%s: turned", name);
	bloom_follow(b, host);
	ok(!bloom_is_empty(b) && b->map[at], "%s: not emptied while programs ask it", name);
	ok(count(b, ipv6, CONNS / 2, CONNS / 2 + 100) == CONNS / 2 + 100,
	   "%s: knows what the scan met, and what was entered meanwhile", name);
	n = count(b, ipv6, 0, CONNS / 2);
	ok(n < CONNS / 2 / 12, "%s: and forgot what was gone (all but %u of %u)", name, n,
	   CONNS / 2);
	host->bloom_at = b->at;
	second(b, host);
	b->emptied_ns -= SECOND_NS;
	ok(bloom_is_empty(b), "%s: and again", name);
}

static void test_family(bool ipv6)
{
	struct synshield_host host = {.seed = SEED};
	const char *name = ipv6 ? "IPv6" : "IPv4";
	struct maps maps = file();
	struct bloom *b;
	__u32 n;

	ok(!bloom_open(&b, &maps, &host) && b->words == CONNS / 8, "%s: open", name);
	host.bloom_words = b->words;
	ok(!count(b, ipv6, 0, CONNS), "%s: an empty one knows nobody", name);
	enter(b, ipv6, 0, CONNS);
	ok(count(b, ipv6, 0, CONNS) == CONNS, "%s: all that were entered", name);
	n = count(b, ipv6, CONNS, 10 * CONNS);
	ok(n < 10 * CONNS / 12, "%s: of others, less than one in 12 (%u of %u)", name, n,
	   10 * CONNS);
	test_turning(b, &host, ipv6);
	bloom_close(b);

	ok(!bloom_open(&b, &maps, &host) && b->at &&
		   count(b, ipv6, CONNS / 2, CONNS / 2 + 100) == CONNS / 2 + 100,
	   "%s: the next daemon goes on with the half that is asked", name);
	bloom_close(b);
	close(maps.fd[MAP_BLOOM]);
}

int main(void)
{
	test_family(false);
	test_family(true);
	ok(bloom_entries(0) == bloom_entries(1024), "a filter for few has a size, too");
	ok(bloom_entries(1 << 20) == 2 * ((1 << 20) / 8 + 4096),
	   "16 bits for each connection, and the near parts");
	return tap_done();
}
