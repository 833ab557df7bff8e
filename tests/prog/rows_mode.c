/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Mode observe counts what would happen and changes nothing; modes switch at once. */
#include <string.h>

#include "exchange.h"

#define WOULD_PASS(name) WOULD + PASS(name)
#define WOULD_DROP(name) WOULD + DROP(name)
#define WOULD_REPLY(name) WOULD + REPLY(name)

static void rows_observe_malformed(bool ipv6)
{
	struct segment s;
	struct frame f;

	segment_begin(&s, ipv6, 0);
	row_segment(WOULD_DROP(bad_flags), &s, "%s, observe: no flags", family_name(ipv6));
	segment_begin(&s, ipv6, TCP_SYN);
	s.source_port = 0;
	row_segment(WOULD_DROP(port_zero), &s, "%s, observe: port 0", family_name(ipv6));
	segment_begin(&s, ipv6, TCP_SYN);
	memcpy(s.source, s.target, 16);
	row_segment(WOULD_DROP(martian), &s, "%s, observe: LAND", family_name(ipv6));
	segment_begin(&s, ipv6, TCP_SYN);
	segment_options(&s, "raw 2 raw 0 nop nop");
	row_segment(WOULD_DROP(bad_options), &s, "%s, observe: bad options", family_name(ipv6));
	frame_build(&s, &f);
	f.byte[f.l4 + 12] = 0x40;
	row(WOULD_DROP(bad_tcp), &f, "%s, observe: bad header length", family_name(ipv6));
	f.len = f.l4;
	row(WOULD_DROP(bad_ip), &f, "%s, observe: bad IP length", family_name(ipv6));
	segment_begin(&s, ipv6, TCP_SYN);
	s.to[5] = 9;
	row_segment(PASS(other_station), &s, "%s, observe: another station", family_name(ipv6));
}

static void rows_observed(bool ipv6)
{
	struct segment s;
	struct exchange e;

	shield_mode(SYNSHIELD_MODE_OBSERVE);
	rows_observe_malformed(ipv6);
	segment_begin(&s, ipv6, TCP_SYN);
	row_segment(WOULD_PASS(calm), &s, "%s, observe: SYN while calm", family_name(ipv6));
	conn_forget(&s);
	s.flags = TCP_ACK;
	row_segment(WOULD_REPLY(unknown_ack), &s, "%s, observe: unknown ACK while calm",
		    family_name(ipv6));
	s.flags = TCP_RST;
	listener_attack(&s);
	row_segment(WOULD_DROP(unknown_rst), &s, "%s, observe: RST under attack",
		    family_name(ipv6));
	for (unsigned int i = 0; i < 2; i++) {
		shield_configure(true);
		segment_begin(&s, ipv6, TCP_SYN);
		row_segment(WOULD_REPLY(cookie), &s, "%s, observe: SYN under attack",
			    family_name(ipv6));
		row_segment(WOULD_REPLY(cookie), &s, "%s, observe: SYN under attack, known",
			    family_name(ipv6));
	}
	segment_begin(&s, ipv6, TCP_ACK);
	row_segment(WOULD_DROP(unproven), &s, "%s, observe: unknown ACK under attack",
		    family_name(ipv6));
	segment_begin(&s, ipv6, TCP_SYN);
	segment_options(&s, "mss 1460 md5");
	row_segment(WOULD_DROP(unsigned_listener), &s, "%s, observe: MD5 under attack",
		    family_name(ipv6));
	segment_begin(&e.syn, ipv6, TCP_SYN);
	exchange_work_out(&e);
	row_segment(WOULD_PASS(cookie_ok), &e.ack, "%s, observe: cookie from before the switch",
		    family_name(ipv6));
	shield_reset();
	shield_policy(PORT, &(struct synshield_policy){.mode = SYNSHIELD_MODE_OBSERVE});
	segment_begin(&s, ipv6, TCP_SYN);
	row_segment(WOULD_PASS(calm), &s, "%s: port in mode observe", family_name(ipv6));
	s.flags = TCP_SYN | TCP_FIN;
	row_segment(WOULD_DROP(bad_flags), &s, "%s: port in mode observe, SYN+FIN",
		    family_name(ipv6));
	shield_reset();
}

