/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Packets of every shape that is wrong: cut after any byte, and lengths that lie.
 * What has to come of each one is worked out here, from the layouts in RFC 791,
 * 8200 and 9293.
 */
#include <string.h>

#include "harness.h"

#define ANY_RATE 0x1000000 /* more than there is of anything here */
#define TRAILER 20	   /* bytes behind the IP packet, as Ethernet's padding */

struct shape {
	const char *name;
	bool ipv6;
	int vlans, ip_options, extensions;
	struct extension extension[3];
};

static const struct shape shapes[] = {
	{"IPv4", false, 0, 0, 0, {}},
	{"IPv4, VLAN", false, 1, 0, 0, {}},
	{"IPv4, QinQ", false, 2, 0, 0, {}},
	{"IPv4, 40 bytes of options, VLAN", false, 1, 40, 0, {}},
	{"IPv6", true, 0, 0, 0, {}},
	{"IPv6, VLAN", true, 1, 0, 0, {}},
	{"IPv6, QinQ", true, 2, 0, 0, {}},
	{"IPv6, extension headers, VLAN", true, 1, 0, 3, {{0, 8}, {43, 24}, {60, 16}}},
};

static const char payload[] = "0123456789";

static void shape_begin(const struct shape *sh, __u8 flags, struct segment *s)
{
	segment_begin_apart(s, sh->ipv6, flags);
	s->vlans = sh->vlans;
	s->vlan[0] = (struct vlan_tag){sh->vlans == 2 ? 0x88a8 : 0x8100, 5};
	s->vlan[1] = (struct vlan_tag){0x8100, 7};
	s->ip_options_len = sh->ip_options;
	memset(s->ip_options, 1, sizeof(s->ip_options));
	s->extensions = sh->extensions;
	memcpy(s->extension, sh->extension, sizeof(sh->extension));
	if (flags & TCP_SYN)
		return;
	segment_options(s, "nop nop ts");
	s->payload = payload;
	s->payload_len = sizeof(payload);
}

static bool is_always(void)
{
	return shield.settings.mode == SYNSHIELD_MODE_ALWAYS;
}

/* A well-formed SYN to a listener. */
static bool syn_comes_to_its_own(const struct frame *f, const char *name, int n)
{
	return is_always() ? comes_to(REPLY(cookie), f, "%s %d", name, n)
			   : comes_to(PASS(calm), f, "%s %d", name, n);
}

/* A well-formed segment that nobody knows to a listener, which in mode always has sent a cookie. */
static bool segment_comes_to_its_own(const struct frame *f, bool data, const char *name, int n)
{
	if (is_always())
		return comes_to(DROP(unproven), f, "%s %d", name, n);
	return data ? comes_to(REPLY(unknown_data), f, "%s %d", name, n)
		    : comes_to(REPLY(unknown_ack), f, "%s %d", name, n);
}

/* One whose IP packet is `len` bytes long, of which the headers take `header`. */
static bool comes_to_its_own(const struct frame *f, __u8 flags, __u32 len, __u32 header,
			     const char *name)
{
	if (flags & TCP_SYN)
		return syn_comes_to_its_own(f, name, len);
	return segment_comes_to_its_own(f, len > header, name, len);
}

static __u32 header_end(const struct frame *f)
{
	return f->l4 + (f->byte[f->l4 + 12] >> 4) * 4;
}

static void set_ip_len(struct frame *f, __u32 len)
{
	if (f->byte[f->l3] >> 4 == 4)
		put16(f->byte + f->l3 + 2, len);
	else if (len >= 40)
		put16(f->byte + f->l3 + 4, len - 40);
}

