/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Fragments are the kernel's to put together; those that no sender makes would
 * smuggle a SYN past the shield (RFC 1858, 3128, 7112).
 */
#include "harness.h"

struct ipv4_row {
	const char *name;
	__u16 field; /* flags and offset, in units of 8 bytes */
	__u8 flags;
	int action, reason;
};

static const struct ipv4_row ipv4_rows[] = {
	{"first fragment of data", IPV4_MF, TCP_ACK | TCP_PSH, PASS(fragment)},
	{"so, with DF", IPV4_DF | IPV4_MF, TCP_ACK, PASS(fragment)},
	{"first fragment of a FIN", IPV4_MF, TCP_ACK | TCP_FIN, PASS(fragment)},
	{"first fragment of a RST", IPV4_MF, TCP_RST, PASS(fragment)},
	{"first fragment without flags", IPV4_MF, 0, PASS(fragment)},
	{"first fragment of a SYN", IPV4_MF, TCP_SYN, DROP(bad_fragment)},
	{"first fragment of a SYN, DF", IPV4_DF | IPV4_MF, TCP_SYN, DROP(bad_fragment)},
	{"first fragment of a SYN-ACK", IPV4_MF, TCP_SYN | TCP_ACK, DROP(bad_fragment)},
	{"middle fragment", IPV4_MF | 185, TCP_SYN, PASS(fragment)},
	{"last fragment", 185, TCP_SYN, PASS(fragment)},
	{"last fragment at offset 8", 1, TCP_ACK, DROP(bad_fragment)},
	{"middle fragment at offset 8", IPV4_MF | 1, TCP_ACK, DROP(bad_fragment)},
	{"fragment at offset 16", IPV4_MF | 2, TCP_SYN, PASS(fragment)},
	{"fragment at the largest offset", 0x1fff, TCP_SYN, PASS(fragment)},
	{"no fragment: the reserved flag", 0x8000, TCP_SYN, REPLY(cookie)},
};

static void rows_ipv4(void)
{
	struct segment s;

	for (unsigned int i = 0; i < sizeof(ipv4_rows) / sizeof(*ipv4_rows); i++) {
		segment_begin(&s, false, ipv4_rows[i].flags);
		s.fragment = ipv4_rows[i].field;
		row_segment(ipv4_rows[i].action, ipv4_rows[i].reason, &s, "IPv4: %s",
			    ipv4_rows[i].name);
	}
}

struct ipv6_row {
	const char *name;
	__u16 field; /* offset in bytes, and IPV6_MORE */
	__u8 flags;
	int action, reason;
};

static const struct ipv6_row ipv6_rows[] = {
	{"first fragment of data", IPV6_MORE, TCP_ACK | TCP_PSH, PASS(fragment)},
	{"first fragment of a RST", IPV6_MORE, TCP_RST, PASS(fragment)},
	{"first fragment of a SYN", IPV6_MORE, TCP_SYN, DROP(bad_fragment)},
	{"first fragment of a SYN-ACK", IPV6_MORE, TCP_SYN | TCP_ACK, DROP(bad_fragment)},
	{"middle fragment", IPV6_MORE | 1480, TCP_SYN, PASS(fragment)},
	{"last fragment", 1480, TCP_SYN, PASS(fragment)},
	{"fragment at the largest offset", 0xfff8, TCP_SYN, PASS(fragment)},
	{"the only fragment, a SYN", 0, TCP_SYN, REPLY(cookie)},
	{"the only fragment, an ACK", 0, TCP_ACK, DROP(unproven)},
	{"the only fragment, reserved bits set", 6, TCP_SYN, REPLY(cookie)},
};

static void rows_ipv6(void)
{
	struct segment s;

	for (unsigned int i = 0; i < sizeof(ipv6_rows) / sizeof(*ipv6_rows); i++) {
		segment_begin(&s, true, ipv6_rows[i].flags);
		s.extensions = 1;
		s.extension[0] = (struct extension){IPV6_FRAGMENT_HEADER, 8};
		s.ipv6_fragment = ipv6_rows[i].field;
		row_segment(ipv6_rows[i].action, ipv6_rows[i].reason, &s, "IPv6: %s",
			    ipv6_rows[i].name);
		for (int place = 0; place < 3; place++) {
			segment_begin(&s, true, ipv6_rows[i].flags);
			s.extensions = 3;
			s.extension[0] = (struct extension){.kind = 0, .len = 8};
			s.extension[1] = (struct extension){.kind = 60, .len = 16};
			s.extension[2] = (struct extension){.kind = 60, .len = 24};
			s.extension[place] = (struct extension){IPV6_FRAGMENT_HEADER, 8};
			s.ipv6_fragment = ipv6_rows[i].field;
			/* what the first header of the rest says is in the first fragment */
			if (ipv6_rows[i].field >= 8 && place < 2)
				row_segment(PASS(not_tcp), &s, "IPv6: %s, header %d of three",
					    ipv6_rows[i].name, place + 1);
			else
				row_segment(ipv6_rows[i].action, ipv6_rows[i].reason, &s,
					    "IPv6: %s, header %d of three", ipv6_rows[i].name,
					    place + 1);
		}
	}
}

