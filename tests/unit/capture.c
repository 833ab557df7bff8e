/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * user/capfile.c and user/frame.c: captures built byte by byte, in every form; cut at
 * every byte; with every byte altered.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capfile.h"
#include "frame.h"
#include "locals.h"
#include "tap.h"

#define SECOND 1000000000ULL
#define ROOM 8192
#define PACKETS_MAX 64

/* In place of user/locals.c, which would bring netlink with it. */
void address_from_ipv4(__u8 addr[16], const void *ipv4)
{
	memset(addr, 0, 10);
	memset(addr + 10, 0xff, 2);
	memcpy(addr + 12, ipv4, 4);
}

/* --- a file, built --- */

struct file {
	__u8 byte[ROOM];
	__u32 len;
	bool big; /* byte order */
};

static void put(struct file *f, const void *bytes, __u32 len)
{
	if (f->len + len > ROOM)
		bail_out("the test's file is too long");
	memcpy(f->byte + f->len, bytes, len);
	f->len += len;
}

static void put_number(struct file *f, __u32 value, int bytes)
{
	for (int i = 0; i < bytes; i++) {
		__u8 byte = value >> 8 * (f->big ? bytes - 1 - i : i);

		put(f, &byte, 1);
	}
}

static void put16(struct file *f, __u32 value)
{
	put_number(f, value, 2);
}

static void put32(struct file *f, __u32 value)
{
	put_number(f, value, 4);
}

static void set32(struct file *f, __u32 at, __u32 value)
{
	__u32 len = f->len;

	f->len = at;
	put32(f, value);
	f->len = len;
}

static void pcap_header(struct file *f, __u32 magic, __u32 linktype)
{
	put32(f, magic);
	put16(f, 2);
	put16(f, 4);
	put32(f, 0);
	put32(f, 0);
	put32(f, 262144);
	put32(f, linktype);
}

static void pcap_packet(struct file *f, __u32 seconds, __u32 fraction, const void *data,
			__u32 captured, __u32 len)
{
	put32(f, seconds);
	put32(f, fraction);
	put32(f, captured);
	put32(f, len);
	put(f, data, captured);
}

/* A block of pcapng: its length stands at both ends, and is known at the end only. */
static __u32 block(struct file *f, __u32 type)
{
	__u32 at = f->len;

	put32(f, type);
	put32(f, 0);
	return at;
}

static void block_end(struct file *f, __u32 at)
{
	__u32 len;

	while (f->len % 4)
		put(f, "", 1);
	len = f->len + 4 - at;
	set32(f, at + 4, len);
	put32(f, len);
}

static void section(struct file *f)
{
	__u32 at = block(f, 0x0a0d0d0a);

	put32(f, 0x1a2b3c4d);
	put16(f, 1);
	put16(f, 0);
	put32(f, ~0u); /* the section's length is not told */
	put32(f, ~0u);
	block_end(f, at);
}

static void option(struct file *f, __u32 code, const void *value, __u32 len)
{
	put16(f, code);
	put16(f, len);
	put(f, value, len);
	while (f->len % 4)
		put(f, "", 1);
}

/* resolution: 0: not told */
static void interface(struct file *f, __u32 linktype, __u8 resolution)
{
	__u32 at = block(f, 1);

	put16(f, linktype);
	put16(f, 0);
	put32(f, 96); /* snaplen */
	option(f, 2, "eth0", 4);
	if (resolution)
		option(f, 9, &resolution, 1);
	option(f, 0, "", 0);
	block_end(f, at);
}

static void packet(struct file *f, __u32 i, __u64 ticks, const void *data, __u32 captured,
		   __u32 len)
{
	__u32 at = block(f, 6);

	put32(f, i);
	put32(f, ticks >> 32);
	put32(f, ticks);
	put32(f, captured);
	put32(f, len);
	put(f, data, captured);
	while (f->len % 4)
		put(f, "", 1);
	option(f, 1, "a comment", 9);
	option(f, 0, "", 0);
	block_end(f, at);
}

static void simple_packet(struct file *f, const void *data, __u32 captured, __u32 len)
{
	__u32 at = block(f, 3);

	put32(f, len);
	put(f, data, captured);
	block_end(f, at);
}

/* --- a file, read --- */

struct seen {
	struct capfile_packet packet[PACKETS_MAX];
	__u8 byte[PACKETS_MAX][128];
	int count, stop_at;
	int result;
	char why[CAPFILE_WHY];
};

static int see(const struct capfile_packet *p, void *arg)
{
	struct seen *seen = arg;
	static struct frame frame;
	int i = seen->count++;

	frame_read(&frame, p->linktype, p->data, p->captured, p->len);
	if (i >= PACKETS_MAX)
		return -E2BIG;
	seen->packet[i] = *p;
	if (p->captured)
		memcpy(seen->byte[i], p->data, p->captured < 128 ? p->captured : 128);
	return seen->count == seen->stop_at ? -ECANCELED : 0;
}

