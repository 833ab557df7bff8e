/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "seen.h"

#include <stdio.h>
#include <string.h>

#include "harness.h"

#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_QINQ 0x88a8
#define PROTO_TCP 6
#define EXTENSIONS_MAX 6

/* A part of the frame that is being looked at. */
struct part {
	const __u8 *at;
	__u32 len;
};

static bool stop(struct seen *seen, bool drop, int reason)
{
	seen->reason = reason;
	seen->drop = drop;
	return false;
}

#define LEAVE(name) stop(seen, false, SYNSHIELD_REASON_##name)
#define MALFORMED(name) stop(seen, true, SYNSHIELD_REASON_##name)

static void skip(struct part *p, __u32 len)
{
	p->at += len;
	p->len -= len;
}

/* --- Ethernet --- */

static bool is_tag(__u16 type)
{
	return type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ;
}

/* Up to two tags; p is then what comes after the type. */
static bool read_ethernet(struct seen *seen, struct part *p)
{
	struct segment *s = &seen->s;
	__u16 type;

	if (p->len < 14)
		return LEAVE(not_tcp);
	memcpy(s->to, p->at, 6);
	memcpy(s->from, p->at + 6, 6);
	if (memcmp(s->to, shield.host.mac, 6))
		return LEAVE(other_station);
	type = get16(p->at + 12);
	skip(p, 14);
	while (is_tag(type) && s->vlans < 2) {
		if (p->len < 4)
			return LEAVE(not_tcp);
		s->vlan[s->vlans].proto = type;
		s->vlan[s->vlans++].tci = get16(p->at);
		type = get16(p->at + 2);
		skip(p, 4);
	}
	if (type != 0x0800 && type != 0x86dd)
		return LEAVE(not_tcp);
	s->ipv6 = type == 0x86dd;
	return true;
}

/* --- IP: p is then the TCP segment, or what there is of it --- */

static void mapped(__u8 addr[16], const __u8 *ipv4)
{
	memset(addr, 0, 10);
	memset(addr + 10, 0xff, 2);
	memcpy(addr + 12, ipv4, 4);
}

/* They hold if there is a whole header, without its options. */
static void read_ports(struct seen *seen, const struct part *p)
{
	seen->any_port = p->len < 20;
	if (seen->any_port)
		return;
	seen->s.source_port = get16(p->at);
	seen->s.target_port = get16(p->at + 2);
}

/* RFC 1858, 3128, 7112: what ends before the flags, or has SYN, is no first fragment. */
static bool read_first(struct seen *seen, const struct part *p)
{
	read_ports(seen, p);
	return p->len < 20 || p->at[13] & TCP_SYN ? MALFORMED(bad_fragment) : LEAVE(fragment);
}

static bool read_ipv4(struct seen *seen, struct part *p)
{
	__u32 header, total;
	__u16 fragment;

	if (p->len < 20)
		return MALFORMED(bad_ip);
	header = (p->at[0] & 0xf) * 4;
	total = get16(p->at + 2);
	if (p->at[0] >> 4 != 4 || header < 20 || total < header || total > p->len)
		return MALFORMED(bad_ip);
	if (p->at[9] != PROTO_TCP)
		return LEAVE(not_tcp);
	seen->s.tos = p->at[1];
	mapped(seen->s.source, p->at + 12);
	mapped(seen->s.target, p->at + 16);
	fragment = get16(p->at + 6);
	p->len = total;
	skip(p, header);
	if ((fragment & 0x1fff) == 1)
		return MALFORMED(bad_fragment);
	if (fragment & 0x1fff)
		return LEAVE(fragment);
	if (fragment & IPV4_MF)
		return read_first(seen, p);
	return true;
}

static bool is_extension(__u8 kind)
{
	return kind == 0 || kind == 43 || kind == 44 || kind == 60;
}

static bool read_extensions(struct seen *seen, struct part *p, __u8 kind)
{
	int count = 0;
	bool first = false;
	__u32 len;

	for (; is_extension(kind); kind = p->at[0], skip(p, len)) {
		if (count++ == EXTENSIONS_MAX)
			return MALFORMED(beyond_reach);
		if (p->len < 8)
			return MALFORMED(bad_ip);
		len = kind == 44 ? 8 : (p->at[1] + 1) * 8;
		if (len > p->len)
			return MALFORMED(bad_ip);
		if (kind == 43 && p->at[3]) /* segments left: for another host */
			return LEAVE(not_tcp);
		if (kind == 44 && get16(p->at + 2) & 0xfff8) /* what follows is no header */
			return p->at[0] == PROTO_TCP ? LEAVE(fragment) : LEAVE(not_tcp);
		if (kind == 44 && get16(p->at + 2) & IPV6_MORE)
			first = true;
	}
	if (kind != PROTO_TCP)
		return LEAVE(not_tcp);
	if (first)
		return read_first(seen, p);
	return true;
}

