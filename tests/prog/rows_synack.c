/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A SYN under attack: its SYN-ACK, byte for byte. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "layouts.h"

static struct server_side server[2]; /* IPv4, IPv6 */

static bool is_small(const struct frame *syn, const struct frame *synack)
{
	return frame_wire_len(synack) * 10 <= frame_wire_len(syn) * 12;
}

static bool answers_once(const struct frame *syn, const struct frame *want, const char *way)
{
	static struct outcome o;

	shield_run(syn, &o);
	if (!is_verdict(&o, REPLY(cookie))) {
		note("  %s: no cookie: returned %d", way, o.code);
		return false;
	}
	if (!is_answer(&o, syn, want)) {
		note("  %s", way);
		return false;
	}
	return is_small(syn, want);
}

/* Both ways: the listener met for the first time, and known. */
__attribute__((format(printf, 2, 3))) static void answered(const struct segment *syn,
							   const char *fmt, ...)
{
	static struct frame f, want;
	struct oracle_cookie cookie;
	struct agreement a;
	bool slow, fast;
	char name[100];
	va_list args;

	va_start(args, fmt);
	vsnprintf(name, sizeof(name), fmt, args);
	va_end(args);

	oracle_agree(syn, shield.host.flags, 0, &a);
	oracle_make(syn, &a, shield_key(), shield.keys.epoch, &cookie);
	expect_synack(syn, &a, &server[syn->ipv6], &cookie, &want);
	frame_build(syn, &f);
	listener_forget(syn);
	slow = answers_once(&f, &want, "listener met for the first time");
	fast = answers_once(&f, &want, "listener known");
	ok(slow && fast, "%s: %s: SYN-ACK, byte for byte", family_name(syn->ipv6), name);
}

static void rows_layouts(bool ipv6)
{
	struct segment s;

	for (unsigned int i = 0; i < LAYOUTS; i++) {
		segment_begin(&s, ipv6, TCP_SYN);
		segment_options(&s, "%s", layouts[i].options);
		answered(&s, "%s", layouts[i].name);
	}
}

static void rows_window_scales(bool ipv6)
{
	struct segment s;

	for (int shift = 0; shift <= 14; shift++) {
		for (int timestamps = 0; timestamps <= 1; timestamps++) {
			segment_begin(&s, ipv6, TCP_SYN);
			segment_options(&s, "mss 1460 %s nop ws %d",
					timestamps ? "sack ts" : "nop nop sack", shift);
			answered(&s, "Linux, window scale %d%s", shift,
				 timestamps ? "" : ", no timestamps");
		}
	}
}

/* The kernel takes over no connection with so small an MSS: it may do it all, unless attacked. */
static void left_to_the_kernel(const struct segment *syn, int mss)
{
	const char *family = family_name(syn->ipv6);

	row_segment(PASS(small_mss), syn, "%s: MSS %d, no attack", family, mss);
	listener_attack(syn);
	row_segment(REPLY(cookie), syn, "%s: MSS %d under attack", family, mss);
	listener_forget(syn);
}

static void rows_mss(bool ipv6)
{
	static const int sizes[] = {1,	  48,	88,   535,  536,  537,	1219, 1220, 1221,
				    1299, 1300, 1359, 1360, 1379, 1380, 1399, 1400, 1419,
				    1420, 1431, 1432, 1439, 1440, 1451, 1452, 1459, 1460,
				    1461, 8939, 8940, 8959, 8960, 8961, 65535};
	struct segment s;

	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		segment_begin(&s, ipv6, TCP_SYN);
		segment_options(&s, "mss %d", sizes[i]);
		if (sizes[i] < (ipv6 ? 1220 : 536))
			left_to_the_kernel(&s, sizes[i]);
		else
			answered(&s, "MSS %d without timestamps", sizes[i]);
	}
}

static void rows_ethernet(bool ipv6)
{
	struct segment s;

	segment_begin(&s, ipv6, TCP_SYN);
	s.vlan[0] = (struct vlan_tag){0x8100, 0xa064};
	s.vlans = 1;
	answered(&s, "one VLAN tag, priority kept");
	s.vlan[0].proto = 0x88a8;
	answered(&s, "one 802.1ad tag");
	s.vlan[1] = (struct vlan_tag){0x8100, 200};
	s.vlans = 2;
	answered(&s, "QinQ");
	s.vlan[0].proto = 0x8100;
	answered(&s, "two 802.1Q tags");
	segment_options(&s, "mss 1460");
	answered(&s, "QinQ and MSS only");
	s.vlans = 0;
	s.pad_to = 64;
	segment_options(&s, NO_OPTIONS);
	answered(&s, "Ethernet padding");
	s.pad_to = ipv6 ? 80 : 60;
	segment_options(&s, "mss 1460");
	answered(&s, "Ethernet padding after MSS only");
	s.pad_to = 200;
	segment_options(&s, "mss 1460 sack ts nop ws 7");
	answered(&s, "a trailer after the IP packet");
}

static void rows_ipv4(void)
{
	struct segment s;

	segment_begin(&s, false, TCP_SYN);
	s.fragment = 0;
	answered(&s, "DF=0");
	s.id = 0;
	answered(&s, "DF=0 and no ID");
	s.fragment = 0x8000;
	answered(&s, "the reserved flag");
	s.fragment = IPV4_DF;
	s.tos = 0xb8;
	answered(&s, "a DSCP");
	s.tos = 0;
	s.hops = 1;
	answered(&s, "TTL 1");
	for (int len = 4; len <= 40; len += 12) {

		memset(s.ip_options, 1, sizeof(s.ip_options));
		s.ip_options_len = len;
		answered(&s, "%d bytes of IP options", len);
	}
	s.ip_options[0] = 0x94; /* router alert */
	s.ip_options[1] = 4;
	segment_options(&s, "mss 1460 sack ts nop ws 7 unknown 20");
	answered(&s, "40 bytes of IP options, 40 of TCP options");
}

