/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where tables that have no room for everybody put whom: evenly also what follows each other,
 * and elsewhere under another seed, so that whoever does not know it cannot aim.
 */
#include <bpf/bpf.h>
#include <string.h>

#include "harness.h"
#include "synshield/bloom.h"

#define SEED_A 0x6a09e667f3bcc908ULL
#define SEED_B 0xbb67ae8584caa73bULL
#define IN_A_ROW 4096
#define CHOSEN 48
#define TRIED 0x200000 /* to find so many that share a place */
#define SEEDS 32

static __u64 places[2][SYNSHIELD_PREFIXES];

/* A table of 8 bytes a place, and the segments that take one each. */
struct table {
	const char *map;
	__u32 places;
	enum synshield_mode mode;
	__u8 flags;
	/* which place of `places` under a seed, by the ABI; NULL: that is the programs' own affair
	 */
	__u64 (*hash)(const struct segment *s, __u64 seed);
};

static __u64 reply_hash(const struct segment *s, __u64 seed)
{
	__u64 prefix = 0;

	if (s->ipv6)
		memcpy(&prefix, s->source, 8);
	else
		memcpy(&prefix, s->source + 12, 3);
	return synshield_keyed_hash(prefix, seed);
}

static __u64 bloom_hash(const struct segment *s, __u64 seed)
{
	struct synshield_tuple t = {.remote_port = s->source_port, .local_port = s->target_port};

	memcpy(t.remote, s->source, 16);
	memcpy(t.local, s->target, 16);
	return synshield_bloom_hash(&t, seed);
}

static const struct table tables[] = {
	{"replies", SYNSHIELD_PREFIXES, SYNSHIELD_MODE_ALWAYS, TCP_SYN, reply_hash},
	{"bloom", 65536 / SYNSHIELD_BLOOM_CONNS_PER_WORD, SYNSHIELD_MODE_AUTO, TCP_SYN, bloom_hash},
	{"doubts", SYNSHIELD_DOUBTS, SYNSHIELD_MODE_ALWAYS, TCP_ACK, NULL},
};

static void read_places(const struct table *t, int which)
{
	static __u32 keys[SYNSHIELD_PREFIXES];
	__u32 out, count = t->places;

	if (bpf_map_lookup_batch(shield_map(t->map), NULL, &out, keys, places[which], &count, NULL))
		bail_out("map %s", t->map);
}

/* How many places have changed since they were read. */
static __u32 count_taken(const struct table *t)
{
	__u32 taken = 0;

	read_places(t, 1);
	for (__u32 i = 0; i < t->places; i++)
		taken += places[0][i] != places[1][i];
	return taken;
}

static void begin(const struct table *t, __u64 seed)
{
	static __u32 keys[SYNSHIELD_PREFIXES];
	static const __u64 zeroes[SYNSHIELD_PREFIXES];
	__u32 count = t->places;
	struct segment s;

	shield_reset();
	shield.host.seed = seed;
	shield.settings.syn_rate = 100000000;
	shield.settings.reset_rate = 1000000;
	shield.settings.reply_rate = 1000; /* few enough to count each */
	shield_mode(t->mode);
	segment_begin(&s, false, TCP_SYN);
	run_segment(&s); /* the listener is known, and cookies are out */
	segment_begin(&s, true, TCP_SYN);
	run_segment(&s);
	for (__u32 i = 0; i < count; i++)
		keys[i] = i;
	if (strcmp(t->map, "replies") &&
	    bpf_map_update_batch(shield_map(t->map), keys, zeroes, &count, NULL))
		bail_out("map %s", t->map);
	read_places(t, 0);
}

/* From one prefix after another, by the smallest steps that make another one. */
static void segment_number(const struct table *t, bool ipv6, __u32 n, struct segment *s)
{
	static struct segment first[2];

	if (!first[ipv6].source_port)
		segment_begin_apart(&first[ipv6], ipv6, 0);
	*s = first[ipv6];
	s->flags = t->flags;
	if (ipv6)
		put32(s->source + 4, 0x20000 + n);
	else
		put32(s->source + 12, (0x10000 + n) << 8 | 2);
}

