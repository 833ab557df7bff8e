/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/capfile.c, user/frame.c: any bytes as a capture, and its packets as frames. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capfile.h"
#include "frame.h"
#include "fuzz.h"
#include "locals.h"

#define MOST 1448

/* In place of user/locals.c, which would bring netlink with it. */
void address_from_ipv4(__u8 addr[16], const void *ipv4)
{
	memset(addr, 0, 10);
	memset(addr + 10, 0xff, 2);
	memcpy(addr + 12, ipv4, 4);
}

static void check_tcp(struct frame *f)
{
	static struct frame piece;
	__u32 n, total = 0, at = frame_timestamps(f);

	must(f->l3 < f->l4 && f->l4 + 20 <= f->payload_at && f->payload_at <= f->len);
	must(f->payload <= f->len - f->payload_at);
	if (at) {
		must(at >= f->l4 + 20 && at + 8 <= f->payload_at);
		frame_put32(f, at, frame_get32(f, at) + 1);
	}
	frame_add_seq(f, 7);
	frame_add_ack(f, 9);
	for (n = 0; n < 100 && frame_piece(f, n, MOST, &piece); n++) {
		must(piece.payload <= MOST && piece.len <= FRAME_MAX);
		total += piece.payload;
	}
	must(total <= f->payload);
}

static int take(const struct capfile_packet *p, void *arg)
{
	static struct frame f;
	__u32 *sum = arg;

	for (__u32 i = 0; i < p->captured; i++) /* all of it can be read */
		*sum += ((const __u8 *)p->data)[i];
	frame_read(&f, p->linktype, p->data, p->captured, p->len);
	must(f.kind <= FRAME_STRANGE && f.len <= FRAME_MAX);
	if (f.kind == FRAME_TCP)
		check_tcp(&f);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[CAPFILE_WHY] = "";
	__u32 sum = 0;
	int err = capfile_each(fuzz_file(data, size), take, &sum, why);

	must(err <= 0);
	must(!err || (why[0] && memchr(why, 0, sizeof(why))));
	return 0;
}