static void rows_off(bool ipv6)
{
	struct segment syn, ack;
	struct frame f;

	segment_begin(&syn, ipv6, TCP_SYN);
	segment_begin(&ack, ipv6, TCP_ACK);
	shield_mode(SYNSHIELD_MODE_OFF);
	row_segment(PASS(off), &syn, "%s: SYN, mode off", family_name(ipv6));
	row_segment(PASS(off), &syn, "%s: second SYN, mode off", family_name(ipv6));
	row_segment(PASS(off), &ack, "%s: ACK, mode off", family_name(ipv6));
	syn.flags = 0;
	row_segment(PASS(off), &syn, "%s: no flags, mode off", family_name(ipv6));
	syn.flags = TCP_SYN;
	frame_build(&syn, &f);
	f.byte[f.l4 + 12] = 0x40;
	row(PASS(off), &f, "%s: header length 16, mode off", family_name(ipv6));
	frame_build(&syn, &f);
	f.len = f.l4;
	row(PASS(off), &f, "%s: IP length overruns, mode off", family_name(ipv6));
	shield_reset();
	shield_policy(PORT, &(struct synshield_policy){.mode = SYNSHIELD_MODE_OFF});
	row_segment(PASS(off), &syn, "%s: SYN, port's mode off", family_name(ipv6));
	row_segment(PASS(off), &ack, "%s: ACK, port's mode off", family_name(ipv6));
	shield_policy(PORT, &(struct synshield_policy){.mode = SYNSHIELD_MODE_INHERIT});
	row_segment(REPLY(cookie), &syn, "%s: SYN, port's mode inherited again", family_name(ipv6));
	shield_mode(SYNSHIELD_MODE_OFF);
	shield_policy(PORT, &(struct synshield_policy){.mode = SYNSHIELD_MODE_ALWAYS});
	row_segment(REPLY(cookie), &syn, "%s: SYN, interface off, port always", family_name(ipv6));
	shield_reset();
}

/* What the kernel did in the cookie's place counts as its proof, or no attack would end. */
static void rows_observed_proof(bool ipv6)
{
	static struct frame f, answer;
	struct synshield_listener before, after;
	struct segment s;

	shield_mode(SYNSHIELD_MODE_OBSERVE);
	segment_begin(&s, ipv6, TCP_SYN);
	run_segment(&s);
	conn_forget(&s);
	listener_attack(&s);
	segment_begin(&s, ipv6, TCP_SYN);
	row_segment(WOULD_REPLY(cookie), &s, "%s, observe: SYN under attack", family_name(ipv6));
	frame_build(&s, &f);
	if (!net_kernel_answer(&f, &answer))
		bail_out("the kernel does not answer");
	listener_get(&s, &before);
	s.flags = TCP_ACK;
	s.seq++;
	s.ack = get32(answer.byte + answer.l4 + 4) + 1;
	row_segment(WOULD_PASS(cookie_ok), &s, "%s, observe: the kernel's request is completed",
		    family_name(ipv6));
	listener_get(&s, &after);
	ok(after.window_acks == before.window_acks + 1, "%s, observe: counted as completed",
	   family_name(ipv6));
	shield_reset();
}

/* The listener's entry is from the mode before. */
static void rows_switch(bool ipv6)
{
	struct segment syn, ack;

	segment_begin(&syn, ipv6, TCP_SYN);
	segment_begin(&ack, ipv6, TCP_ACK);
	row_segment(REPLY(cookie), &syn, "%s: mode always", family_name(ipv6));
	row_segment(DROP(unproven), &ack, "%s: mode always, unknown ACK", family_name(ipv6));
	shield_mode(SYNSHIELD_MODE_OBSERVE);
	row_segment(WOULD_DROP(unproven), &ack, "%s: always to observe, unknown ACK before any SYN",
		    family_name(ipv6));
	shield_mode(SYNSHIELD_MODE_ALWAYS);
	shield_mode(SYNSHIELD_MODE_OFF);
	row_segment(PASS(off), &ack, "%s: always to off, unknown ACK before any SYN",
		    family_name(ipv6));
	row_segment(PASS(off), &syn, "%s: always to off, SYN", family_name(ipv6));
	row_segment(PASS(off), &ack, "%s: off, unknown ACK", family_name(ipv6));
	shield_mode(SYNSHIELD_MODE_AUTO);
	row_segment(PASS(calm), &syn, "%s: off to auto", family_name(ipv6));
	shield_mode(SYNSHIELD_MODE_ALWAYS);
	row_segment(REPLY(cookie), &syn, "%s: auto to always", family_name(ipv6));
	shield_mode(SYNSHIELD_MODE_AUTO);
	listener_attack(&syn);
	row_segment(REPLY(cookie), &syn, "%s: auto, under attack", family_name(ipv6));
	shield_mode(SYNSHIELD_MODE_OFF);
	row_segment(PASS(off), &syn, "%s: off during an attack, first SYN", family_name(ipv6));
	row_segment(PASS(off), &syn, "%s: off during an attack, second SYN", family_name(ipv6));
	shield_mode(SYNSHIELD_MODE_AUTO);
	shield_policy(PORT, &(struct synshield_policy){.mode = SYNSHIELD_MODE_OFF});
	row_segment(PASS(off), &syn, "%s: port off during an attack, first SYN", family_name(ipv6));
	row_segment(PASS(off), &syn, "%s: port off during an attack, second SYN",
		    family_name(ipv6));
	shield_reset();
}

void rows_mode(void)
{
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		shield_reset();
		rows_observed(ipv6);
		rows_observed_proof(ipv6);
		rows_switch(ipv6);
		rows_off(ipv6);
	}
}
