/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The filter before `conns`: what is entered is marked in both halves, and one of them is asked. */
#include "harness.h"

static bool is_marked(const struct segment *s)
{
	return bloom_has(s, false) && bloom_has(s, true);
}

static void unmark(const struct segment *s)
{
	bloom_put(s, false, false);
	bloom_put(s, true, false);
}

static void rows_entered(bool ipv6)
{
	struct segment received, sent, opened;

	shield_mode(SYNSHIELD_MODE_AUTO);
	segment_begin_apart(&received, ipv6, TCP_SYN);
	unmark(&received);
	row_segment(PASS(calm), &received, "%s: a SYN is left to the kernel", family_name(ipv6));
	ok(is_marked(&received), "%s: its tuple is marked in both halves", family_name(ipv6));

	segment_begin_apart(&opened, ipv6, TCP_SYN);
	unmark(&opened);
	segment_turn(&opened, TCP_SYN, &sent);
	run_sent(&sent);
	ok(conn_is(&opened, SYNSHIELD_CONN_SYN_SENT) && is_marked(&opened),
	   "%s: so is that of a SYN that this host sends", family_name(ipv6));
}

static void swap(__u32 *a, __u32 *b)
{
	__u32 was = *a;

	*a = *b;
	*b = was;
}

static void turn_round(void)
{
	swap(&shield.host.bloom_at, &shield.host.bloom_other_at);
	swap(&shield.host.bloom_words, &shield.host.bloom_other_words);
}

static void rows_asked(bool ipv6)
{
	const struct synshield_conn c = {.state = SYNSHIELD_CONN_ESTABLISHED};
	__u32 words = shield.host.bloom_words;
	struct segment s;

	for (int half = 0; half <= 1; half++, turn_round()) {
		shield_mode(SYNSHIELD_MODE_AUTO);
		segment_begin_apart(&s, ipv6, TCP_ACK);
		conn_put(&s, &c);
		bloom_put(&s, true, false);
		row_segment(PASS(tracked), &s, "%s: half %d says that it may be there",
			    family_name(ipv6), half);
		bloom_put(&s, true, true);
		bloom_put(&s, false, false);
		row_refused(SYNSHIELD_REASON_unknown_ack, &s,
			    "%s: half %d says that it is not: it is not looked for",
			    family_name(ipv6), half);
	}
	shield.host.bloom_words = 0;
	shield_configure(true);
	row_segment(PASS(tracked), &s, "%s: without a filter all are looked for",
		    family_name(ipv6));
	shield.host.bloom_words = words;
	conn_forget(&s);
}

/* A SYN for a tuple that the kernel may hold gets no cookie before the kernel was asked. */
static void rows_syn(bool ipv6)
{
	const struct synshield_conn c = {.state = SYNSHIELD_CONN_ESTABLISHED};
	struct segment s;

	shield_mode(SYNSHIELD_MODE_ALWAYS);
	segment_begin_apart(&s, ipv6, TCP_SYN);
	row_segment(REPLY(cookie), &s, "%s: the listener is known", family_name(ipv6));
	segment_begin_apart(&s, ipv6, TCP_SYN);
	conn_put(&s, &c);
	row_segment(REPLY(cookie), &s, "%s: a SYN for a tuple that had an entry",
		    family_name(ipv6));
	ok(!conn_is(&s, SYNSHIELD_CONN_ESTABLISHED), "%s: the kernel was asked: it is gone",
	   family_name(ipv6));
}

void rows_bloom(void)
{
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		shield_reset();
		rows_entered(ipv6);
		rows_asked(ipv6);
		rows_syn(ipv6);
	}
	shield_reset();
}