/* honest: the IP length says so. */
static bool cut_comes_to(const struct frame *f, __u8 flags, bool honest, const char *name)
{
	if (f->len < f->l3)
		return comes_to(PASS(not_tcp), f, "%s, cut after %u", name, f->len);
	if (!honest || f->len < f->l4)
		return comes_to(DROP(bad_ip), f, "%s, cut after %u", name, f->len);
	if (f->len < header_end(f))
		return comes_to(DROP(bad_tcp), f, "%s, cut after %u", name, f->len);
	return comes_to_its_own(f, flags, f->len - f->l3, header_end(f) - f->l3, name);
}

static void cut_everywhere(const struct shape *sh, __u8 flags, bool honest)
{
	static struct frame f;
	struct segment s;
	__u32 len, whole;
	int wrong = 0;

	for (len = 14;; len++) {
		shape_begin(sh, flags, &s);
		frame_build(&s, &f);
		whole = f.len;
		if (len == whole)
			break;
		f.len = len;
		if (honest && len >= f.l3)
			set_ip_len(&f, len - f.l3);
		wrong += !cut_comes_to(&f, flags, honest, sh->name);
	}
	ok(!wrong && len > 54, "%s, %s: cut after each of bytes 14 to %u, %s its IP length says",
	   sh->name, flags & TCP_SYN ? "SYN" : "data", whole - 1, honest ? "as" : "not as");
}

/* The IP length says anything; TRAILER bytes more are there. */
static bool ip_length_comes_to(const struct shape *sh, __u8 flags, __u32 len)
{
	static struct frame f;
	struct segment s;
	__u32 there;

	shape_begin(sh, flags, &s);
	frame_build(&s, &f);
	f.len += TRAILER;
	there = f.len - f.l3;
	set_ip_len(&f, len);
	if (len < f.l4 - f.l3 || len > there)
		return comes_to(DROP(bad_ip), &f, "%s: IP length %u", sh->name, len);
	if (len < header_end(&f) - f.l3)
		return comes_to(DROP(bad_tcp), &f, "%s: IP length %u", sh->name, len);
	return comes_to_its_own(&f, flags, len, header_end(&f) - f.l3, "IP length");
}

static void rows_ip_length(const struct shape *sh, __u8 flags)
{
	int wrong = 0;

	for (__u32 len = sh->ipv6 ? 40 : 0; len <= 0xffff; len += len < 1500 ? 1 : 4001)
		wrong += !ip_length_comes_to(sh, flags, len);
	ok(!wrong, "%s, %s: IP lengths from 0 to 65535", sh->name,
	   flags & TCP_SYN ? "SYN" : "data");
}

/*
 * What follows the lie is all ones, so that wherever the TCP header is looked for
 * it claims 60 bytes, which are not there.
 */
static void rows_header_lengths(void)
{
	static struct frame f;
	struct segment s;
	int wrong = 0;

	for (int words = 0; words < 16; words++) {
		segment_begin_apart(&s, false, TCP_SYN);
		frame_build(&s, &f);
		memset(f.byte + f.l4, 0xff, f.len - f.l4);
		f.byte[f.l3] = 0x40 | words;
		wrong += words < 5 || words * 4 > 60
				 ? !comes_to(DROP(bad_ip), &f, "header length %d", words * 4)
				 : !comes_to(DROP(bad_tcp), &f, "header length %d", words * 4);
	}
	ok(!wrong, "IPv4: header lengths from 0 to 60");
	wrong = 0;
	for (int units = 0; units < 256; units++) {
		segment_begin_apart(&s, true, TCP_SYN);
		s.extensions = 1;
		s.extension[0] = (struct extension){.kind = 60, .len = 8};
		frame_build(&s, &f);
		memset(f.byte + f.l4, 0xff, f.len - f.l4);
		f.byte[f.l3 + 41] = units;
		wrong += (units + 1) * 8 > 48
				 ? !comes_to(DROP(bad_ip), &f, "extension of %d", units)
				 : !comes_to(DROP(bad_tcp), &f, "extension of %d", units);
	}
	ok(!wrong, "IPv6: extension header lengths from 8 to 2048");
}

