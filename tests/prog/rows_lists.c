/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The operator's lists: who comes in whatever happens, and who never does. */
#include "harness.h"

static const char *client(bool ipv6)
{
	return ipv6 ? "2001:db8:2::2" : "192.0.2.2";
}

static void list(bool ipv6, int bits, enum synshield_list what)
{
	list_put(client(ipv6), bits, what);
	shield.settings.listed++;
	shield_configure(true);
}

/* A SYN and a segment of each other kind, to a listener and to a closed port. */
static void rows_all(bool ipv6, int action, int reason, const char *name)
{
	static const __u8 kinds[] = {TCP_SYN,		TCP_ACK, TCP_ACK | TCP_FIN,
				     TCP_SYN | TCP_ACK, TCP_RST, TCP_RST | TCP_ACK};
	struct segment s;

	for (unsigned int i = 0; i < 2 * sizeof(kinds); i++) {
		segment_begin(&s, ipv6, kinds[i / 2]);
		s.target_port = i & 1 ? CLOSED_PORT : PORT;
		row_segment(action, reason, &s, "%s: %s, flags %s to port %d", family_name(ipv6),
			    name, flags_name(s.flags), s.target_port);
	}
}

static void rows_prefixes(bool ipv6)
{
	int whole = ipv6 ? 128 : 32, near = ipv6 ? 64 : 24;
	struct segment s;

	shield_reset();
	list(ipv6, whole, SYNSHIELD_LIST_DENY);
	rows_all(ipv6, DROP(denied), "the address denied");
	list(ipv6, near, SYNSHIELD_LIST_ALLOW);
	rows_all(ipv6, DROP(denied), "the address denied in a prefix allowed");
	list(ipv6, whole, SYNSHIELD_LIST_ALLOW);
	list(ipv6, near, SYNSHIELD_LIST_DENY);
	rows_all(ipv6, PASS(allowed), "the address allowed in a prefix denied");
	shield_reset();
	list(ipv6, near, SYNSHIELD_LIST_DENY);
	rows_all(ipv6, DROP(denied), "its prefix denied");
	segment_begin(&s, ipv6, TCP_SYN);
	net_address(ipv6 ? "2001:db8:2:1::2" : "192.0.3.2", s.source);
	row_segment(REPLY(cookie), &s, "%s: the next prefix", family_name(ipv6));
	shield_reset();
	list_put_unmarked(client(ipv6), whole, SYNSHIELD_LIST_DENY);
	shield.settings.listed++;
	shield_configure(true);
	segment_begin(&s, ipv6, TCP_SYN);
	row_segment(REPLY(cookie), &s, "%s: no bit is set: the list is not asked",
		    family_name(ipv6));
	shield_reset();
	list(ipv6, ipv6 ? 40 : 20, SYNSHIELD_LIST_DENY);
	rows_all(ipv6, DROP(denied), "a short prefix denied");
	shield_reset();
	list(ipv6, 0, SYNSHIELD_LIST_DENY);
	if (ipv6) /* as `deny ::/0` does: IPv4 addresses are mapped into it */
		list_put("0.0.0.0", 0, SYNSHIELD_LIST_NONE);
	rows_all(ipv6, DROP(denied), "the whole family denied");
	segment_begin(&s, !ipv6, TCP_SYN);
	row_segment(REPLY(cookie), &s, "%s: the other family", family_name(!ipv6));
}

/* Whatever the mode and the budgets say. */
static void rows_modes(bool ipv6)
{
	struct segment s;

	for (int allow = 0; allow <= 1; allow++) {
		shield_reset();
		shield_mode(SYNSHIELD_MODE_AUTO);
		list(ipv6, ipv6 ? 128 : 32, allow ? SYNSHIELD_LIST_ALLOW : SYNSHIELD_LIST_DENY);
		if (allow)
			rows_all(ipv6, PASS(allowed), "allowed, mode auto");
		else
			rows_all(ipv6, DROP(denied), "denied, mode auto");
		segment_begin(&s, ipv6, TCP_SYN | TCP_FIN);
		row_segment(DROP(bad_flags), &s, "%s: %s, but malformed", family_name(ipv6),
			    allow ? "allowed" : "denied");
		segment_begin(&s, ipv6, TCP_SYN);
		segment_options(&s, "raw 2 raw 0 nop nop");
		row_segment(DROP(bad_options), &s, "%s: %s, but with bad options",
			    family_name(ipv6), allow ? "allowed" : "denied");
		shield_mode(SYNSHIELD_MODE_OFF);
		rows_all(ipv6, PASS(off), allow ? "allowed, mode off" : "denied, mode off");
		shield_mode(SYNSHIELD_MODE_ALWAYS);
		segment_begin(&s, ipv6, TCP_SYN);
		net_address(ipv6 ? "2001:db8:1::3" : "198.51.100.3", s.target);
		row_segment(PASS(not_local), &s, "%s: %s, not for this host", family_name(ipv6),
			    allow ? "allowed" : "denied");
	}
}

/* What is tracked is not looked up: `deny` takes such connections out of the table. */
static void rows_tracked(bool ipv6)
{
	struct synshield_conn c = {.state = SYNSHIELD_CONN_ESTABLISHED};
	struct segment s;

	shield_reset();
	list(ipv6, ipv6 ? 128 : 32, SYNSHIELD_LIST_DENY);
	segment_begin(&s, ipv6, TCP_ACK);
	c.remote_next = s.seq;
	conn_put(&s, &c);
	row_segment(PASS(tracked), &s, "%s: denied, ACK on a tracked connection",
		    family_name(ipv6));
	s.flags = TCP_SYN;
	row_segment(DROP(denied), &s, "%s: denied, SYN on a tracked connection", family_name(ipv6));
	conn_forget(&s);
	s.flags = TCP_ACK;
	row_segment(DROP(denied), &s, "%s: denied, no longer tracked", family_name(ipv6));
	segment_begin(&s, ipv6, TCP_SYN);
	shield.settings.listed = 0;
	shield_configure(true);
	row_segment(REPLY(cookie), &s, "%s: no prefix listed: not looked up", family_name(ipv6));
}

void rows_lists(void)
{
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		rows_prefixes(ipv6);
		rows_modes(ipv6);
		rows_tracked(ipv6);
	}
	shield_reset();
}
