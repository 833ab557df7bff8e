/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "capfile.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pcapng.h"

#define SECOND 1000000000ULL
#define PCAP_MICRO 0xa1b2c3d4
#define PCAP_NANO 0xa1b23c4d
/* A block, or packet, that is longer is taken for garbage. */
#define BLOCK_MAX (16u << 20)
#define INTERFACES_MAX 1024

struct interface {
	__u32 linktype, snaplen;
	__u64 per_second;
};

struct reader {
	FILE *in;
	const char *file;
	__u64 offset;
	bool swapped;
	__u8 *block;
	__u32 room;
	struct interface interface[INTERFACES_MAX];
	__u32 interfaces;
	__u64 time_ns; /* of the last packet that had one */
	capfile_cb cb;
	void *arg;
	char *why;
};

static __u32 get32(const struct reader *r, const void *at)
{
	__u32 v;

	memcpy(&v, at, 4);
	return r->swapped ? __builtin_bswap32(v) : v;
}

static __u32 get16(const struct reader *r, const void *at)
{
	__u16 v;

	memcpy(&v, at, 2);
	return r->swapped ? __builtin_bswap16(v) : v;
}

static int broken(struct reader *r, const char *what)
{
	snprintf(r->why, CAPFILE_WHY, "%.150s: %s at byte %llu", r->file, what, r->offset);
	return -EBADMSG;
}

/* 1: the file ends before the first byte. */
static int read_bytes(struct reader *r, void *to, __u32 len, const char *what)
{
	size_t n = fread(to, 1, len, r->in);

	if (n == len) {
		r->offset += len;
		return 0;
	}
	if (ferror(r->in)) {
		snprintf(r->why, CAPFILE_WHY, "%.150s: cannot read on at byte %llu: %s", r->file,
			 r->offset, strerror(errno));
		return -EIO;
	}
	if (!n)
		return 1;
	return broken(r, what);
}

static int make_room(struct reader *r, __u32 len)
{
	__u8 *block;

	if (len <= r->room)
		return 0;
	block = realloc(r->block, len);
	if (!block)
		return -ENOMEM;
	r->block = block;
	r->room = len;
	return 0;
}

/* --- pcap --- */

static int pcap_packet(struct reader *r, __u32 linktype, __u32 tick)
{
	struct capfile_packet p = {.linktype = linktype};
	__u8 head[16];
	int err;

	err = read_bytes(r, head, sizeof(head), "the file ends within a packet's header");
	if (err)
		return err;
	p.time_ns = get32(r, head) * SECOND + (__u64)get32(r, head + 4) * tick;
	p.captured = get32(r, head + 8);
	p.len = get32(r, head + 12);
	if (p.captured > BLOCK_MAX || p.captured > p.len)
		return broken(r, "a packet's length is wrong");
	err = make_room(r, p.captured);
	if (!err && p.captured)
		err = read_bytes(r, r->block, p.captured, "the file ends within a packet");
	if (err)
		return err > 0 ? broken(r, "the file ends within a packet") : err;
	p.data = r->block;
	return r->cb(&p, r->arg);
}

static int pcap(struct reader *r, __u32 magic)
{
	__u8 head[20];
	__u32 linktype;
	int err;

	err = read_bytes(r, head, sizeof(head), "the file ends within its header");
	if (err)
		return err > 0 ? broken(r, "the file ends within its header") : err;
	linktype = get32(r, head + 16) & 0xffff;
	while (!err)
		err = pcap_packet(r, linktype, magic == PCAP_NANO ? 1 : 1000);
	return err;
}

/* --- pcapng --- */

static void read_resolution(const struct reader *r, struct interface *i, const __u8 *at,
			    const __u8 *end)
{
	i->per_second = 1000000;
	while (at + 4 <= end && get16(r, at)) {
		__u32 len = get16(r, at + 2);

		if (at + 4 + len > end)
			return;
		if (get16(r, at) == PCAPNG_TSRESOL && len >= 1) {
			__u32 n = at[4] & 0x7f;

			i->per_second = 1;
			while (n-- && i->per_second < SECOND * SECOND / 10)
				i->per_second *= at[4] & 0x80 ? 2 : 10;
		}
		at += 4 + (len + 3) / 4 * 4;
	}
}

static int ng_interface(struct reader *r, __u32 len)
{
	struct interface *i;

	if (len < 8)
		return broken(r, "an interface's block is too short");
	if (r->interfaces == INTERFACES_MAX)
		return broken(r, "too many interfaces");
	i = &r->interface[r->interfaces++];
	i->linktype = get16(r, r->block);
	i->snaplen = get32(r, r->block + 4);
	read_resolution(r, i, r->block + 8, r->block + len);
	return 0;
}

