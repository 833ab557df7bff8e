/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Malformed packets, each of which the kernel would refuse too. */
#include <string.h>

#include "harness.h"

/* A byte of the IP header that lies. */
struct lie {
	const char *name;
	bool ipv6;
	int at; /* in the IP header */
	__u8 value;
};

static const struct lie ip_lies[] = {
	{"version 0", false, 0, 0x05},
	{"version 5", false, 0, 0x55},
	{"version 6 in an IPv4 frame", false, 0, 0x65},
	{"header length 0", false, 0, 0x40},
	{"header length 16", false, 0, 0x44},
	{"header length past total length", false, 0, 0x4f},
	{"total length 0", false, 3, 0},
	{"total length 19", false, 3, 19},
	{"total length one past the frame", false, 3, 41},
	{"total length far past the frame", false, 2, 5},
	{"version 4 in an IPv6 frame", true, 0, 0x45},
	{"version 0", true, 0, 0x00},
	{"payload length one past the frame", true, 5, 21},
	{"payload length far past the frame", true, 4, 5},
};

static void rows_ip_lies(void)
{
	struct segment s;
	struct frame f;

	for (unsigned int i = 0; i < sizeof(ip_lies) / sizeof(*ip_lies); i++) {
		segment_begin(&s, ip_lies[i].ipv6, TCP_SYN);
		segment_options(&s, NO_OPTIONS);
		frame_build(&s, &f);
		f.byte[f.l3 + ip_lies[i].at] = ip_lies[i].value;
		row(DROP(bad_ip), &f, "%s: %s", family_name(s.ipv6), ip_lies[i].name);
	}
}

static void rows_extension_lies(void)
{
	struct segment s;
	struct frame f;

	segment_begin(&s, true, TCP_SYN);
	s.extensions = 2;
	s.extension[0] = (struct extension){0, 8};
	s.extension[1] = (struct extension){60, 16};
	frame_build(&s, &f);
	f.byte[f.l3 + 49] = 200;
	row(DROP(bad_ip), &f, "IPv6: an extension header overruns the packet");
	frame_build(&s, &f);
	f.byte[f.l3 + 49] = 255;
	row(DROP(bad_ip), &f, "IPv6: an extension header overruns it by far");
	frame_build(&s, &f);
	put16(f.byte + f.l3 + 4, 24);
	row(DROP(bad_tcp), &f, "IPv6: the payload ends with the extension headers");
	put16(f.byte + f.l3 + 4, 8);
	row(DROP(bad_ip), &f, "IPv6: the payload ends between the extension headers");
	put16(f.byte + f.l3 + 4, 0);
	row(DROP(bad_ip), &f, "IPv6: no payload, but an extension header");
}

static void rows_doff(bool ipv6)
{
	struct segment s;
	struct frame f;

	for (int words = 0; words < 16; words++) {
		segment_begin(&s, ipv6, TCP_SYN);
		segment_options(&s, "mss 1460 sack ts nop nop nop nop"); /* 40 bytes of header */
		frame_build(&s, &f);
		f.byte[f.l4 + 12] = words << 4;
		if (words < 5)
			row(DROP(bad_tcp), &f, "%s: header length %d", family_name(ipv6),
			    words * 4);
		else if (words > 10)
			row(DROP(bad_tcp), &f, "%s: header length %d overruns", family_name(ipv6),
			    words * 4);
	}
	s.flags = TCP_ACK;
	frame_build(&s, &f);
	f.byte[f.l4 + 12] = 0xf0;
	row(DROP(bad_tcp), &f, "%s: ACK whose header overruns", family_name(ipv6));
}

static void rows_options(bool ipv6)
{
	static const char *const bad[] = {
		"raw 2 raw 0 nop nop",
		"raw 2 raw 1 nop nop",
		"nop nop nop raw 2",
		"nop nop raw 2 raw 4",
		"mss 1460 raw 8 raw 10 nop nop",
		"mss 1460 sack ts nop raw 3 raw 0 raw 7",
		"mss 1460 raw 254 raw 255 nop nop",
		"raw 253 raw 0 nop nop",
		"raw 253 raw 1 nop nop",
		"mss 1460 nop nop nop raw 4",
		"mss 1460 nop nop raw 8 raw 10",
		"nop raw 3 raw 4 raw 7",
		"unknown 36 raw 253 raw 5 nop nop",
	};
	struct segment s;

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		segment_begin(&s, ipv6, TCP_SYN);
		segment_options(&s, "%s", bad[i]);
		row_segment(DROP(bad_options), &s, "%s: options \"%s\"", family_name(ipv6), bad[i]);
	}
}

static void rows_ports(bool ipv6)
{
	struct segment s;

	for (int flags = TCP_SYN; flags <= TCP_ACK; flags *= 2) {
		if (flags == TCP_PSH)
			continue;
		segment_begin(&s, ipv6, flags);
		s.source_port = 0;
		row_segment(DROP(port_zero), &s, "%s: source port 0, flags %02x", family_name(ipv6),
			    flags);
		segment_begin(&s, ipv6, flags);
		s.target_port = 0;
		row_segment(DROP(port_zero), &s, "%s: port 0, flags %02x", family_name(ipv6),
			    flags);
	}
}

static void rows_martians(void)
{
	static const char *const sources[] = {
		"0.0.0.0",   "127.0.0.1",	"127.255.1.2",	"224.0.0.1",
		"239.1.2.3", "255.255.255.255", "198.51.100.1", "::",
		"::1",	     "ff02::1",		"ff0e::1234",	"2001:db8:1::1",
	};
	static const __u8 mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct segment s;

	for (unsigned int i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
		segment_begin(&s, strchr(sources[i], ':'), TCP_SYN);
		net_address(sources[i], s.source);
		row_segment(DROP(martian), &s, "SYN from %s", sources[i]);
		s.flags = TCP_ACK;
		row_segment(DROP(martian), &s, "ACK from %s", sources[i]);
	}
	segment_begin(&s, true, TCP_SYN);
	memcpy(s.source, mapped, 12);
	row_segment(DROP(martian), &s, "IPv6 SYN from an IPv4-mapped address");
	net_address("198.51.100.1", s.target);
	row_segment(DROP(martian), &s, "IPv6 SYN between IPv4-mapped addresses");
}

void rows_drop(void)
{
	shield_reset();
	rows_ip_lies();
	rows_extension_lies();
	rows_martians();
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		rows_doff(ipv6);
		rows_options(ipv6);
		rows_ports(ipv6);
	}
}