static __u32 places_of(const struct table *t, bool ipv6, __u64 seed, const __u32 *numbers,
		       __u32 count)
{
	struct segment s;

	begin(t, seed);
	for (__u32 i = 0; i < count; i++) {
		segment_number(t, ipv6, numbers ? numbers[i] : i, &s);
		run_segment(&s);
	}
	return count_taken(t);
}

/* n thrown at random into m leave m * (1 - 1/m)^n empty. */
static __u32 expected(__u32 n, __u32 m)
{
	double empty = m;

	while (n--)
		empty *= 1 - 1.0 / m;
	return m - empty;
}

static void rows_in_a_row(const struct table *t, bool ipv6)
{
	__u32 want = expected(IN_A_ROW, t->places);
	__u32 got = places_of(t, ipv6, SEED_A, NULL, IN_A_ROW);

	ok(got > want - want / 20 && got < want + want / 20,
	   "%s: %s: %d prefixes in a row take %u places of %u, as at random (%u)",
	   family_name(ipv6), t->map, IN_A_ROW, got, t->places, want);
}

/* Whoever knew the seed could have them all share one place. */
static void rows_chosen(const struct table *t, bool ipv6)
{
	__u32 numbers[CHOSEN], count = 0, n, a, b;
	struct segment s;
	__u64 wanted;

	segment_number(t, ipv6, 0, &s);
	wanted = t->hash(&s, SEED_A) & (t->places - 1);
	for (n = 0; n < TRIED && count < CHOSEN; n++) {
		segment_number(t, ipv6, n, &s);
		if ((t->hash(&s, SEED_A) & (t->places - 1)) == wanted)
			numbers[count++] = n;
	}
	a = places_of(t, ipv6, SEED_A, numbers, count);
	b = places_of(t, ipv6, SEED_B, numbers, count);
	ok(count == CHOSEN && a == 1, "%s: %s: %u chosen by the seed share one place (%u)",
	   family_name(ipv6), t->map, count, a);
	ok(b >= CHOSEN - 4, "%s: %s: under another seed they take %u", family_name(ipv6), t->map,
	   b);
}

/* One segment, many seeds. */
static void rows_seeds(const struct table *t, bool ipv6)
{
	static __u8 seen[SYNSHIELD_PREFIXES];
	__u32 n = 0, different = 0;

	memset(seen, 0, sizeof(seen));
	for (__u64 seed = 1; seed <= SEEDS; seed++) {
		places_of(t, ipv6, seed * SEED_B, &n, 1);
		for (__u32 i = 0; i < t->places; i++) {
			if (places[0][i] != places[1][i])
				different += !seen[i]++;
		}
	}
	ok(different >= SEEDS - 2, "%s: %s: under %d seeds one segment comes to %u places",
	   family_name(ipv6), t->map, SEEDS, different);
}

/* The kernel gives each of its hash tables a random seed, unless it is asked not to. */
static void rows_zero_seed(void)
{
	static const char *const names[] = {"policy", "listeners", "conns", "closing", "sources"};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct bpf_map_info info = {};
		__u32 len = sizeof(info);

		if (bpf_obj_get_info_by_fd(shield_map(names[i]), &info, &len))
			bail_out("map %s", names[i]);
		ok((info.type == BPF_MAP_TYPE_HASH || info.type == BPF_MAP_TYPE_LRU_HASH) &&
			   !(info.map_flags & BPF_F_ZERO_SEED),
		   "%s: the kernel's hash, with a seed", names[i]);
	}
}

void rows_places(void)
{
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		for (unsigned int i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
			rows_in_a_row(&tables[i], ipv6);
			rows_seeds(&tables[i], ipv6);
			if (tables[i].hash)
				rows_chosen(&tables[i], ipv6);
		}
	}
	rows_zero_seed();
	shield_reset();
}
