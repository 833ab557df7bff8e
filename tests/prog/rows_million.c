/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A million connections at once: each is entered and found, and what one costs. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness.h"

#define MILLION 1000000
#define CAPACITY (1 << 21)
#define BYTES_EACH 128

/* The kernel's account of a map's memory. */
static unsigned long long map_bytes(const char *name)
{
	unsigned long long bytes = 0;
	char path[64], line[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", shield_map(name));
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "memlock: %llu", &bytes);
	if (f)
		fclose(f);
	return bytes;
}

static __u32 entries(const char *name)
{
	enum { BATCH = 1 << 16 };
	struct synshield_tuple *keys = calloc(BATCH, sizeof(*keys));
	struct synshield_conn *values = calloc(BATCH, sizeof(*values));
	__u32 in, out, n, sum = 0;
	bool first = true;
	int err;

	if (!keys || !values)
		bail_out("memory for %d entries", BATCH);
	do {
		n = BATCH;
		err = bpf_map_lookup_batch(shield_map(name), first ? NULL : &in, &out, keys, values,
					   &n, NULL);
		first = false;
		in = out;
		sum += n;
	} while (!err);
	if (errno != ENOENT)
		bail_out("reading map %s", name);
	free(keys);
	free(values);
	return sum;
}

static void million_segments(bool ipv6, __u8 flags, struct synshield_stats *counted)
{
	static struct frame f;
	struct segment s;

	segment_begin(&s, ipv6, flags);
	net_address(ipv6 ? "2001:db8:77::" : "10.1.0.0", s.source);
	frame_build(&s, &f);
	shield_run_tuples(&f, MILLION, counted);
}

static void rows_family(bool ipv6)
{
	__u64 capacity = CAPACITY, bytes;
	struct synshield_stats counted;
	__u32 held;

	shield_load(&(struct shield_shape){.conns = CAPACITY});
	shield_reset();
	bytes = map_bytes("conns");
	shield.settings.syn_rate = 100000000;
	shield_mode(SYNSHIELD_MODE_AUTO);
	million_segments(ipv6, TCP_SYN, &counted);
	ok(counted.pass.calm == MILLION, "%s: a million SYNs are left to the kernel (%llu)",
	   family_name(ipv6), counted.pass.calm);
	held = entries("conns");
	ok(held >= MILLION, "%s: as many connections are tracked (%u)", family_name(ipv6), held);
	million_segments(ipv6, TCP_ACK, &counted);
	ok(counted.pass.tracked == MILLION, "%s: each of them is found again (%llu)",
	   family_name(ipv6), counted.pass.tracked);
	note("%s: %llu bytes for %llu connections, %llu each", family_name(ipv6), bytes, capacity,
	     bytes / capacity);
	ok(bytes && bytes / capacity <= BYTES_EACH, "%s: one takes %llu bytes, at most %d",
	   family_name(ipv6), bytes / capacity, BYTES_EACH);
}

void rows_million(void)
{
	for (int ipv6 = 0; ipv6 <= 1; ipv6++)
		rows_family(ipv6);
	shield_load(&(struct shield_shape){});
	shield_reset();
}