static int ng_packet(struct reader *r, __u32 len)
{
	struct capfile_packet p;
	const struct interface *i;
	__u64 ticks;

	if (len < 20)
		return broken(r, "a packet's block is too short");
	if (get32(r, r->block) >= r->interfaces)
		return broken(r, "a packet is of an interface that is not described");
	i = &r->interface[get32(r, r->block)];
	ticks = (__u64)get32(r, r->block + 4) << 32 | get32(r, r->block + 8);
	p.time_ns = ticks / i->per_second * SECOND +
		    (__u64)((long double)(ticks % i->per_second) * SECOND / i->per_second);
	r->time_ns = p.time_ns;
	p.captured = get32(r, r->block + 12);
	p.len = get32(r, r->block + 16);
	p.linktype = i->linktype;
	p.data = r->block + 20;
	if (p.captured > len - 20 || p.captured > p.len)
		return broken(r, "a packet's length is wrong");
	return r->cb(&p, r->arg);
}

/* Of the first interface, without a time, and as long as its snaplen lets it be. */
static int ng_simple(struct reader *r, __u32 len)
{
	struct capfile_packet p = {.time_ns = r->time_ns, .data = r->block + 4};
	const struct interface *i = &r->interface[0];

	if (len < 4)
		return broken(r, "a packet's block is too short");
	if (!r->interfaces)
		return broken(r, "a packet is of an interface that is not described");
	p.linktype = i->linktype;
	p.len = get32(r, r->block);
	p.captured = i->snaplen && i->snaplen < p.len ? i->snaplen : p.len;
	if (p.captured > len - 4)
		return broken(r, "a packet's length is wrong");
	return r->cb(&p, r->arg);
}

static int ng_body(struct reader *r, __u32 type, __u32 len)
{
	switch (type) {
	case PCAPNG_INTERFACE:
		return ng_interface(r, len);
	case PCAPNG_PACKET:
		return ng_packet(r, len);
	case PCAPNG_SIMPLE:
		return ng_simple(r, len);
	default:
		return 0;
	}
}

/* A section's own order of bytes. */
static int ng_section(struct reader *r, __u32 *len)
{
	__u8 head[8];
	__u32 order;
	int err;

	err = read_bytes(r, head, sizeof(head), "the file ends within a section's header");
	if (err)
		return err > 0 ? broken(r, "the file ends within a section's header") : err;
	memcpy(&order, head + 4, 4);
	r->swapped = order == __builtin_bswap32(PCAPNG_ORDER);
	if (!r->swapped && order != PCAPNG_ORDER)
		return broken(r, "a section's byte order is wrong");
	r->interfaces = 0;
	*len = get32(r, head);
	return 0;
}

static int ng_rest(struct reader *r, __u32 type, __u32 len, __u32 had)
{
	__u32 rest;
	int err;

	if (len < had + 4 || len % 4 || len > BLOCK_MAX)
		return broken(r, "a block's length is wrong");
	rest = len - had;
	err = make_room(r, rest);
	if (!err)
		err = read_bytes(r, r->block, rest, "the file ends within a block");
	if (err)
		return err > 0 ? broken(r, "the file ends within a block") : err;
	if (get32(r, r->block + rest - 4) != len)
		return broken(r, "a block does not end as it began");
	return ng_body(r, type, rest - 4);
}

static int ng_block(struct reader *r)
{
	__u8 head[8];
	__u32 len;
	int err;

	err = read_bytes(r, head, 4, "the file ends within a block");
	if (err)
		return err;
	if (get32(r, head) == PCAPNG_SECTION) {
		err = ng_section(r, &len);
		return err ? err : ng_rest(r, PCAPNG_SECTION, len, 12);
	}
	err = read_bytes(r, head + 4, 4, "the file ends within a block");
	if (err)
		return err > 0 ? broken(r, "the file ends within a block") : err;
	return ng_rest(r, get32(r, head), get32(r, head + 4), 8);
}

static int pcapng(struct reader *r)
{
	__u32 len;
	int err;

	err = ng_section(r, &len);
	if (!err)
		err = ng_rest(r, PCAPNG_SECTION, len, 12);
	while (!err)
		err = ng_block(r);
	return err;
}

/* --- either --- */

static int read_file(struct reader *r)
{
	__u32 magic;
	int err;

	err = read_bytes(r, &magic, 4, "too short for a capture");
	if (err > 0)
		return broken(r, "no capture: the file is empty");
	if (err)
		return err;
	if (magic == PCAPNG_SECTION)
		return pcapng(r);
	r->swapped =
		magic == __builtin_bswap32(PCAP_MICRO) || magic == __builtin_bswap32(PCAP_NANO);
	magic = get32(r, &magic);
	if (magic == PCAP_MICRO || magic == PCAP_NANO)
		return pcap(r, magic);
	r->offset = 0;
	return broken(r, "neither pcap nor pcapng");
}

int capfile_each(const char *file, capfile_cb cb, void *arg, char why[CAPFILE_WHY])
{
	struct reader *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	*why = 0;
	r->file = file;
	r->cb = cb;
	r->arg = arg;
	r->why = why;
	r->in = fopen(file, "re");
	if (r->in) {
		err = read_file(r);
		fclose(r->in);
	} else {
		err = -errno;
		snprintf(why, CAPFILE_WHY, "%.200s: cannot open: %s", file, strerror(-err));
	}
	free(r->block);
	free(r);
	return err > 0 ? 0 : err;
}
