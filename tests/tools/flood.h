/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What flood tells its BPF program. Both sides include it after their own integer types. */
#ifndef TOOLS_FLOOD_H
#define TOOLS_FLOOD_H

#define FLOOD_FRAME_MAX 128
#define FLOOD_FRAME_WORDS (FLOOD_FRAME_MAX / 8)
#define FLOOD_ADDR_WORDS 4
#define FLOOD_PARTS_MAX 8

/*
 * The program copies a template and fills in what is random. Sums cover the template with those
 * fields at zero, so that only the random values have to be added per packet. An offset of 0 means
 * that the field is not there, or is fixed.
 */
struct flood_template {
	union {
		__u64 word[FLOOD_FRAME_WORDS];
		__u16 half[FLOOD_FRAME_MAX / 2];
		__u8 byte[FLOOD_FRAME_MAX];
	} frame;
	__u32 frame_len;
	__u32 addr_off;	   /* source address */
	__u32 addr_words;  /* 1 for IPv4, 4 for IPv6 */
	__u32 ip_csum_off; /* 0: the header has no checksum */
	__u32 ip_id_off;   /* of a fragment */
	__u32 port_off;	   /* source port */
	__u32 l4_csum_off;
	__u32 seq_off;
	__u32 ack_off;
	__u32 ts_off; /* TSval, TSecr behind it */
	__u32 random_tsecr;
	__u32 ip_sum;
	__u32 l4_sum;
	__u32 pad;
};

struct flood_config {
	struct flood_template part[FLOOD_PARTS_MAX]; /* each packet is one of them, at random */
	__u32 parts;
	__u32 frame_len; /* of the test run, more than any part's */
	__u32 addr_base[FLOOD_ADDR_WORDS];
	__u32 addr_random[FLOOD_ADDR_WORDS]; /* the bits that vary */
	__u32 port_base;
	__u32 port_span;
	__u64 rate; /* packets per second, 0: as fast as it goes */
	__u64 burst;
	__u64 count; /* 0: no limit */
};

#endif
