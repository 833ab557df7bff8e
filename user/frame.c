/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "frame.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <string.h>

#include "locals.h"

/* https://www.tcpdump.org/linktypes.html */
#define LINK_NULL 0
#define LINK_ETHERNET 1
#define LINK_RAW_BSD 12
#define LINK_RAW_OPENBSD 14
#define LINK_RAW 101
#define LINK_LOOP 108
#define LINK_COOKED 113
#define LINK_IPV4 228
#define LINK_IPV6 229
#define LINK_COOKED_2 276

#define ETHERNET_LEN 14
#define TAGS_MAX 2
#define IPV6_HEADERS_MAX 6
#define PROTO_IPV4 0x0800
#define PROTO_IPV6 0x86dd
#define PROTO_VLAN 0x8100
#define PROTO_QINQ 0x88a8
#define TCP 6
#define TCP_MIN 20
#define OPT_END 0
#define OPT_NOP 1
#define OPT_TIMESTAMPS 8

static __u32 get16(const struct frame *f, __u32 at)
{
	return f->byte[at] << 8 | f->byte[at + 1];
}

static void put16(struct frame *f, __u32 at, __u32 value)
{
	f->byte[at] = value >> 8;
	f->byte[at + 1] = value;
}

__u32 frame_get32(const struct frame *f, __u32 at)
{
	return get16(f, at) << 16 | get16(f, at + 2);
}

void frame_put32(struct frame *f, __u32 at, __u32 value)
{
	put16(f, at, value >> 16);
	put16(f, at + 2, value);
}

/* --- the link layer --- */

/* Its header in front of the IP packet, and where that says what it is; -1: it does not. */
struct link {
	__u32 type, header;
	int proto_at;
};

static const struct link links[] = {
	{LINK_ETHERNET, ETHERNET_LEN, 12},
	{LINK_COOKED, 16, 14},
	{LINK_COOKED_2, 20, 0},
	{LINK_NULL, 4, -1},
	{LINK_LOOP, 4, -1},
	{LINK_RAW, 0, -1},
	{LINK_RAW_BSD, 0, -1},
	{LINK_RAW_OPENBSD, 0, -1},
	{LINK_IPV4, 0, -1},
	{LINK_IPV6, 0, -1},
};

static const struct link *find_link(__u32 type)
{
	size_t i;

	for (i = 0; i < sizeof(links) / sizeof(*links); i++) {
		if (links[i].type == type)
			return &links[i];
	}
	return NULL;
}

bool frame_knows_link(__u32 linktype)
{
	return find_link(linktype);
}

static __u32 proto_of(const struct link *link, const __u8 *data)
{
	if (link->proto_at >= 0)
		return data[link->proto_at] << 8 | data[link->proto_at + 1];
	return data[link->header] >> 4 == 6 ? PROTO_IPV6 : PROTO_IPV4;
}

/* Puts an Ethernet header in front of what came with another one, or none. */
static bool make_ethernet(struct frame *f, const struct link *link, const __u8 *data,
			  __u32 captured, __u32 len)
{
	static const __u8 macs[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};

	if (captured <= link->header || len < captured ||
	    len - link->header > FRAME_MAX - ETHERNET_LEN)
		return false;
	if (link->type == LINK_ETHERNET) {
		memcpy(f->byte, data, ETHERNET_LEN);
	} else {
		memcpy(f->byte, macs, sizeof(macs));
		put16(f, 12, proto_of(link, data));
	}
	memcpy(f->byte + ETHERNET_LEN, data + link->header, captured - link->header);
	f->len = len - link->header + ETHERNET_LEN;
	return true;
}

/* --- headers --- */

/* `end`: of what was captured. */
static enum frame_kind read_tcp(struct frame *f, __u32 at, __u32 left, __u32 end)
{
	__u32 header;

	f->l4 = at;
	if (left < TCP_MIN)
		return FRAME_BAD_TCP;
	if (at + TCP_MIN > end)
		return FRAME_CUT;
	f->source_port = get16(f, at);
	f->target_port = get16(f, at + 2);
	f->seq = frame_get32(f, at + 4);
	f->ack = frame_get32(f, at + 8);
	f->flags = f->byte[at + 13];
	header = (f->byte[at + 12] >> 4) * 4;
	if (header < TCP_MIN || header > left)
		return FRAME_BAD_TCP;
	if (at + header > end)
		return FRAME_CUT;
	f->payload_at = at + header;
	f->payload = left - header;
	return FRAME_TCP;
}

static enum frame_kind read_ipv4(struct frame *f, __u32 end)
{
	__u32 at = f->l3, header, total;