static char path[64];
static int memory;

static void read_file(const struct file *f, __u32 len, struct seen *seen)
{
	if (ftruncate(memory, 0) || pwrite(memory, f->byte, len, 0) != (ssize_t)len)
		bail_out("cannot write the file");
	seen->count = 0;
	memset(seen->why, 'x', sizeof(seen->why));
	seen->result = capfile_each(path, see, seen, seen->why);
}

static bool is_packet(const struct seen *seen, int i, __u64 time, __u32 linktype, const char *data,
		      __u32 captured, __u32 len)
{
	const struct capfile_packet *p = &seen->packet[i];

	return i < seen->count && p->time_ns == time && p->linktype == linktype &&
	       p->captured == captured && p->len == len && !memcmp(seen->byte[i], data, captured);
}

static struct seen seen;

/* --- rows --- */

static void row_pcap(__u32 magic, bool big, __u32 tick)
{
	struct file f = {.big = big};

	pcap_header(&f, magic, 113);
	pcap_packet(&f, 1700000000, 123456, "first", 5, 5);
	pcap_packet(&f, 0xffffffff, 999999, "second", 6, 1500);
	pcap_packet(&f, 0, 0, "", 0, 0);
	read_file(&f, f.len, &seen);
	ok(!seen.result && seen.count == 3 &&
		   is_packet(&seen, 0, 1700000000 * SECOND + 123456 * tick, 113, "first", 5, 5) &&
		   is_packet(&seen, 1, 0xffffffff * SECOND + 999999 * tick, 113, "second", 6,
			     1500) &&
		   is_packet(&seen, 2, 0, 113, "", 0, 0),
	   "pcap, %s-endian, %s", big ? "big" : "little",
	   tick == 1 ? "nanoseconds" : "microseconds");
}

static void row_resolution(__u8 resolution, __u64 ticks, __u64 ns)
{
	struct file f = {.big = resolution & 1};

	section(&f);
	interface(&f, 1, resolution);
	packet(&f, 0, ticks, "data", 4, 4);
	read_file(&f, f.len, &seen);
	ok(!seen.result && is_packet(&seen, 0, ns, 1, "data", 4, 4),
	   "pcapng, if_tsresol %#x: %llu ticks are %llu ns", resolution, ticks, ns);
}

static void rows_resolutions(void)
{
	row_resolution(0, 1700000000123456, 1700000000123456000);
	row_resolution(6, 1700000000123456, 1700000000123456000);
	row_resolution(9, 1700000000123456789, 1700000000123456789);
	row_resolution(3, 1700000000123, 1700000000123000000);
	row_resolution(1, 17000000001, 1700000000100000000);
	row_resolution(12, 1700000000123456789, 1700000000123456);
	row_resolution(0x80 | 10, 1536, 1500000000);
	row_resolution(0x80 | 30, 3ULL << 29, 1500000000);
}

/* Two sections of different byte order, each with interfaces of its own. */
static void row_sections(void)
{
	struct file f = {.big = false};
	__u32 other;

	section(&f);
	interface(&f, 1, 0);
	interface(&f, 101, 9);
	packet(&f, 1, 5, "raw", 3, 3);
	packet(&f, 0, 7, "ether", 5, 60);
	other = block(&f, 5); /* interface statistics */
	put32(&f, 0);
	put32(&f, 0);
	put32(&f, 0);
	block_end(&f, other);
	other = block(&f, 0x80001234); /* of somebody's own */
	put(&f, "anything at all", 15);
	block_end(&f, other);
	f.big = true;
	section(&f);
	interface(&f, 276, 3);
	packet(&f, 0, 9, "cooked", 6, 6);
	read_file(&f, f.len, &seen);
	ok(!seen.result && seen.count == 3 && is_packet(&seen, 0, 5, 101, "raw", 3, 3) &&
		   is_packet(&seen, 1, 7000, 1, "ether", 5, 60) &&
		   is_packet(&seen, 2, 9000000, 276, "cooked", 6, 6),
	   "pcapng: sections, interfaces, and blocks that are passed over");
}

static void row_simple(void)
{
	struct file f = {.big = true};
	char long_one[97];

	memset(long_one, 'L', sizeof(long_one));
	section(&f);
	interface(&f, 1, 0);
	packet(&f, 0, 5000000, "timed", 5, 5);
	simple_packet(&f, "short", 5, 5);
	simple_packet(&f, long_one, 96, 1500);
	read_file(&f, f.len, &seen);
	ok(!seen.result && seen.count == 3 && is_packet(&seen, 1, 5 * SECOND, 1, "short", 5, 5) &&
		   is_packet(&seen, 2, 5 * SECOND, 1, long_one, 96, 1500),
	   "pcapng: a simple packet is cut at the snaplen, and of the time of the one before");
}

