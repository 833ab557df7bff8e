/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The filter before `conns`: what is entered is marked in both halves, and one of them is asked. */
#include "harness.h"

static bool is_marked(const struct segment *s)
{
	return bloom_has(s, 0) && bloom_has(s, shield.host.bloom_words);
}

static void unmark(const struct segment *s)
{
	bloom_put(s, 0, false);
	bloom_put(s, shield.host.bloom_words, false);
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

static void rows_asked(bool ipv6)
{
	const struct synshield_conn c = {.state = SYNSHIELD_CONN_ESTABLISHED};
	__u32 words = shield.host.bloom_words, asked, other;
	struct segment s;

	for (int half = 0; half <= 1; half++) {
		asked = half ? words : 0;
		other = half ? 0 : words;
		shield.host.bloom_at = asked;
		shield_mode(SYNSHIELD_MODE_AUTO);
		segment_begin_apart(&s, ipv6, TCP_ACK);
		conn_put(&s, &c);
		bloom_put(&s, other, false);
		row_segment(PASS(tracked), &s, "%s: half %d says that it may be there",
			    family_name(ipv6), half);
		bloom_put(&s, other, true);
		for (int near = 0; near <= 1; near++) {
			bloom_put_part(&s, asked, near, false);
			bloom_put_part(&s, asked, !near, true);
			row_refused(SYNSHIELD_REASON_unknown_ack, &s,
				    "%s: half %d says by its %s word that it is not: it is not "
				    "looked for",
				    family_name(ipv6), half, near ? "near" : "far");
		}
	}
	shield.host.bloom_at = 0;
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
