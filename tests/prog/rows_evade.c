/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What an attacker may try to get past the shield, and what a lost entry must not cost. */
#include "exchange.h"

/* A half-open tuple whose SYN-ACK announced local_next: wrong third segments cost budget. */
static void rows_wrong_third(bool ipv6)
{
	struct synshield_conn c = {
		.state = SYNSHIELD_CONN_SYN_RECEIVED,
		.remote.syn = 1,
		.local.syn_acked = 1,
		.local_next = 5000,
	};
	struct segment s;

	shield_reset();
	segment_begin(&s, ipv6, TCP_ACK);
	s.ack = 4999;
	c.remote_next = s.seq;
	conn_put(&s, &c);
	row_segment(PASS(tracked), &s, "%s: a wrong third segment, within the budget",
		    family_name(ipv6));
	shield.settings.reset_rate = 1;
	shield_configure(true);
	budgets_spend_resets();
	row_segment(DROP(unknown_ack), &s, "%s: a wrong third segment, the budget spent",
		    family_name(ipv6));
	s.payload = "data";
	s.payload_len = 4;
	row_segment(DROP(unknown_data), &s, "%s: so with data", family_name(ipv6));
	shield_policy(PORT, &(struct synshield_policy){.mode = SYNSHIELD_MODE_OFF});
	row_segment(PASS(tracked), &s, "%s: the port's mode is off", family_name(ipv6));
	shield_policy(PORT, &(struct synshield_policy){.mode = SYNSHIELD_MODE_OBSERVE});
	row_segment(WOULD + DROP(unknown_data), &s, "%s: the port only observes",
		    family_name(ipv6));
	shield_policy(PORT, &(struct synshield_policy){});
	s.ack = 5000;
	row_segment(PASS(tracked), &s, "%s: the right one needs no budget", family_name(ipv6));
	ok(conn_is(&s, SYNSHIELD_CONN_ESTABLISHED), "%s: and establishes it", family_name(ipv6));
}

/* A valid cookie counts though nobody remembers that it was sent. */
static void rows_no_entry(bool ipv6)
{
	struct exchange e;

	shield_reset();
	exchange_begin(&e, ipv6, "mss 1460 sack ts nop ws 7");

	listener_forget(&e.syn);
	row_segment(PASS(cookie_ok), &e.ack, "%s: it comes back, the listener's entry has gone",
		    family_name(ipv6));
	shield_reset();
	exchange_begin(&e, ipv6, "mss 1460 sack ts nop ws 7");
	listener_put(&e.syn, &(struct synshield_listener){});
	row_segment(PASS(cookie_ok), &e.ack, "%s: the entry was not read yet", family_name(ipv6));
}

/* Somebody else's segment does not let a tuple's SYNs begin to count anew. */
static void rows_row_of_syns(bool ipv6)
{
	struct synshield_conn c = {
		.state = SYNSHIELD_CONN_ESTABLISHED,
		.remote.syn = 1,
		.syns = 16,
	};
	struct segment s;

	shield_reset();
	segment_begin(&s, ipv6, TCP_ACK);
	c.remote_next = s.seq + (1u << 26);
	conn_put(&s, &c);
	row_segment(PASS(tracked), &s, "%s: a segment far from its sender's numbers",
		    family_name(ipv6));
	ok(conn_get(&s, &c) && c.syns == 16, "%s: the row of SYNs goes on", family_name(ipv6));
	s.seq = c.remote_next;
	row_segment(PASS(tracked), &s, "%s: a segment near them", family_name(ipv6));
	ok(conn_get(&s, &c) && c.syns == 0, "%s: the row of SYNs has ended", family_name(ipv6));
}

void rows_evade(void)
{
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		rows_wrong_third(ipv6);
		rows_no_entry(ipv6);
		rows_row_of_syns(ipv6);
	}
}
