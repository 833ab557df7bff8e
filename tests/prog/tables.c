/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "tables.h"

#include <bpf/bpf.h>
#include <string.h>
#include <sys/mman.h>

#include "harness.h"
#include "synshield/bloom.h"
#include "synshield/listed.h"

void map_put(const char *map, const void *key, const void *value)
{
	if (bpf_map_update_elem(shield_map(map), key, value, BPF_ANY))
		bail_out("map %s", map);
}

void map_empty(const char *map)
{
	int fd = shield_map(map), left;
	__u8 key[64], next[64];

	left = !bpf_map_get_next_key(fd, NULL, next);
	while (left) {
		memcpy(key, next, sizeof(key));
		left = !bpf_map_get_next_key(fd, key, next);
		bpf_map_delete_elem(fd, key);
	}
}

void local_put(const char *address, __u16 vlan, __u32 mtu)
{
	struct synshield_local_key key = {.prefixlen = 128};
	struct synshield_local local = {.vlan = vlan, .mtu = mtu};

	net_address(address, key.addr);
	map_put("locals", &key, &local);
}

void local_put_prefix(const char *address, int bits)
{
	struct synshield_local_key key = {};
	struct synshield_local local = {};

	key.prefixlen = bits + (net_address(address, key.addr) ? 0 : 96);
	map_put("locals", &key, &local);
}

#define LISTED_BYTES (SYNSHIELD_LISTED_WORDS * sizeof(__u64))

/* The bitmap over the lists of the instance that is loaded now.  To be unmapped. */
static __u64 *map_listed(void)
{
	__u64 *words = mmap(NULL, LISTED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
			    shield_map("listed"), 0);

	if (words == MAP_FAILED)
		bail_out("map listed");
	return words;
}

void lists_empty(void)
{
	__u64 *words = map_listed();

	map_empty("lists");
	memset(words, 0, LISTED_BYTES);
	munmap(words, LISTED_BYTES);
}

/* What has no bit set is on no list, whatever `lists` says.  Host bits may be set. */
static void list_mark(const struct synshield_list_key *key, bool ipv6)
{
	__u32 bits = ipv6 ? key->prefixlen : key->prefixlen - 96, block = ipv6 ? 16 : 24;
	__u32 count = bits < block ? 1u << (block - bits) : 1, first;
	__u64 *words = map_listed();

	if (ipv6 && bits >= 48)
		first = synshield_listed_48(key->addr, shield.host.seed);
	else
		first = ipv6 ? synshield_listed_16(key->addr) : synshield_listed_ipv4(key->addr);
	first &= ~(count - 1);
	for (__u32 i = first; i < first + count; i++)
		words[i / 64] |= 1ULL << (i % 64);
	munmap(words, LISTED_BYTES);
}

void list_put_unmarked(const char *address, int bits, enum synshield_list list)
{
	struct synshield_list_key key;
	__u32 value = list;

	key.prefixlen = bits + (net_address(address, key.addr) ? 0 : 96);
	map_put("lists", &key, &value);
}

void list_put(const char *address, int bits, enum synshield_list list)
{
	struct synshield_list_key key;
	bool ipv6 = net_address(address, key.addr);

	key.prefixlen = bits + (ipv6 ? 0 : 96);
	list_put_unmarked(address, bits, list);
	if (list != SYNSHIELD_LIST_NONE)
		list_mark(&key, ipv6);
}

static void listener_key(const struct segment *s, struct synshield_listener_key *key)
{
	memset(key, 0, sizeof(*key));
	memcpy(key->addr, s->target, 16);
	key->port = s->target_port;
}

bool listener_get(const struct segment *s, struct synshield_listener *l)
{
	struct synshield_listener_key key;

	listener_key(s, &key);
	return !bpf_map_lookup_elem(shield_map("listeners"), &key, l);
}

void listener_put(const struct segment *s, const struct synshield_listener *l)
{
	struct synshield_listener_key key;

	listener_key(s, &key);
	map_put("listeners", &key, l);
}

void listener_attack(const struct segment *s)
{
	struct synshield_listener l;

	if (!listener_get(s, &l))
		bail_out("no listener to attack on port %d", s->target_port);
	l.cookies_until_jiffies = shield_now() + 3600ULL * shield.host.hz;
	listener_put(s, &l);
}

void listener_forget(const struct segment *s)
{
	struct synshield_listener_key key;

	listener_key(s, &key);
	bpf_map_delete_elem(shield_map("listeners"), &key);
}