static void row_stop(void)
{
	struct file f = {.big = false};

	pcap_header(&f, 0xa1b2c3d4, 1);
	for (int i = 0; i < 5; i++)
		pcap_packet(&f, i, 0, "data", 4, 4);
	seen.stop_at = 2;
	read_file(&f, f.len, &seen);
	ok(seen.count == 2 && seen.result == -ECANCELED, "who is told of the packets can end it");
	seen.stop_at = 0;
}

/* --- broken files --- */

/* Cut at each byte: what is whole before that is seen, and only a whole file is right. */
static void row_cut(const struct file *f, const char *name, int packets, int ends)
{
	int whole = 0, last = 0;
	bool right = true;

	for (__u32 len = 0; len <= f->len; len++) {
		read_file(f, len, &seen);
		if (!seen.result)
			whole++;
		else
			right &= seen.result == -EBADMSG && strstr(seen.why, path) &&
				 strstr(seen.why, " at byte ");
		right &= seen.count >= last && seen.count <= packets;
		last = seen.count;
	}
	ok(right && last == packets && whole == ends,
	   "%s cut at each of %u bytes is refused with reason and place, but at %d ends", name,
	   f->len, whole);
}

/* Each byte altered: nothing but an end with a reason, or a file that is right. */
static void row_altered(const struct file *f, const char *name)
{
	static const __u8 values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
	bool right = true;

	for (__u32 at = 0; at < f->len; at++) {
		for (unsigned int i = 0; i < sizeof(values); i++) {
			struct file g = *f;

			g.byte[at] = values[i];
			read_file(&g, g.len, &seen);
			if (seen.result == -EBADMSG && strstr(seen.why, path))
				continue;
			if (!seen.result && seen.count <= PACKETS_MAX)
				continue;
			right = false;
			note("byte %u = %#x: %d, '%.60s'", at, values[i], seen.result, seen.why);
		}
	}
	ok(right, "%s with any byte altered is read, or refused with reason and place", name);
}

static void rows_broken(void)
{
	struct file pcap = {.big = true}, ng = {.big = false};

	pcap_header(&pcap, 0xa1b2c3d4, 1);
	pcap_packet(&pcap, 1, 2, "0123456789abcdef", 16, 16);
	pcap_packet(&pcap, 3, 4, "0123456789", 10, 1500);
	row_cut(&pcap, "a pcap", 2, 3);
	row_altered(&pcap, "a pcap");
	section(&ng);
	interface(&ng, 1, 9);
	packet(&ng, 0, 5, "0123456789abcdef", 16, 16);
	simple_packet(&ng, "0123", 4, 4);
	row_cut(&ng, "a pcapng", 2, 4);
	row_altered(&ng, "a pcapng");
}

static bool is_refused(const struct file *f, const char *why)
{
	read_file(f, f->len, &seen);
	if (seen.result == -EBADMSG && strstr(seen.why, why))
		return true;
	note("%d, '%s'", seen.result, seen.why);
	return false;
}

static void rows_refused(void)
{
	struct file f = {.big = false};

	pcap_header(&f, 0xa1b2cd34, 1); /* of a modified libpcap, long ago */
	ok(is_refused(&f, "neither pcap nor pcapng"), "another magic number is refused");
	f.len = 0;
	section(&f);
	packet(&f, 0, 0, "data", 4, 4);
	ok(is_refused(&f, "interface that is not described"), "a packet before its interface");
	f.len = 0;
	section(&f);
	simple_packet(&f, "data", 4, 4);
	ok(is_refused(&f, "interface that is not described"), "a simple packet before it");
	f.len = 0;
	section(&f);
	set32(&f, 4, 0xfffffff0);
	ok(is_refused(&f, "length is wrong"), "a section of 4 GiB");
	f.len = 0;
	section(&f);
	interface(&f, 1, 0);
	packet(&f, 0, 0, "data", 4, 4);
	set32(&f, f.len - 4, 12);
	ok(is_refused(&f, "does not end as it began"), "a block whose lengths differ");
	ok(capfile_each("/nowhere/at/all", see, &seen, seen.why) == -ENOENT &&
		   strstr(seen.why, "/nowhere/at/all"),
	   "a file that is not there");
	ok(capfile_each("/proc/self", see, &seen, seen.why) == -EIO &&
		   strstr(seen.why, "/proc/self"),
	   "a directory");
}

/* --- frames --- */

