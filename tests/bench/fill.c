/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Enters connections into a shield's pinned map `conns`, as if that many clients all over the
 * Internet had been heard of just now: established, with one port of the server.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>

#include "common.h"
#include "jiffies.h"
#include "synshield/synshield.h"
#include "synshield/bloom.h"

#define BATCH 8192
#define CONNS_MAX (1U << 24)

static uint64_t seed = 1;

/* splitmix64 */
static uint64_t random64(void)
{
	uint64_t x = (seed += 0x9e3779b97f4a7c15ULL);

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static void map_ipv4(uint8_t to[16], const uint8_t *from)
{
	memset(to, 0, 10);
	to[10] = to[11] = 0xff;
	memcpy(to + 12, from, 4);
}

/* 64.0.0.0/2: no flood and no client of the bench comes from there. */
static void make_conn(const struct addr *server, uint16_t port, struct synshield_tuple *tuple,
		      struct synshield_conn *conn)
{
	uint64_t random = random64(), numbers = random64();
	uint32_t source = htonl(0x40000000 | (random & 0x3fffffff));

	memset(tuple, 0, sizeof(*tuple));
	map_ipv4(tuple->remote, (const uint8_t *)&source);
	map_ipv4(tuple->local, server->bytes);
	tuple->remote_port = 1024 + (random >> 32) % 64512;
	tuple->local_port = port;
	*conn = (struct synshield_conn){
		.state = SYNSHIELD_CONN_ESTABLISHED,
		.remote = {.syn = 1, .syn_acked = 1},
		.local = {.syn = 1, .syn_acked = 1},
		.last_seen_jiffies = jiffies_now(),
		.remote_next = numbers,
		.local_next = numbers >> 32,
		.remote_segments = 2,
		.local_segments = 1,
	};
}

static int open_map(const char *dir, const char *name)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = bpf_obj_get(path);
	if (fd < 0)
		die("cannot open %s: %m", path);
	return fd;
}

/* The filter before the map, of which every entry has to be in both halves. */
struct filter {
	struct synshield_host host;
	uint64_t *word;
};

static void open_filter(struct filter *f, const char *dir)
{
	struct bpf_map_info info = {};
	uint32_t zero = 0, len = sizeof(info);
	int fd = open_map(dir, "bloom");

	if (bpf_map_lookup_elem(open_map(dir, "host"), &zero, &f->host))
		die("cannot read the map host: %m");
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		die("cannot read the size of the map bloom: %m");
	f->word = mmap(NULL, (size_t)info.max_entries * sizeof(*f->word), PROT_READ | PROT_WRITE,
		       MAP_SHARED, fd, 0);
	if (f->word == MAP_FAILED)
		die("cannot map the map bloom: %m");
}

static void mark(struct filter *f, const struct synshield_tuple *tuple)
{
	const struct synshield_host *h = &f->host;
	uint64_t hash = synshield_bloom_hash(tuple, h->seed);
	uint64_t bits = synshield_bloom_bits(hash);

	__atomic_fetch_or(f->word + h->bloom_at + synshield_bloom_word(hash, h->bloom_words), bits,
			  __ATOMIC_RELAXED);
	__atomic_fetch_or(f->word + h->bloom_other_at +
				  synshield_bloom_word(hash, h->bloom_other_words),
			  bits, __ATOMIC_RELAXED);
}

static void fill(int map, struct filter *filter, const struct addr *server, uint16_t port,
		 uint32_t conns)
{
	static struct synshield_tuple tuples[BATCH];
	static struct synshield_conn values[BATCH];
	LIBBPF_OPTS(bpf_map_batch_opts, opts);

	while (conns) {
		uint32_t n = conns < BATCH ? conns : BATCH;

		for (uint32_t i = 0; i < n; i++) {
			make_conn(server, port, &tuples[i], &values[i]);
			mark(filter, &tuples[i]);
		}
		conns -= n;
		if (bpf_map_update_batch(map, tuples, values, &n, &opts))
			die("cannot enter connections: %m");
	}
}

/* How many there are. */
static uint64_t count(int map)
{
	static struct synshield_tuple tuples[BATCH];
	static struct synshield_conn values[BATCH];
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint64_t total = 0;
	void *from = NULL;
	uint32_t token, n;
	int err;

	do {
		n = BATCH;
		err = bpf_map_lookup_batch(map, from, &token, tuples, values, &n, &opts);
		if (err && errno != ENOENT)
			die("cannot count connections: %m");
		total += n;
		from = &token;
	} while (!err);
	return total;
}

int main(int argc, char **argv)
{
	struct filter filter;
	struct addr server;
	int map;

	if (argc != 2 && argc != 5)
		die("usage: fill PIN-DIR/IFACE [ADDR PORT N]\n"
		    "enters N established IPv4 connections with ADDR:PORT into a shield's conns,\n"
		    "or prints how many there are");
	map = open_map(argv[1], "conns");
	if (argc == 2) {
		printf("%llu\n", (unsigned long long)count(map));
		return 0;
	}
	server = parse_addr(argv[2]);
	if (server.family != AF_INET)
		usage_error("IPv4 only");
	jiffies_calibrate();
	open_filter(&filter, argv[1]);
	fill(map, &filter, &server, parse_number(argv[3], 1, 65535, "port"),
	     parse_number(argv[4], 1, CONNS_MAX, "number"));
	return 0;
}