	if (at + 20 > end)
		return FRAME_CUT;
	header = (f->byte[at] & 15) * 4;
	total = get16(f, at + 2);
	if (!total) /* segmentation offload may leave it to the device */
		total = f->len - at;
	address_from_ipv4(f->source, &f->byte[at + 12]);
	address_from_ipv4(f->target, &f->byte[at + 16]);
	if (f->byte[at + 9] != TCP || get16(f, at + 6) & 0x3fff)
		return FRAME_OTHER;
	if (header < 20 || total < header || at + total > f->len)
		return FRAME_BAD_TCP;
	put16(f, at + 2, total);
	return read_tcp(f, at + header, total - header, end);
}

static bool is_extension(__u8 next)
{
	return next == 0 || next == 43 || next == 60;
}

static enum frame_kind read_ipv6(struct frame *f, __u32 end)
{
	__u32 at = f->l3 + 40, left, header;
	__u8 next;
	int i;

	if (at > end)
		return FRAME_CUT;
	f->ipv6 = true;
	memcpy(f->source, &f->byte[f->l3 + 8], 16);
	memcpy(f->target, &f->byte[f->l3 + 24], 16);
	next = f->byte[f->l3 + 6];
	left = get16(f, f->l3 + 4);
	if (!left)
		left = f->len - at;
	if (at + left > f->len)
		return next == TCP ? FRAME_BAD_TCP : FRAME_OTHER;
	put16(f, f->l3 + 4, left);
	for (i = 0; i < IPV6_HEADERS_MAX && is_extension(next); i++) {
		if (at + 8 > end)
			return FRAME_CUT;
		header = (f->byte[at + 1] + 1) * 8;
		if (header > left)
			return FRAME_OTHER;
		next = f->byte[at];
		at += header;
		left -= header;
	}
	return next == TCP ? read_tcp(f, at, left, end) : FRAME_OTHER;
}

static enum frame_kind read_headers(struct frame *f, __u32 end)
{
	__u32 at = 12, proto, tags;

	if (end < ETHERNET_LEN)
		return FRAME_CUT;
	proto = get16(f, at);
	for (tags = 0; tags < TAGS_MAX && (proto == PROTO_VLAN || proto == PROTO_QINQ); tags++) {
		at += 4;
		if (at + 2 > end)
			return FRAME_CUT;
		proto = get16(f, at);
	}
	f->l3 = at + 2;
	if (proto == PROTO_IPV4)
		return read_ipv4(f, end);
	return proto == PROTO_IPV6 ? read_ipv6(f, end) : FRAME_OTHER;
}

void frame_read(struct frame *f, __u32 linktype, const void *data, __u32 captured, __u32 len)
{
	const struct link *link = find_link(linktype);

	memset(f, 0, offsetof(struct frame, byte));
	f->kind = FRAME_STRANGE;
	if (!link)
		return;
	f->kind = FRAME_CUT;
	if (!make_ethernet(f, link, data, captured, len))
		return;
	f->cut = captured < len;
	captured += ETHERNET_LEN - link->header;
	memset(f->byte + captured, 0, f->len - captured);
	f->kind = read_headers(f, captured);
}

/* --- pieces --- */

bool frame_piece(const struct frame *f, __u32 n, __u32 most, struct frame *piece)
{
	__u32 from = n * most, bytes;

	if (n && from >= f->payload)
		return false;
	bytes = f->payload - from < most ? f->payload - from : most;
	memcpy(piece, f, offsetof(struct frame, byte) + f->payload_at);
	memcpy(piece->byte + f->payload_at, f->byte + f->payload_at + from, bytes);
	piece->payload = bytes;
	piece->len = f->payload_at + bytes;
	if (f->ipv6)
		put16(piece, f->l3 + 4, piece->len - f->l3 - 40);
	else
		put16(piece, f->l3 + 2, piece->len - f->l3);
	frame_add_seq(piece, from);
	if (from + bytes < f->payload) {
		piece->flags &= ~(TH_FIN | TH_PUSH);
		piece->byte[f->l4 + 13] = piece->flags;
	}
	return true;
}

void frame_add_seq(struct frame *f, __u32 add)
{
	f->seq += add;
	frame_put32(f, f->l4 + 4, f->seq);
}

void frame_add_ack(struct frame *f, __u32 add)
{
	f->ack += add;
	frame_put32(f, f->l4 + 8, f->ack);
}

__u32 frame_timestamps(const struct frame *f)
{
	__u32 at = f->l4 + TCP_MIN;

	while (at < f->payload_at && f->byte[at] != OPT_END) {
		if (f->byte[at] == OPT_NOP) {
			at++;
			continue;
		}
		if (at + 2 > f->payload_at || f->byte[at + 1] < 2)
			break;
		if (f->byte[at] == OPT_TIMESTAMPS && at + 10 <= f->payload_at)
			return at + 2;
		at += f->byte[at + 1];
	}
	return 0;
}