static const __u8 ipv4_syn[] = {
	0x45, 0, 0, 40, 0, 0, 0x40, 0,	  64, 6, 0, 0, 192,  0, 2,    2,    198, 51, 100, 1,
	4,    1, 0, 80, 0, 0, 3,    0xe8, 0,  0, 0, 0, 0x50, 2, 0xff, 0xff, 0,	 0,  0,	  0,
};

static bool is_syn(const struct frame *f, __u32 l3)
{
	static const __u8 client[16] = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 2};
	static const __u8 server[16] = {[10] = 0xff, [11] = 0xff, 198, 51, 100, 1};

	return f->kind == FRAME_TCP && !f->cut && f->l3 == l3 && f->len == l3 + 40 &&
	       !memcmp(f->source, client, 16) && !memcmp(f->target, server, 16) &&
	       f->source_port == 1025 && f->target_port == 80 && f->seq == 1000 && f->flags == 2 &&
	       !f->payload && !memcmp(f->byte + l3, ipv4_syn, 40) && f->byte[l3 - 2] == 8 &&
	       !f->byte[l3 - 1];
}

/* The same segment behind each link layer's header becomes the same Ethernet frame. */
static void row_link(const char *name, __u32 linktype, const char *header, __u32 len, __u32 l3)
{
	static struct frame frame;
	__u8 data[128];

	memcpy(data, header, len);
	memcpy(data + len, ipv4_syn, sizeof(ipv4_syn));
	frame_read(&frame, linktype, data, len + 40, len + 40);
	ok(frame_knows_link(linktype) && is_syn(&frame, l3), "a segment on a link of type %u, %s",
	   linktype, name);
}

static void rows_links(void)
{
	row_link("Ethernet", 1, "\x02\0\0\0\0\2\2\0\0\0\0\1\x08\0", 14, 14);
	row_link("Ethernet with a VLAN tag", 1, "\x02\0\0\0\0\2\2\0\0\0\0\1\x81\0\0\5\x08\0", 18,
		 18);
	row_link("raw IP", 101, "", 0, 14);
	row_link("raw IP of BSD", 12, "", 0, 14);
	row_link("raw IP of OpenBSD", 14, "", 0, 14);
	row_link("IPv4", 228, "", 0, 14);
	row_link("Linux cooked", 113, "\0\0\0\1\0\6\2\0\0\0\0\1\0\0\x08\0", 16, 14);
	row_link("Linux cooked with a VLAN tag", 113,
		 "\0\0\0\1\0\6\2\0\0\0\0\1\0\0\x81\0\0\5\x08\0", 20, 18);
	row_link("Linux cooked 2", 276, "\x08\0\0\0\0\0\0\2\0\1\0\6\2\0\0\0\0\1\0\0", 20, 14);
	row_link("null, little-endian", 0, "\2\0\0\0", 4, 14);
	row_link("null, big-endian", 0, "\0\0\0\2", 4, 14);
	row_link("loop", 108, "\0\0\0\2", 4, 14);
	ok(!frame_knows_link(105), "IEEE 802.11 is not known");
}

/* Cut, lengthened and altered in every byte: never a segment beyond its frame. */
static void row_frames(void)
{
	static struct frame f;
	__u8 data[64] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8};
	bool right = true;

	memcpy(data + 14, ipv4_syn, sizeof(ipv4_syn));
	for (__u32 captured = 0; captured <= 54; captured++) {
		frame_read(&f, 1, data, captured, 54);
		right &= captured == 54 ? f.kind == FRAME_TCP : f.kind == FRAME_CUT;
	}
	frame_read(&f, 1, data, 54, 0xffffffff); /* with a header more it would come round to 0 */
	right &= f.kind == FRAME_CUT;
	for (__u32 at = 12; at < 54; at++) {
		__u8 was = data[at];

		for (int value = 0; value < 256; value++) {
			data[at] = value;
			frame_read(&f, 1, data, 54, 54);
			right &= f.kind != FRAME_TCP ||
				 (f.len == 54 && f.payload_at <= f.len &&
				  f.payload <= f.len - f.payload_at && f.l4 + 20 <= f.payload_at);
		}
		data[at] = was;
	}
	ok(right, "a frame that is cut, or altered in any byte, has no segment beyond its end");
}

int main(void)
{
	memory = memfd_create("capture", 0);
	if (memory < 0)
		bail_out("no memory for a file");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", memory);
	row_pcap(0xa1b2c3d4, false, 1000);
	row_pcap(0xa1b2c3d4, true, 1000);
	row_pcap(0xa1b23c4d, false, 1);
	row_pcap(0xa1b23c4d, true, 1);
	rows_resolutions();
	row_sections();
	row_simple();
	row_stop();
	rows_broken();
	rows_refused();
	rows_links();
	row_frames();
	return tap_done();
}
