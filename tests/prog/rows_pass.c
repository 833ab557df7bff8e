/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is none of the shield's business, or the kernel's to decide. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"

static void rows_not_tcp(bool ipv6)
{
	static const __u8 other[] = {1, 2, 17, 50, 51, 58, 59, 89, 132, 255};
	struct segment s;
	struct frame f;

	segment_begin(&s, ipv6, TCP_SYN);
	for (unsigned int i = 0; i < sizeof(other); i++) {
		frame_build(&s, &f);
		f.byte[f.l3 + (ipv6 ? 6 : 9)] = other[i];
		if (ipv6 && other[i] == 51)
			continue; /* a header that is walked, see rows_extensions() */
		row(PASS(not_tcp), &f, "%s: protocol %d", family_name(ipv6), other[i]);
	}
}

static void rows_ethertypes(void)
{
	static const __u16 types[] = {0x0806, 0x0026, 0x86de, 0x8847, 0x8863, 0x888e, 0x88cc};
	struct segment s;
	struct frame f;

	segment_begin(&s, false, TCP_SYN);
	for (unsigned int i = 0; i < sizeof(types) / sizeof(*types); i++) {
		frame_build(&s, &f);
		put16(f.byte + 12, types[i]);
		row(PASS(not_tcp), &f, "ethertype %04x", types[i]);
	}
	s.vlans = 2;
	s.vlan[0] = s.vlan[1] = (struct vlan_tag){0x8100, 1};
	frame_build(&s, &f);
	put16(f.byte + 20, 0x8100);
	row(PASS(not_tcp), &f, "three VLAN tags");
	for (f.len = 14; f.len < 22; f.len++)
		row(PASS(not_tcp), &f, "VLAN tags cut off after %d bytes", f.len);
	frame_build(&s, &f);
	f.len = 14;
	put16(f.byte + 12, 0x0806);
	row(PASS(not_tcp), &f, "an Ethernet header alone");
}