/* A fragment of fragments: whichever header says that there is more. */
static void rows_twice(void)
{
	struct segment s;
	struct frame f;

	for (int outer = 0; outer <= 1; outer++) {
		for (int inner = 0; inner <= 1; inner++) {
			segment_begin(&s, true, TCP_SYN);
			s.extensions = 2;
			s.extension[0] = (struct extension){IPV6_FRAGMENT_HEADER, 8};
			s.extension[1] = (struct extension){IPV6_FRAGMENT_HEADER, 8};
			frame_build(&s, &f);
			put16(f.byte + f.l3 + 42, outer ? IPV6_MORE : 0);
			put16(f.byte + f.l3 + 50, inner ? IPV6_MORE : 0);
			if (outer || inner)
				row(DROP(bad_fragment), &f, "IPv6: SYN, more fragments: %d, %d",
				    outer, inner);
			else
				row(REPLY(cookie), &f, "IPv6: SYN, the only fragment twice over");
		}
	}
}

/*
 * A first fragment with so many bytes of the TCP header, which are an ACK's.  Behind
 * them the frame ends, or goes on with what is no part of the packet.
 */
static void rows_cut(bool ipv6, bool padded)
{
	struct segment s;
	struct frame f;

	for (int len = 0; len <= 24; len++) {
		segment_begin(&s, ipv6, TCP_ACK);
		s.fragment = IPV4_MF;
		s.extensions = 1;
		s.extension[0] = (struct extension){IPV6_FRAGMENT_HEADER, 8};
		s.ipv6_fragment = IPV6_MORE;
		segment_options(&s, "nop nop ts");
		frame_build(&s, &f);
		if (!padded)
			f.len = f.l4 + len;
		put16(f.byte + f.l3 + (ipv6 ? 4 : 2), ipv6 ? 8 + len : 20 + len);
		if (len < 20)
			row(DROP(bad_fragment), &f, "%s: first fragment with %d bytes of TCP%s",
			    family_name(ipv6), len, padded ? ", padded" : "");
		else
			row(PASS(fragment), &f, "%s: first fragment with %d bytes of TCP%s",
			    family_name(ipv6), len, padded ? ", padded" : "");
	}
}

/* Only TCP for this host is the shield's business. */
static void rows_others(bool ipv6)
{
	struct segment s;
	struct frame f;

	segment_begin(&s, ipv6, TCP_SYN);
	s.fragment = IPV4_MF;
	s.extensions = 1;
	s.extension[0] = (struct extension){IPV6_FRAGMENT_HEADER, 8};
	s.ipv6_fragment = IPV6_MORE;
	frame_build(&s, &f);
	f.byte[f.l3 + (ipv6 ? 40 : 9)] = 17;
	row(PASS(not_tcp), &f, "%s: first fragment of UDP", family_name(ipv6));
	net_address(ipv6 ? "2001:db8:1::3" : "198.51.100.3", s.target);
	row_segment(PASS(not_local), &s, "%s: bad fragment for another host", family_name(ipv6));
	net_address(ipv6 ? "2001:db8:1::1" : "198.51.100.1", s.target);
	s.to[5] = 9;
	row_segment(PASS(other_station), &s, "%s: bad fragment for another station",
		    family_name(ipv6));
	s.to[5] = 1;
	s.vlans = 2;
	s.vlan[0] = s.vlan[1] = (struct vlan_tag){0x8100, 3};
	row_segment(DROP(bad_fragment), &s, "%s: bad fragment behind two tags", family_name(ipv6));
	shield_mode(SYNSHIELD_MODE_OFF);
	row_segment(PASS(off), &s, "%s: bad fragment, mode off", family_name(ipv6));
	shield_mode(SYNSHIELD_MODE_ALWAYS);
}

void rows_fragment(void)
{
	struct segment syn;

	shield_reset();
	segment_begin(&syn, true, TCP_SYN);
	run_segment(&syn);
	rows_ipv4();
	rows_ipv6();
	rows_twice();
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		rows_cut(ipv6, false);
		rows_cut(ipv6, true);
		rows_others(ipv6);
	}
	shield_reset();
}
