/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <string.h>

#include "flood_frame.h"

#define IP_DF 0x4000
#define IP_MF 0x2000
#define IP6_MF 0x0001 /* below an offset in bytes */
#define PAYLOAD 28    /* with a header of 20, a multiple of 8: it may be a first fragment */

enum flag {
	FIN = 0x01,
	SYN = 0x02,
	RST = 0x04,
	PSH = 0x08,
	ACK = 0x10,
	URG = 0x20,
};

enum options { OPTIONS_NONE, OPTIONS_LINUX, OPTIONS_TIMESTAMPS };

/*
 * A fragment holds these bytes of a segment that never comes whole; more than these two, if `more`.
 * With `to` 0 the segment is whole.
 */
struct cut {
	uint8_t from, to;
	bool more;
};

struct kind {
	const char *name;
	uint8_t protocol;
	uint8_t flags;
	enum options options;
	uint8_t payload;
	bool random_ack;
	struct cut cut;
	const char *parts[FLOOD_PARTS_MAX];
};

static const struct kind kinds[] = {
	{.name = "syn", .protocol = IPPROTO_TCP, .flags = SYN, .options = OPTIONS_LINUX},
	{.name = "bare-syn", .protocol = IPPROTO_TCP, .flags = SYN},
	{.name = "ack", .protocol = IPPROTO_TCP, .flags = ACK, .random_ack = true},
	{.name = "ack-ts",
	 .protocol = IPPROTO_TCP,
	 .flags = ACK,
	 .options = OPTIONS_TIMESTAMPS,
	 .random_ack = true},
	{.name = "data",
	 .protocol = IPPROTO_TCP,
	 .flags = ACK | PSH,
	 .payload = PAYLOAD,
	 .random_ack = true},
	{.name = "rst", .protocol = IPPROTO_TCP, .flags = RST},
	{.name = "synack",
	 .protocol = IPPROTO_TCP,
	 .flags = SYN | ACK,
	 .options = OPTIONS_LINUX,
	 .random_ack = true},
	{.name = "fin", .protocol = IPPROTO_TCP, .flags = FIN | ACK, .random_ack = true},
	{.name = "fin-only", .protocol = IPPROTO_TCP, .flags = FIN},
	{.name = "xmas", .protocol = IPPROTO_TCP, .flags = FIN | PSH | URG},
	{.name = "null", .protocol = IPPROTO_TCP},
	{.name = "udp", .protocol = IPPROTO_UDP},
	/* what senders of large segments make, and what they never make */
	{.name = "first-fragment",
	 .protocol = IPPROTO_TCP,
	 .flags = ACK | PSH,
	 .payload = PAYLOAD,
	 .random_ack = true,
	 .cut = {.to = 48, .more = true}},
	{.name = "later-fragment",
	 .protocol = IPPROTO_TCP,
	 .flags = ACK | PSH,
	 .payload = PAYLOAD,
	 .cut = {.from = 24, .to = 48}},
	{.name = "syn-first-fragment",
	 .protocol = IPPROTO_TCP,
	 .flags = SYN,
	 .options = OPTIONS_LINUX,
	 .cut = {.to = 40, .more = true}},
	{.name = "tiny-fragment",
	 .protocol = IPPROTO_TCP,
	 .flags = SYN,
	 .options = OPTIONS_LINUX,
	 .cut = {.to = 8, .more = true}},
	{.name = "overlap-fragment",
	 .protocol = IPPROTO_TCP,
	 .flags = SYN,
	 .options = OPTIONS_LINUX,
	 .cut = {.from = 8, .to = 40}},
	{.name = "fragment", .parts = {"first-fragment", "later-fragment"}},
	{.name = "syn-fragment",
	 .parts = {"syn-first-fragment", "tiny-fragment", "overlap-fragment"}},
	{.name = "mix", .parts = {"syn", "ack", "synack", "rst", "fin", "data", "xmas", "null"}},
};

/* MSS 1460, SACK permitted, timestamps, NOP, window scale 7: what Linux sends. */
static const uint8_t linux_options[] = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0,
					0, 0, 0, 0,   0, 0, 1, 3,  3, 7};
static const uint8_t timestamp_options[] = {1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0};

/* A segment before it is cut, and the offset in it of its timestamps, or 0. */
struct segment {
	uint8_t byte[FLOOD_FRAME_MAX];
	size_t len;
	size_t ts_off;
};

const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

const char *kind_name(const struct kind *kind)
{
	return kind->name;
}

unsigned int kind_parts(const struct kind *kind, const struct kind *parts[FLOOD_PARTS_MAX])
{
	unsigned int n = 0;

	while (n < FLOOD_PARTS_MAX && kind->parts[n]) {
		parts[n] = find_kind(kind->parts[n]);
		n++;
	}
	if (!n)
		parts[n++] = kind;
	return n;
}

static bool is_cut(const struct kind *kind)
{
	return kind->cut.to;
}

static size_t put_ethernet(uint8_t *frame, const struct flood_target *target)
{
	uint16_t type = htons(target->dst.family == AF_INET ? ETH_P_IP : ETH_P_IPV6);
	uint16_t tag[2] = {htons(ETH_P_8021Q), htons(target->vlan)};
	size_t len = 2 * MAC_LEN;

	memcpy(frame, target->dst_mac, MAC_LEN);
	memcpy(frame + MAC_LEN, target->src_mac, MAC_LEN);
	if (target->vlan) {
		memcpy(frame + len, tag, sizeof(tag));
		len += sizeof(tag);
	}
	memcpy(frame + len, &type, sizeof(type));
	return len + sizeof(type);
}

