/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A captured packet as an Ethernet frame, looked at just enough to tell whose it is. */
#ifndef FRAME_H
#define FRAME_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#define FRAME_MAX (65535 + 64)

enum frame_kind {
	FRAME_TCP,     /* a whole TCP header: all fields hold */
	FRAME_BAD_TCP, /* TCP with a header that is wrong: addresses hold */
	FRAME_OTHER,   /* not TCP, or a fragment */
	FRAME_CUT,     /* the capture ends before the headers do */
	FRAME_STRANGE, /* a link layer that is not understood */
};

struct frame {
	enum frame_kind kind;
	bool cut; /* payload beyond what was captured is zero */
	bool ipv6;
	__u8 source[16], target[16]; /* IPv4 as ::ffff:a.b.c.d */
	__u16 source_port, target_port;
	__u32 seq, ack;
	__u8 flags;
	__u32 l3, l4, payload_at; /* offsets */
	__u32 payload;		  /* bytes */
	__u32 len;
	__u8 byte[FRAME_MAX];
};

/*
 * data: `captured` bytes of a packet of `len` bytes, on a link of that type (LINKTYPE_*).
 * What the capture left out at the end is filled up with zeros.
 */
void frame_read(struct frame *f, __u32 linktype, const void *data, __u32 captured, __u32 len);
bool frame_knows_link(__u32 linktype);

/*
 * The n-th piece of at most `most` bytes of payload, as segmentation offload would have
 * cut it, in `piece`.  False: there is none.
 */
bool frame_piece(const struct frame *f, __u32 n, __u32 most, struct frame *piece);

/* Adds to numbers in the header.  No checksum is kept: nothing looks at it. */
void frame_add_seq(struct frame *f, __u32 add);
void frame_add_ack(struct frame *f, __u32 add);
/* The timestamps option (RFC 7323): offset of its TSval, or 0. */
__u32 frame_timestamps(const struct frame *f);
__u32 frame_get32(const struct frame *f, __u32 at);
void frame_put32(struct frame *f, __u32 at, __u32 value);

#endif