/* Of 20 bytes of options, cut where the header ends, those that stay whole. */
static bool options_are_whole(int words)
{
	return words <= 6 || words >= 9; /* none; the MSS; up to the timestamps' end */
}

static bool doff_comes_to(bool ipv6, __u8 flags, int words)
{
	static struct frame f;
	struct segment s;

	segment_begin_apart(&s, ipv6, flags);
	segment_options(&s, "mss 1460 sack ts nop ws 7");
	frame_build(&s, &f);
	f.byte[f.l4 + 12] = words << 4;
	if (words < 5 || words > 10)
		return comes_to(DROP(bad_tcp), &f, "header length %d", words * 4);
	if (!(flags & TCP_SYN))
		return segment_comes_to_its_own(&f, words < 10, "header length", words * 4);
	if (!options_are_whole(words))
		return comes_to(DROP(bad_options), &f, "header length %d", words * 4);
	return syn_comes_to_its_own(&f, "header length", words * 4);
}

static void rows_doff(bool ipv6)
{
	int wrong = 0;

	for (int words = 0; words < 16; words++)
		wrong += !doff_comes_to(ipv6, TCP_SYN, words) ||
			 !doff_comes_to(ipv6, TCP_ACK, words);
	ok(!wrong, "%s: TCP header lengths from 0 to 60, SYN and ACK", family_name(ipv6));
}

/* 40 bytes of options: these two, then NOPs. */
static bool option_comes_to(bool ipv6, bool ao, int kind, int len)
{
	static struct frame f;
	struct segment s;

	segment_begin_apart(&s, ipv6, TCP_SYN);
	segment_options(&s, "unknown 40");
	frame_build(&s, &f);
	memset(f.byte + f.l4 + 20, 1, 40);
	f.byte[f.l4 + 20] = kind;
	f.byte[f.l4 + 21] = len;
	if (kind == 1 ? len > 1 : kind > 1 && (len < 2 || len > 40))
		return comes_to(DROP(bad_options), &f, "option %d, length %d", kind, len);
	if (is_always() && kind == 2 && len == 4)
		return comes_to(PASS(small_mss), &f, "MSS 257");
	if (is_always() && ((kind == 19 && len == 18) || (kind == 29 && ao)))
		return comes_to(DROP(unsigned_listener), &f, "option %d, length %d", kind, len);
	return syn_comes_to_its_own(&f, "option", kind << 8 | len);
}

static void rows_option_lengths(bool ipv6)
{
	bool ao = kernel_has_field("ao_info");
	int wrong = 0;

	for (int kind = 0; kind < 256; kind++)
		for (int len = 0; len < 256; len += len < 42 ? 1 : 71)
			wrong += !option_comes_to(ipv6, ao, kind, len);
	ok(!wrong, "%s: every kind of option with lengths from 0 to 255", family_name(ipv6));
}

static void shape_reset(enum synshield_mode mode)
{
	struct segment s;

	shield_reset();
	shield.settings.syn_rate = 100000000;
	shield.settings.reply_rate = shield.settings.reset_rate = ANY_RATE;
	shield_mode(mode);
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		segment_begin_apart(&s, ipv6, TCP_SYN);
		run_segment(&s);
	}
}

void rows_shape(void)
{
	for (int always = 0; always <= 1; always++) {
		note("mode %s", always ? "always" : "auto");
		shape_reset(always ? SYNSHIELD_MODE_ALWAYS : SYNSHIELD_MODE_AUTO);
		for (unsigned int i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
			for (int honest = 0; honest <= 1; honest++) {
				cut_everywhere(&shapes[i], TCP_SYN, honest);
				cut_everywhere(&shapes[i], TCP_ACK | TCP_PSH, honest);
			}
			rows_ip_length(&shapes[i], TCP_SYN);
			rows_ip_length(&shapes[i], TCP_ACK | TCP_PSH);
		}
		rows_header_lengths();
		for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
			rows_doff(ipv6);
			rows_option_lengths(ipv6);
		}
	}
	shield_reset();
}
