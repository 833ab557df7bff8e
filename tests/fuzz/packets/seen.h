/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a frame's bytes say, worked out from the RFCs and docs/packets.md, with nothing of bpf/. */
#ifndef SEEN_H
#define SEEN_H

#include "packet.h"

#define SEEN_WHOLE (-1)

struct seen {
	int reason;    /* enum synshield_reason why it is not looked at; SEEN_WHOLE */
	bool drop;     /* it is malformed */
	bool any_port; /* so, and its ports are not known */
	bool tuple;    /* addresses and ports hold */
	__u32 payload;
	bool bad_options, md5, ao;
	struct offer offer;
	struct segment s; /* options: those of the offer, in words */
};

void seen_read(const struct frame *f, struct seen *seen);
/* RFC 9293 section 3.3.1: SEG.SEQ + SEG.LEN */
__u32 seen_end(const struct seen *seen);

#endif