static void conn_key(const struct segment *s, struct synshield_tuple *key)
{
	memcpy(key->remote, s->source, 16);
	memcpy(key->local, s->target, 16);
	key->remote_port = s->source_port;
	key->local_port = s->target_port;
}

bool conn_get(const struct segment *s, struct synshield_conn *c)
{
	struct synshield_tuple key;

	conn_key(s, &key);
	return !bpf_map_lookup_elem(shield_map("conns"), &key, c);
}

/* Its word in the half of `bloom` that is asked, or the other one, and which of the bits. */
static __u32 bloom_place(const struct segment *s, bool other, __u64 *bits)
{
	const struct synshield_host *h = &shield.host;
	struct synshield_tuple key;
	__u64 hash;

	conn_key(s, &key);
	hash = synshield_bloom_hash(&key, h->seed);
	*bits = synshield_bloom_bits(hash);
	return other ? h->bloom_other_at + synshield_bloom_word(hash, h->bloom_other_words)
		     : h->bloom_at + synshield_bloom_word(hash, h->bloom_words);
}

bool bloom_has(const struct segment *s, bool other)
{
	__u64 bits, word;
	__u32 i = bloom_place(s, other, &bits);

	if (bpf_map_lookup_elem(shield_map("bloom"), &i, &word))
		bail_out("map bloom");
	return (word & bits) == bits;
}

void bloom_put(const struct segment *s, bool other, bool there)
{
	__u64 bits, word = 0;
	__u32 i = bloom_place(s, other, &bits);

	bpf_map_lookup_elem(shield_map("bloom"), &i, &word);
	word = there ? word | bits : word & ~bits;
	map_put("bloom", &i, &word);
}

void conn_put(const struct segment *s, const struct synshield_conn *c)
{
	struct synshield_tuple key;

	conn_key(s, &key);
	bloom_put(s, false, true);
	bloom_put(s, true, true);
	map_put("conns", &key, c);
}

void conn_forget(const struct segment *s)
{
	struct synshield_tuple key;

	conn_key(s, &key);
	bpf_map_delete_elem(shield_map("conns"), &key);
}

bool conn_is(const struct segment *s, enum synshield_conn_state state)
{
	struct synshield_conn c;

	return conn_get(s, &c) && c.state == state;
}

static void source_key(const struct segment *s, int bits, struct synshield_source_key *key)
{
	memset(key, 0, sizeof(*key));
	bits += s->ipv6 ? 0 : 96;
	for (int i = 0; i < bits; i++)
		key->addr[i / 8] |= s->source[i / 8] & (0x80 >> i % 8);
	key->port = s->target_port;
}

bool source_get(const struct segment *s, int bits, struct synshield_source *source)
{
	struct synshield_source_key key;

	source_key(s, bits, &key);
	return !bpf_map_lookup_elem(shield_map("sources"), &key, source);
}

void source_put(const struct segment *s, int bits, const struct synshield_source *source)
{
	struct synshield_source_key key;

	source_key(s, bits, &key);
	map_put("sources", &key, source);
}

static __u64 bucket_now(void)
{
	return shield_now() << SYNSHIELD_BUCKET_SHIFT;
}

static __u64 long_ago(void)
{
	return bucket_now() - 100ULL * BUCKET_SECOND;
}

void budgets_refill(void)
{
	static __u32 keys[SYNSHIELD_PREFIXES];
	static __u64 full[SYNSHIELD_PREFIXES];
	static struct synshield_doubt doubts[SYNSHIELD_DOUBTS];
	struct synshield_tracking tracking = {.resets = long_ago()};
	__u32 zero = 0, count = SYNSHIELD_PREFIXES;

	for (__u32 i = 0; i < SYNSHIELD_PREFIXES; i++) {
		keys[i] = i;
		full[i] = tracking.resets;
	}
	if (bpf_map_update_batch(shield_map("replies"), keys, full, &count, NULL))
		bail_out("map replies");
	count = SYNSHIELD_DOUBTS;
	if (bpf_map_update_batch(shield_map("doubts"), keys, doubts, &count, NULL))
		bail_out("map doubts");
	map_put("tracking", &zero, &tracking);
}

void budgets_spend_resets(void)
{
	struct synshield_tracking tracking = {};
	__u32 zero = 0;

	tracking.resets = bucket_now() + 2 * BUCKET_SECOND - BUCKET_SECOND / 16;
	map_put("tracking", &zero, &tracking);
}