struct chain {
	const char *name;
	int count;
	struct extension header[6];
};

static const struct chain chains[] = {
	{"hop-by-hop header", 1, {{0, 8}}},
	{"destination options", 1, {{60, 8}}},
	{"routing header, no segments left", 1, {{43, 24}}},
	{"hop-by-hop, routing, destination", 3, {{0, 8}, {43, 24}, {60, 16}}},
	{"destination options of 264 bytes", 1, {{60, 264}}},
	{"destination options of 1024 bytes", 1, {{60, 1024}}},
	{"destination options of 2048 bytes", 1, {{60, 2048}}},
	{"six extension headers", 6, {{0, 8}, {60, 8}, {43, 24}, {60, 8}, {60, 8}, {60, 8}}},
};

static void rows_ipv6(void)
{
	struct segment s;

	for (unsigned int i = 0; i < sizeof(chains) / sizeof(*chains); i++) {
		segment_begin(&s, true, TCP_SYN);
		s.extensions = chains[i].count;
		memcpy(s.extension, chains[i].header, sizeof(chains[i].header));
		answered(&s, "%s", chains[i].name);
		segment_options(&s, "mss 1380");
		answered(&s, "%s", chains[i].name);
	}
	segment_begin(&s, true, TCP_SYN);
	s.tos = 0xb8;
	answered(&s, "a traffic class");
}

static void rows_ecn(bool ipv6)
{
	struct segment s;

	segment_begin(&s, ipv6, TCP_SYN | TCP_ECE | TCP_CWR);
	answered(&s, "ECN asked for");
	segment_options(&s, "mss 1460 nop nop sack");
	answered(&s, "ECN without timestamps is not agreed to");
	segment_options(&s, "mss 1460 sack ts nop ws 7");
	for (s.tos = 1; s.tos <= 3; s.tos++)
		answered(&s, "ECN on an ECN-capable SYN is not agreed to");
	s.tos = 0;
	s.flags = TCP_SYN | TCP_ECE;
	answered(&s, "ECE alone");
	s.flags = TCP_SYN | TCP_CWR;
	answered(&s, "CWR alone");
	shield.host.flags &= ~SYNSHIELD_HOST_ECN;
	shield_configure(true);
	s.flags = TCP_SYN | TCP_ECE | TCP_CWR;
	answered(&s, "ECN where this host has it off");
	shield_reset();
}

static void rows_payload(bool ipv6)
{
	static const char text[1200] = "GET / HTTP/1.0\r\n\r\n";
	struct segment s;

	segment_begin(&s, ipv6, TCP_SYN);
	s.payload = text;
	s.payload_len = 18;
	answered(&s, "data in the SYN is not acknowledged");
	s.payload_len = sizeof(text);
	segment_options(&s, "mss 1460 sack ts nop ws 7 nop nop tfo8");
	answered(&s, "Fast Open, cookie and data");
	s.payload_len = 1;
	segment_options(&s, NO_OPTIONS);
	answered(&s, "one byte of data and no options");
	s.payload_len = 0;
	s.flags |= TCP_PSH | TCP_URG;
	answered(&s, "PSH and URG");
	s.window = 0;
	answered(&s, "window 0");
}

static void rows_host_flags(bool ipv6)
{
	static const struct {
		__u32 off;
		const char *name;
	} switches[] = {
		{SYNSHIELD_HOST_TIMESTAMPS, "tcp_timestamps"},
		{SYNSHIELD_HOST_SACK, "tcp_sack"},
		{SYNSHIELD_HOST_WSCALE, "tcp_window_scaling"},
		{SYNSHIELD_HOST_WSCALE | SYNSHIELD_HOST_SACK | SYNSHIELD_HOST_TIMESTAMPS, "all"},
	};
	struct segment s;

	for (unsigned int i = 0; i < sizeof(switches) / sizeof(*switches); i++) {
		shield.host.flags &= ~switches[i].off;
		shield_configure(true);
		segment_begin(&s, ipv6, TCP_SYN);
		answered(&s, "%s off on this host: not offered", switches[i].name);
		shield_reset();
	}
}

static void rows_epochs(bool ipv6)
{
	struct segment s;

	segment_begin(&s, ipv6, TCP_SYN);
	for (int i = 0; i < 5; i++) {
		shield_next_epoch();
		segment_options(&s, "mss 1460 sack ts nop ws 7");
		answered(&s, "the next epoch's key");
		segment_options(&s, "mss 1460 nop ws 7");
		answered(&s, "the next epoch's key, no timestamps");
	}
	shield_reset();
}

void rows_synack(void)
{
	shield_reset();
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		server_side_read(ipv6, PORT, &server[ipv6]);
		note("%s: the kernel announces MSS %d, window scale %d, window %d, %d",
		     family_name(ipv6), server[ipv6].mss, server[ipv6].wscale,
		     server[ipv6].window[0], server[ipv6].window[1]);
		rows_layouts(ipv6);
		rows_window_scales(ipv6);
		rows_mss(ipv6);
		rows_ethernet(ipv6);
		rows_ecn(ipv6);
		rows_payload(ipv6);
		rows_host_flags(ipv6);
		rows_epochs(ipv6);
	}
	rows_ipv4();
	rows_ipv6();
}
