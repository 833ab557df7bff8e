/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where cookies went out lately, a segment that nobody knows may only be ahead of the
 * one that bears its cookie: a RST has to wait until it has come three times.
 */
#include "exchange.h"

#define REASON(name) SYNSHIELD_REASON_##name

/* Cookies are out, on PORT. */
static void send_cookie(bool ipv6)
{
	struct segment s;

	segment_begin(&s, ipv6, TCP_SYN);
	run_segment(&s);
}

static void rows_three(bool ipv6, __u8 flags, int payload, int reason)
{
	struct segment s, other;

	segment_begin(&s, ipv6, flags);
	s.ack = 0x12345678;
	s.payload = "data";
	s.payload_len = payload;
	other = s;
	other.flags ^= TCP_URG;
	row_segment(DROP(unproven), &other, "%s: flags %s, not quite the same segment",
		    family_name(ipv6), flags_name(other.flags));
	other = s;
	for (int i = 1; i <= 2; i++)
		row_segment(DROP(unproven), &s, "%s: flags %s, sight %d", family_name(ipv6),
			    flags_name(flags), i);
	other.seq++;
	row_segment(DROP(unproven), &other, "%s: flags %s, another sequence number",
		    family_name(ipv6), flags_name(flags));
	other.seq--;
	other.source_port ^= 0x100;
	row_segment(DROP(unproven), &other, "%s: flags %s, another port", family_name(ipv6),
		    flags_name(flags));
	for (int i = 3; i <= 5; i++)
		row_refused(reason, &s, "%s: flags %s, sight %d", family_name(ipv6),
			    flags_name(flags), i);
}

static void rows_kinds(bool ipv6)
{
	struct segment s;

	send_cookie(ipv6);
	rows_three(ipv6, TCP_ACK, 0, REASON(unknown_ack));
	rows_three(ipv6, TCP_ACK | TCP_PSH, 4, REASON(unknown_data));
	rows_three(ipv6, TCP_ACK | TCP_FIN, 0, REASON(unknown_fin));
	rows_three(ipv6, TCP_ACK | TCP_FIN | TCP_PSH, 4, REASON(unknown_fin));
	segment_begin(&s, ipv6, TCP_SYN | TCP_ACK);
	row_refused(REASON(unknown_synack), &s, "%s: a SYN-ACK bears no cookie", family_name(ipv6));
	for (int i = 1; i <= 4; i++) {
		segment_begin(&s, ipv6, TCP_RST | TCP_ACK);
		row_segment(DROP(unknown_rst), &s, "%s: RST, sight %d", family_name(ipv6), i);
	}
	segment_begin(&s, ipv6, TCP_ACK);
	s.target_port = CLOSED_PORT;
	row_refused(REASON(unknown_ack), &s, "%s: to a closed port", family_name(ipv6));
	segment_begin(&s, ipv6, TCP_ACK);
	net_address(ipv6 ? "2001:db8:1::2" : "198.51.100.2", s.target);
	row_refused(REASON(unknown_ack), &s, "%s: on an address that has sent none",
		    family_name(ipv6));
}

/* Jiffies ago. */
static void age_cookie(const struct segment *s, __u64 age)
{
	struct synshield_listener l;

	if (!listener_get(s, &l))
		bail_out("no listener");
	l.cookie_sent_jiffies = age ? shield_now() - age : 0;
	listener_put(s, &l);
}

static void rows_age(bool ipv6)
{
	__u64 two_epochs = 2ULL * shield.settings.epoch * shield.host.hz;
	struct segment s;

	send_cookie(ipv6);
	segment_begin(&s, ipv6, TCP_ACK);
	age_cookie(&s, two_epochs - 10 * shield.host.hz);
	row_segment(DROP(unproven), &s, "%s: a cookie went out less than two epochs ago",
		    family_name(ipv6));
	segment_begin(&s, ipv6, TCP_ACK);
	age_cookie(&s, two_epochs);
	row_refused(REASON(unknown_ack), &s, "%s: two epochs ago: none can come back",
		    family_name(ipv6));
	segment_begin(&s, ipv6, TCP_ACK);
	age_cookie(&s, 0);
	row_refused(REASON(unknown_ack), &s, "%s: never", family_name(ipv6));
}

static void rows_settings(bool ipv6)
{
	struct segment s;

	send_cookie(ipv6);
	shield.settings.reset = SYNSHIELD_RESET_PASS;
	shield_configure(true);
	segment_begin(&s, ipv6, TCP_ACK);
	for (int i = 1; i <= 2; i++)
		row_segment(DROP(unproven), &s, "%s: reset=pass, sight %d", family_name(ipv6), i);
	row_segment(PASS(unknown_ack), &s, "%s: reset=pass, sight 3", family_name(ipv6));
	shield.settings.reset = SYNSHIELD_RESET_DROP;
	shield_configure(true);
	s.seq++;
	for (int i = 1; i <= 2; i++)
		row_segment(DROP(unproven), &s, "%s: reset=drop, sight %d", family_name(ipv6), i);
	row_segment(DROP(unknown_ack), &s, "%s: reset=drop, sight 3", family_name(ipv6));
	shield.settings.reset = SYNSHIELD_RESET_REPLY;
	shield_mode(SYNSHIELD_MODE_AUTO);
	segment_begin(&s, ipv6, TCP_ACK | TCP_FIN);
	row_segment(DROP(unproven), &s, "%s: mode auto after the attack", family_name(ipv6));
}

/* Data is ahead of the ACK, or the ACK is lost. */
static void rows_overtaken(bool ipv6)
{
	struct exchange e;
	struct segment data;

	exchange_begin(&e, ipv6, "mss 1460 sack ts nop ws 7");
	data = e.ack;
	data.seq += 1400;
	data.ack ^= 1; /* bears no cookie */
	data.payload = "more";
	data.payload_len = 4;
	row_segment(DROP(unproven), &data, "%s: data ahead of the ACK", family_name(ipv6));
	row_segment(PASS(cookie_ok), &e.ack, "%s: the ACK", family_name(ipv6));
	row_segment(PASS(tracked), &data, "%s: the data once more", family_name(ipv6));
}

void rows_doubt(void)
{
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		shield_reset();
		rows_kinds(ipv6);
		rows_age(ipv6);
		shield_reset();
		rows_settings(ipv6);
		shield_reset();
		rows_overtaken(ipv6);
	}
	shield_reset();
}