static bool read_ipv6(struct seen *seen, struct part *p)
{
	__u32 len;
	__u8 kind;

	if (p->len < 40)
		return MALFORMED(bad_ip);
	kind = p->at[6];
	len = get16(p->at + 4);
	if (p->at[0] >> 4 != 6 || len > p->len - 40)
		return MALFORMED(bad_ip);
	seen->s.tos = get16(p->at) >> 4;
	memcpy(seen->s.source, p->at + 8, 16);
	memcpy(seen->s.target, p->at + 24, 16);
	p->len = 40 + len;
	skip(p, 40);
	return read_extensions(seen, p, kind);
}

/* --- TCP --- */

static void take_option(struct seen *seen, const __u8 *at, __u8 len)
{
	if (at[0] == 2 && len == 4) {
		seen->offer.mss = get16(at + 2);
	} else if (at[0] == 3 && len == 3) {
		seen->offer.wscale = at[2] > 14 ? 14 : at[2];
	} else if (at[0] == 4 && len == 2) {
		seen->offer.sack = true;
	} else if (at[0] == 8 && len == 10) {
		seen->offer.timestamp = true;
		seen->s.tsval = get32(at + 2);
		seen->s.tsecr = get32(at + 6);
	}
	seen->md5 |= at[0] == 19 && len == 18;
	seen->ao |= at[0] == 29;
}

static void read_options(struct seen *seen, const __u8 *at, __u32 left)
{
	__u8 len;

	for (; left && at[0]; at += len, left -= len) {
		len = 1;
		if (at[0] == 1)
			continue;
		if (left < 2 || at[1] < 2 || at[1] > left) {
			seen->bad_options = true;
			return;
		}
		len = at[1];
		take_option(seen, at, len);
	}
}

/* So that what is built from s offers the same. */
static void say_offer(struct seen *seen)
{
	const struct offer *o = &seen->offer;
	char mss[16] = "", wscale[16] = "";

	if (o->mss >= 0)
		snprintf(mss, sizeof(mss), "mss %d", o->mss);
	if (o->wscale >= 0)
		snprintf(wscale, sizeof(wscale), "ws %d", o->wscale);
	segment_options(&seen->s, " %s %s %s %s", mss, wscale, o->sack ? "sack" : "",
			o->timestamp ? "ts" : "");
}

static bool is_bad_ipv4_source(const __u8 *ip)
{
	return ip[0] == 127 || ip[0] >> 4 == 0xe || !get32(ip) || get32(ip) == 0xffffffff;
}

static bool is_martian(const struct segment *s)
{
	static const __u8 none[16], loopback[16] = {[15] = 1};
	static const __u8 prefix[12] = {[10] = 0xff, [11] = 0xff};

	if (!memcmp(s->source, s->target, 16))
		return true;
	if (!s->ipv6)
		return is_bad_ipv4_source(s->source + 12);
	return s->source[0] == 0xff || !memcmp(s->source, none, 16) ||
	       !memcmp(s->source, loopback, 16) || !memcmp(s->source, prefix, 12) ||
	       !memcmp(s->target, prefix, 12);
}

static bool read_tcp(struct seen *seen, const struct part *p)
{
	struct segment *s = &seen->s;
	__u32 header;

	read_ports(seen, p);
	if (p->len < 20)
		return MALFORMED(bad_tcp);
	header = (p->at[12] >> 4) * 4;
	if (header < 20 || header > p->len)
		return MALFORMED(bad_tcp);
	s->seq = get32(p->at + 4);
	s->ack = get32(p->at + 8);
	s->flags = p->at[13];
	seen->tuple = true;
	seen->payload = s->payload_len = p->len - header;
	if (!(s->flags & (TCP_SYN | TCP_RST | TCP_ACK)) ||
	    (s->flags & TCP_SYN && s->flags & (TCP_FIN | TCP_RST)))
		return MALFORMED(bad_flags);
	if (!s->source_port || !s->target_port)
		return MALFORMED(port_zero);
	if (is_martian(s))
		return MALFORMED(martian);
	read_options(seen, p->at + 20, header - 20);
	say_offer(seen);
	if (seen->bad_options && (s->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		return MALFORMED(bad_options);
	return true;
}

__u32 seen_end(const struct seen *seen)
{
	return seen->s.seq + seen->payload + !!(seen->s.flags & TCP_SYN) +
	       !!(seen->s.flags & TCP_FIN);
}

/* Reasons as docs/packets.md has them, from the top; whether the address is local is not known. */
void seen_read(const struct frame *f, struct seen *seen)
{
	struct part p = {f->byte, f->len};

	memset(seen, 0, sizeof(*seen));
	seen->reason = SEEN_WHOLE;
	seen->offer = (struct offer){.mss = -1, .wscale = -1};
	seen->any_port = true;
	if (read_ethernet(seen, &p) && (seen->s.ipv6 ? read_ipv6 : read_ipv4)(seen, &p))
		read_tcp(seen, &p);
}