static void rows_stations(bool ipv6)
{
	static const __u8 stations[][6] = {
		{2, 0, 0, 0, 0, 3},	     {0x42, 0, 0, 0, 0, 1},
		{2, 0, 0, 0, 1, 1},	     {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		{0x01, 0x00, 0x5e, 0, 0, 1}, {0x33, 0x33, 0, 0, 0, 1},
		{0, 0, 0, 0, 0, 0},
	};
	struct segment s;

	segment_begin(&s, ipv6, TCP_SYN);
	for (unsigned int i = 0; i < sizeof(stations) / sizeof(*stations); i++) {
		memcpy(s.to, stations[i], 6);
		row_segment(PASS(other_station), &s, "%s: to station %02x:...:%02x",
			    family_name(ipv6), s.to[0], s.to[5]);
	}
}

static void rows_not_local(bool ipv6)
{
	static const char *const addresses[2][4] = {
		{"198.51.100.3", "198.51.100.0", "255.255.255.255", "224.0.0.1"},
		{"2001:db8:1::3", "ff02::1", "fe80::1", "::1"},
	};
	struct segment s;

	for (int i = 0; i < 4; i++) {
		segment_begin(&s, ipv6, TCP_SYN);
		net_address(addresses[ipv6][i], s.target);
		row_segment(PASS(not_local), &s, "SYN to %s", addresses[ipv6][i]);
		s.flags = TCP_SYN | TCP_FIN;
		row_segment(PASS(not_local), &s, "malformed segment to %s", addresses[ipv6][i]);
	}
	segment_begin(&s, ipv6, TCP_ACK);
	net_address(addresses[ipv6][0], s.target);
	row_segment(PASS(not_local), &s, "ACK to %s", addresses[ipv6][0]);
}

static void rows_extensions(void)
{
	struct segment s;

	segment_begin(&s, true, TCP_SYN);
	s.extensions = 7;
	for (int i = 0; i < 7; i++)
		s.extension[i] = (struct extension){60, 8};
	row_segment(DROP(beyond_reach), &s, "IPv6: seven extension headers");
	s.extension[6].kind = 17;
	row_segment(PASS(not_tcp), &s, "IPv6: six extension headers, then UDP");
	s.extensions = 2;
	s.extension[0] = s.extension[1] = (struct extension){60, 2048};
	row_segment(DROP(beyond_reach), &s, "IPv6: TCP header past the frame's first page");
	s.extensions = 1;
	s.extension[0] = (struct extension){51, 24};
	row_segment(PASS(not_tcp), &s,
		    "IPv6: authenticated (AH), as with IPv4: no SYN-ACK without its signature");
	s.extension[0] = (struct extension){135, 8};
	row_segment(PASS(not_tcp), &s, "IPv6: mobility header");
}

static void rows_unconfigured(bool ipv6)
{
	static struct outcome o;
	struct segment s;
	struct frame f;
	__u32 generation;

	segment_begin(&s, ipv6, TCP_SYN);
	shield.keys.epoch = 0;
	shield_configure(true);
	row_segment(PASS(no_key), &s, "%s: no key yet", family_name(ipv6));
	row_segment(PASS(no_key), &s, "%s: no key yet, listener known", family_name(ipv6));
	shield_reset();
	generation = shield.settings.generation;
	shield.settings.generation = -1; /* raised to 0 */
	shield_configure(false);
	frame_build(&s, &f);
	shield_run(&f, &o);
	shield.settings.generation = generation;
	shield_reset();
	for (unsigned int i = 0; i < sizeof(o.counted) / sizeof(__u64); i++)
		o.code += ((__u64 *)&o.counted)[i];
	ok(o.code == XDP_PASS, "%s: no settings yet: passed, nothing counted", family_name(ipv6));
}

static void rows_vlan_offload(bool ipv6)
{
	struct segment s;

	local_put(ipv6 ? "2001:db8:1::1" : "198.51.100.1", 100, 0);
	segment_begin(&s, ipv6, TCP_SYN);
	row_segment(PASS(vlan_offload), &s, "%s: tag stripped before XDP", family_name(ipv6));
	row_segment(PASS(vlan_offload), &s, "%s: tag stripped, listener known", family_name(ipv6));
	s.vlans = 1;
	s.vlan[0] = (struct vlan_tag){0x8100, 100};
	row_segment(REPLY(cookie), &s, "%s: the same with its tag", family_name(ipv6));
	shield_reset();
}

static void rows_signed(bool ipv6)
{
	int fd = net_listen(ipv6, 8179, 16, LISTENER_MD5);
	struct segment s;

	segment_begin(&s, ipv6, TCP_SYN);
	segment_options(&s, "mss 1460 md5");
	row_segment(DROP(unsigned_listener), &s, "%s: MD5, listener without keys",
		    family_name(ipv6));
	segment_options(&s, "mss 1460 sack md5 nop ws 7");
	row_segment(DROP(unsigned_listener), &s, "%s: MD5 among others", family_name(ipv6));
	s.target_port = 8179;
	row_segment(PASS(signed_syn), &s, "%s: MD5, listener with keys", family_name(ipv6));
	row_segment(PASS(signed_syn), &s, "%s: MD5, listener known", family_name(ipv6));
	segment_options(&s, "mss 1460");
	row_segment(REPLY(cookie), &s, "%s: no MD5, listener with keys", family_name(ipv6));
	shield_mode(SYNSHIELD_MODE_AUTO);
	s.target_port = PORT;
	segment_options(&s, "mss 1460 md5");
	row_segment(PASS(calm), &s, "%s: MD5 while all is calm", family_name(ipv6));
	close(fd);
	shield_reset();
}

/* A kernel without TCP-AO takes the option for unknown, and such a SYN as any other. */
static void rows_ao(bool ipv6)
{
	struct segment s;

	segment_begin(&s, ipv6, TCP_SYN);
	segment_options(&s, "mss 1460 ao");
	if (kernel_has_field("ao_info"))
		row_segment(DROP(unsigned_listener), &s, "%s: TCP-AO, listener without keys",
			    family_name(ipv6));
	else
		row_segment(REPLY(cookie), &s, "%s: TCP-AO, which this kernel does not know",
			    family_name(ipv6));
}

/* LRU: the seldom used make room. */
static void rows_crowded(bool ipv6)
{
	struct synshield_listener l = {};
	struct segment s;

	segment_begin(&s, ipv6, TCP_SYN);
	shield_reset();
	for (int i = 0; i < SYNSHIELD_LISTENERS_MAX; i++) {
		put16(s.target + 14, i);
		s.target_port = CLOSED_PORT;
		listener_put(&s, &l);
	}
	segment_begin(&s, ipv6, TCP_SYN);
	row_segment(REPLY(cookie), &s, "%s: listener table full of others", family_name(ipv6));
	row_segment(REPLY(cookie), &s, "%s: and known now", family_name(ipv6));
	shield_reset();
}

/* A table that has no room and makes none: its like is an allocation that failed. */
static void rows_table_full(void)
{
	struct synshield_listener l = {};
	struct segment s;

	shield_load(&(struct shield_shape){.listeners_at_most = 1});
	shield_reset();
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		segment_begin(&s, ipv6, TCP_SYN);
		s.target_port = CLOSED_PORT;
		listener_put(&s, &l);
		s.target_port = PORT;
		row_segment(PASS(table_full), &s, "%s: no room for the listener",
			    family_name(ipv6));
		s.target_port = CLOSED_PORT;
		listener_forget(&s);
		s.target_port = PORT;
		row_segment(REPLY(cookie), &s, "%s: room for one", family_name(ipv6));
		listener_forget(&s);
	}
	shield_load(&(struct shield_shape){});
	shield_reset();
}

/* The kernel would drop such a SYN, too. */
static void rows_backlog(bool ipv6)
{
	int fd = net_listen(ipv6, 8211, 1, LISTENER_PLAIN), client[2];
	struct segment s;

	segment_begin(&s, ipv6, TCP_SYN);
	s.target_port = 8211;
	row_segment(REPLY(cookie), &s, "%s: accept queue empty", family_name(ipv6));
	for (int i = 0; i < 2; i++)
		client[i] = net_dial(ipv6, 8211);
	shield_configure(true);
	row_segment(DROP(backlog_full), &s, "%s: accept queue full", family_name(ipv6));
	row_segment(DROP(backlog_full), &s, "%s: accept queue full, listener known",
		    family_name(ipv6));
	close(accept(fd, NULL, NULL));
	row_segment(REPLY(cookie), &s, "%s: one accepted", family_name(ipv6));
	for (int i = 0; i < 2; i++)
		close(client[i]);
	close(fd);
}

void rows_pass(void)
{
	shield_reset();
	rows_ethertypes();
	rows_extensions();
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		rows_not_tcp(ipv6);
		rows_stations(ipv6);
		rows_not_local(ipv6);
		rows_unconfigured(ipv6);
		rows_vlan_offload(ipv6);
		rows_signed(ipv6);
		rows_ao(ipv6);
		rows_backlog(ipv6);
		rows_crowded(ipv6);
	}
	rows_table_full();
}