static size_t put_ipv4(struct flood_template *t, size_t offset, const struct kind *kind,
		       const struct flood_target *target, size_t payload)
{
	uint16_t fragment = kind->cut.from / 8 | (kind->cut.more ? IP_MF : 0);
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons(sizeof(ip) + payload),
		.frag_off = htons(is_cut(kind) ? fragment : IP_DF),
		.ttl = 64,
		.protocol = kind->protocol,
	};

	memcpy(&ip.daddr, target->dst.bytes, sizeof(ip.daddr));
	memcpy(t->frame.byte + offset, &ip, sizeof(ip));
	t->addr_off = offset + offsetof(struct iphdr, saddr);
	t->addr_words = 1;
	t->ip_csum_off = offset + offsetof(struct iphdr, check);
	t->ip_id_off = is_cut(kind) ? offset + offsetof(struct iphdr, id) : 0;
	t->ip_sum = sum_bytes(&ip, sizeof(ip), 0);
	return offset + sizeof(ip);
}

struct ipv6_fragment_header {
	uint8_t next, reserved;
	uint16_t offset;
	uint32_t id;
};

static size_t put_ipv6(struct flood_template *t, size_t offset, const struct kind *kind,
		       const struct flood_target *target, size_t payload)
{
	struct ipv6_fragment_header fragment = {
		.next = kind->protocol,
		.offset = htons(kind->cut.from | (kind->cut.more ? IP6_MF : 0)),
	};
	size_t extension = is_cut(kind) ? sizeof(fragment) : 0;
	struct ipv6hdr ip = {
		.version = 6,
		.payload_len = htons(extension + payload),
		.nexthdr = is_cut(kind) ? IPPROTO_FRAGMENT : kind->protocol,
		.hop_limit = 64,
	};

	memcpy(&ip.daddr, target->dst.bytes, sizeof(ip.daddr));
	memcpy(t->frame.byte + offset, &ip, sizeof(ip));
	t->addr_off = offset + offsetof(struct ipv6hdr, saddr);
	t->addr_words = 4;
	offset += sizeof(ip);
	memcpy(t->frame.byte + offset, &fragment, extension);
	if (extension)
		t->ip_id_off = offset + offsetof(struct ipv6_fragment_header, id);
	return offset + extension;
}

static const uint8_t *options_of(const struct kind *kind, size_t *len)
{
	*len = kind->options == OPTIONS_LINUX	     ? sizeof(linux_options)
	       : kind->options == OPTIONS_TIMESTAMPS ? sizeof(timestamp_options)
						     : 0;
	return kind->options == OPTIONS_LINUX ? linux_options : timestamp_options;
}

static void make_tcp(struct segment *segment, const struct kind *kind, uint16_t port)
{
	size_t len, before_ts = kind->options == OPTIONS_LINUX ? 6 : 2;
	const uint8_t *options = options_of(kind, &len);
	struct tcphdr tcp = {
		.dest = htons(port),
		.doff = (sizeof(tcp) + len) / 4,
		.window = htons(64240),
	};

	memcpy(segment->byte, &tcp, sizeof(tcp));
	segment->byte[13] = kind->flags;
	memcpy(segment->byte + sizeof(tcp), options, len);
	memset(segment->byte + sizeof(tcp) + len, 'x', kind->payload);
	segment->len = sizeof(tcp) + len + kind->payload;
	segment->ts_off = len ? sizeof(tcp) + before_ts + 2 : 0;
}

static void make_udp(struct segment *segment, uint16_t port)
{
	struct udphdr udp = {.dest = htons(port), .len = htons(sizeof(udp))};

	memcpy(segment->byte, &udp, sizeof(udp));
	segment->len = sizeof(udp);
}

/* What is random in a whole segment at @at. */
static void set_fields(struct flood_template *t, size_t at, const struct kind *kind,
		       const struct segment *segment)
{
	bool tcp = kind->protocol == IPPROTO_TCP;

	t->port_off = at;
	t->seq_off = tcp ? at + offsetof(struct tcphdr, seq) : 0;
	t->ack_off = kind->random_ack ? at + offsetof(struct tcphdr, ack_seq) : 0;
	t->ts_off = segment->ts_off ? at + segment->ts_off : 0;
	t->random_tsecr = !!(kind->flags & ACK);
	t->l4_csum_off =
		at + (tcp ? offsetof(struct tcphdr, check) : offsetof(struct udphdr, check));
}

/* Nobody gets to check the checksum of a segment that stays cut, and its timestamps are not read.
 */
static void set_fields_of_cut(struct flood_template *t, size_t at, const struct kind *kind)
{
	if (kind->cut.from)
		return;
	t->port_off = at;
	t->seq_off = at + offsetof(struct tcphdr, seq);
	t->ack_off = kind->random_ack ? at + offsetof(struct tcphdr, ack_seq) : 0;
}

void make_template(struct flood_template *t, const struct kind *kind,
		   const struct flood_target *target)
{
	struct addr nobody = {.family = target->dst.family};
	size_t at = put_ethernet(t->frame.byte, target);
	struct segment segment = {0};
	size_t from = kind->cut.from, len;

	if (kind->protocol == IPPROTO_UDP)
		make_udp(&segment, target->port);
	else
		make_tcp(&segment, kind, target->port);
	len = is_cut(kind) ? kind->cut.to - from : segment.len;
	at = target->dst.family == AF_INET ? put_ipv4(t, at, kind, target, len)
					   : put_ipv6(t, at, kind, target, len);
	memcpy(t->frame.byte + at, segment.byte + from, len);
	t->frame_len = at + len;
	if (is_cut(kind)) {
		set_fields_of_cut(t, at, kind);
		return;
	}
	set_fields(t, at, kind, &segment);
	t->l4_sum = sum_bytes(segment.byte, len,
			      sum_pseudo(&nobody, &target->dst, kind->protocol, len));
}
