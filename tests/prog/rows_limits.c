/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How many connections a source may have to a port, and how fast it may open them.
 * Only handshakes that were completed count.
 */
#include <string.h>

#include "exchange.h"
#include "live.h"

#define REASON(name) SYNSHIELD_REASON_##name
#define TRIES 10

/* bits: of an address of the family that make a source; 0: the default */
static void limit(__u32 conns, __u32 rate, bool ipv6, int bits)
{
	shield_reset();
	shield.settings.source_conns = conns;
	shield.settings.source_rate = rate;
	if (bits)
		*(ipv6 ? &shield.settings.source_prefix6 : &shield.settings.source_prefix) = bits;
	shield_configure(true);
}

static int bits_of(bool ipv6)
{
	return ipv6 ? 64 : 32;
}

static void begin_from(struct exchange *e, bool ipv6, const char *source)
{
	segment_begin(&e->syn, ipv6, TCP_SYN);
	if (source)
		net_address(source, e->syn.source);
	exchange_work_out(e);
}

static bool counts(const struct exchange *e, int bits, __u32 conns)
{
	struct synshield_source source;
	bool known = source_get(&e->syn, bits, &source);

	if (conns ? known && source.conns == conns : !known || !source.conns)
		return true;
	note("  %u connections", known ? source.conns : 0);
	return false;
}

/* By cookie, as many as there may be; then refused at the SYN, and at the proof. */
static void rows_cookies(bool ipv6)
{
	struct exchange e, late;

	limit(2, 0, ipv6, 0);
	begin_from(&late, ipv6, NULL);
	row_segment(REPLY(cookie), &late.syn, "%s: a third client's SYN, in time",
		    family_name(ipv6));
	for (__u32 i = 1; i <= 2; i++) {
		begin_from(&e, ipv6, NULL);
		row_segment(REPLY(cookie), &e.syn, "%s: client %u of 2", family_name(ipv6), i);
		ok(counts(&e, bits_of(ipv6), i - 1), "%s: a SYN counts for nothing",
		   family_name(ipv6));
		row_segment(PASS(cookie_ok), &e.ack, "%s: client %u of 2, its proof",
			    family_name(ipv6), i);
		ok(counts(&e, bits_of(ipv6), i), "%s: %u connections", family_name(ipv6), i);
	}
	begin_from(&e, ipv6, NULL);
	row_refused(REASON(source_conns), &e.syn, "%s: SYN 3 of 2", family_name(ipv6));
	row_refused(REASON(source_conns), &late.ack, "%s: proof 3 of 2", family_name(ipv6));
	ok(conn_is(&late.ack, SYNSHIELD_CONN_PROVEN) == shield_is_observing(),
	   "%s: not tracked if refused", family_name(ipv6));
	ok(counts(&e, bits_of(ipv6), 2), "%s: still 2", family_name(ipv6));
	begin_from(&e, ipv6, ipv6 ? "2001:db8:2:1::2" : "192.0.2.3");
	row_segment(REPLY(cookie), &e.syn, "%s: another source", family_name(ipv6));
	e.syn.target_port = CLOSED_PORT;
	row_refused(REASON(closed_port), &e.syn, "%s: another port", family_name(ipv6));
}

/* By the kernel's own handshakes. */
static void rows_calm(bool ipv6)
{
	struct segment syn, synack, ack;
	struct exchange e;

	limit(1, 0, ipv6, 0);
	shield_mode(SYNSHIELD_MODE_AUTO);
	for (int i = 1; i <= 2; i++) {
		begin_from(&e, ipv6, NULL);
		syn = e.syn;
		syn.ack = 0x100;
		row_segment(PASS(calm), &syn, "%s: calm, SYN %d", family_name(ipv6), i);
	}
	segment_turn(&syn, TCP_SYN | TCP_ACK, &synack);
	run_sent(&synack);
	segment_turn(&synack, TCP_ACK, &ack);
	row_segment(PASS(tracked), &ack, "%s: calm, third segment", family_name(ipv6));
	ok(counts(&e, bits_of(ipv6), 1) && conn_is(&ack, SYNSHIELD_CONN_ESTABLISHED),
	   "%s: calm, one connection", family_name(ipv6));
	row_segment(PASS(tracked), &ack, "%s: calm, its next segment", family_name(ipv6));
	ok(counts(&e, bits_of(ipv6), 1), "%s: calm, still one", family_name(ipv6));
	begin_from(&e, ipv6, NULL);
	row_refused(REASON(source_conns), &e.syn, "%s: calm, SYN 3", family_name(ipv6));
}

/* A handshake with the kernel that is completed too late. */
static void rows_calm_late(bool ipv6)
{
	struct segment syn[2], synack, ack;

	limit(1, 0, ipv6, 0);
	shield_mode(SYNSHIELD_MODE_AUTO);
	for (int i = 0; i < 2; i++) {
		segment_begin(&syn[i], ipv6, TCP_SYN);
		syn[i].ack = 0x100;
		run_segment(&syn[i]);
		segment_turn(&syn[i], TCP_SYN | TCP_ACK, &synack);
		run_sent(&synack);
	}
	segment_turn(&syn[0], TCP_SYN | TCP_ACK, &synack);
	segment_turn(&synack, TCP_ACK, &ack);
	row_segment(PASS(tracked), &ack, "%s: the first of two handshakes", family_name(ipv6));
	segment_turn(&syn[1], TCP_SYN | TCP_ACK, &synack);
	segment_turn(&synack, TCP_ACK, &ack);
	row_refused(REASON(source_conns), &ack, "%s: the second of two handshakes",
		    family_name(ipv6));
	ok(conn_is(&ack, shield_is_observing() ? SYNSHIELD_CONN_ESTABLISHED
					       : SYNSHIELD_CONN_SYN_RECEIVED),
	   "%s: is not established if refused", family_name(ipv6));
}

/* Whatever ends a connection makes room for another. */
static void rows_ends(bool ipv6)
{
	struct segment fin, rst;
	struct exchange e;

	for (int way = 0; way < 3; way++) {
		static const char *const ways[] = {"closed", "aborted by the client",
						   "aborted here"};

		limit(1, 0, ipv6, 0);
		begin_from(&e, ipv6, NULL);
		run_segment(&e.syn);
		row_segment(PASS(cookie_ok), &e.ack, "%s: the one connection", family_name(ipv6));
		segment_turn(&e.ack, TCP_ACK | TCP_FIN, &fin);
		segment_turn(&e.ack, TCP_RST, &rst);
		if (way == 0) {
			run_sent(&fin);
			e.ack.flags = TCP_ACK | TCP_FIN;
			e.ack.ack++;
			run_segment(&e.ack);
			ok(counts(&e, bits_of(ipv6), 1), "%s: counts until its last ACK",
			   family_name(ipv6));
			segment_turn(&e.ack, TCP_ACK, &fin);
			run_sent(&fin);
		} else if (way == 1) {
			e.ack.flags = TCP_RST | TCP_ACK;
			run_segment(&e.ack);
		} else {
			run_sent(&rst);
		}
		ok(counts(&e, bits_of(ipv6), 0), "%s: %s: counts no more", family_name(ipv6),
		   ways[way]);
		run_sent(&rst);
		ok(counts(&e, bits_of(ipv6), 0), "%s: %s: and not less than none",
		   family_name(ipv6), ways[way]);
		begin_from(&e, ipv6, NULL);
		row_segment(REPLY(cookie), &e.syn, "%s: %s: room for another", family_name(ipv6),
			    ways[way]);
	}
}

/*
 * A connection that a full table has evicted, and whose client acknowledges the SYN-ACK yet: its
 * cookie holds, but it is not one more.
 */
static void rows_evicted(bool ipv6)
{
	struct synshield_source source = {.conns = 1};
	struct exchange e;
	struct live l;
	__u32 zero = 0;

	live_connect(&l, ipv6, net_listener(ipv6), PORT);
	for (__u32 most = 1; most <= 2; most++) {
		limit(most, 0, ipv6, 0);
		begin_from(&e, ipv6, NULL);
		run_segment(&e.syn); /* the listener is known */
		live_segment(&l, TCP_SYN, &e.syn);
		segment_options(&e.syn, "mss 1460 sack ts nop ws 7");
		exchange_work_out(&e);
		source.counted_jiffies = shield_now();
		source_put(&e.syn, bits_of(ipv6), &source);
		shield.host.learned_until = 0;
		map_put("host", &zero, &shield.host);
		row_segment(PASS(adopted), &e.ack, "%s: the one of %u that was evicted",
			    family_name(ipv6), most);
		ok(counts(&e, bits_of(ipv6), 1) && conn_is(&e.ack, SYNSHIELD_CONN_ESTABLISHED),
		   "%s: it counts once", family_name(ipv6));
		conn_forget(&e.ack);
	}
	live_close(&l);
}

/* Without a daemon that counts anew nobody is locked out. */
static void rows_stale(bool ipv6)
{
	struct synshield_source source = {.conns = 5};
	struct exchange e;

	limit(2, 0, ipv6, 0);
	begin_from(&e, ipv6, NULL);
	source.counted_jiffies = shield_now() - 50 * shield.host.hz;
	source_put(&e.syn, bits_of(ipv6), &source);
	row_refused(REASON(source_conns), &e.syn, "%s: counted 50 s ago", family_name(ipv6));
	source.counted_jiffies = shield_now() - 60 * shield.host.hz;
	source_put(&e.syn, bits_of(ipv6), &source);
	row_segment(REPLY(cookie), &e.syn, "%s: counted a minute ago", family_name(ipv6));
	row_segment(PASS(cookie_ok), &e.ack, "%s: counted a minute ago, proof", family_name(ipv6));
}

/* Proofs in a row, from one source; how many are taken before the first that is not. */
static int proofs(bool ipv6, int most)
{
	static struct outcome o;
	static struct frame f;
	struct exchange e;
	int taken = 0;

	for (int i = 0; i < most; i++) {
		begin_from(&e, ipv6, NULL);
		run_segment(&e.syn);
		frame_build(&e.ack, &f);
		shield_run(&f, &o);
		if (!is_verdict(&o, PASS(cookie_ok)))
			return taken;
		taken++;
	}
	return taken;
}

static bool is_too_fast(const struct segment *s)
{
	static struct outcome o;
	static struct frame f;

	frame_build(s, &f);
	shield_run(&f, &o);
	return is_verdict(&o, REPLY(source_rate));
}

static void rows_rate(bool ipv6)
{
	bool syn_refused = false, proof_refused = false;
	int taken = 0, later = 0, rate = 4;
	struct synshield_source source;
	struct exchange e;
	__u64 began;

	for (int tries = 0; tries < TRIES; tries++) {
		limit(0, rate, ipv6, 0);
		began = shield_now();
		taken = proofs(ipv6, 3 * rate);
		begin_from(&e, ipv6, NULL);
		syn_refused = is_too_fast(&e.syn);
		proof_refused = is_too_fast(&e.ack);
		if (!source_get(&e.syn, bits_of(ipv6), &source))
			bail_out("the source is not known");
		source.opened -= BUCKET_SECOND / rate;
		source_put(&e.syn, bits_of(ipv6), &source);
		later = proofs(ipv6, 3 * rate);
		if (shield_now() - began < (__u64)shield.host.hz / rate / 2)
			break;
	}
	ok(syn_refused, "%s: source-rate=%d: one more SYN is refused", family_name(ipv6), rate);
	ok(proof_refused, "%s: source-rate=%d: one more proof is refused", family_name(ipv6), rate);
	ok(taken == rate, "%s: source-rate=%d: %d at once (%d)", family_name(ipv6), rate, rate,
	   taken);
	ok(later == 1, "%s: source-rate=%d: one more a quarter second later (%d)",
	   family_name(ipv6), rate, later);
}

/* What makes a source. */
static void rows_prefix(bool ipv6, int bits, const char *inside, const char *outside)
{
	struct exchange e;

	limit(1, 0, ipv6, bits);
	begin_from(&e, ipv6, NULL);
	run_segment(&e.syn);
	row_segment(PASS(cookie_ok), &e.ack, "%s: one connection from the /%d", family_name(ipv6),
		    bits);
	ok(counts(&e, bits, 1), "%s: counted for the /%d", family_name(ipv6), bits);
	begin_from(&e, ipv6, inside);
	row_refused(REASON(source_conns), &e.syn, "%s: /%d: another from %s", family_name(ipv6),
		    bits, inside);
	if (!outside)
		return;
	begin_from(&e, ipv6, outside);
	row_segment(REPLY(cookie), &e.syn, "%s: /%d: one from %s", family_name(ipv6), bits,
		    outside);
}

static void rows_prefixes(void)
{
	rows_prefix(false, 32, "192.0.2.2", "192.0.2.3");
	rows_prefix(false, 31, "192.0.2.3", "192.0.2.4");
	rows_prefix(false, 24, "192.0.2.255", "192.0.3.2");
	rows_prefix(false, 16, "192.0.255.7", "192.1.2.2");
	rows_prefix(false, 8, "192.7.7.7", "193.0.2.2");
	rows_prefix(false, 1, "223.1.1.1", "10.0.2.2");
	rows_prefix(true, 128, "2001:db8:2::2", "2001:db8:2::3");
	rows_prefix(true, 127, "2001:db8:2::3", "2001:db8:2::4");
	rows_prefix(true, 64, "2001:db8:2:0:ffff::7", "2001:db8:2:1::2");
	rows_prefix(true, 56, "2001:db8:2:ff::7", "2001:db8:2:100::2");
	rows_prefix(true, 48, "2001:db8:2:ffff::7", "2001:db8:3::2");
	rows_prefix(true, 32, "2001:db8:ffff::7", "2001:db9:2::2");
	rows_prefix(true, 3, "3fff::7", "5001::2");
}

/* A port's own limits, and none. */
static void rows_policy(bool ipv6)
{
	struct synshield_source source = {.conns = 1};
	struct exchange e;

	limit(1, 0, ipv6, 0);
	begin_from(&e, ipv6, NULL);
	source.counted_jiffies = shield_now();
	source_put(&e.syn, bits_of(ipv6), &source);
	row_refused(REASON(source_conns), &e.syn, "%s: the interface's limit", family_name(ipv6));
	shield_policy(PORT, &(struct synshield_policy){.source_conns = 2});
	row_segment(REPLY(cookie), &e.syn, "%s: the port's own, higher", family_name(ipv6));
	shield_policy(PORT, &(struct synshield_policy){.source_conns = SYNSHIELD_NO_LIMIT});
	row_segment(REPLY(cookie), &e.syn, "%s: none for this port", family_name(ipv6));
	shield_policy(PORT, &(struct synshield_policy){});
	row_refused(REASON(source_conns), &e.syn, "%s: the interface's again", family_name(ipv6));
	limit(0, 0, ipv6, 0);
	source_put(&e.syn, bits_of(ipv6), &source);
	row_segment(REPLY(cookie), &e.syn, "%s: no limit", family_name(ipv6));
	shield_policy(PORT, &(struct synshield_policy){.source_conns = 1});
	row_refused(REASON(source_conns), &e.syn, "%s: only this port's", family_name(ipv6));
	shield.settings.reset = SYNSHIELD_RESET_DROP;
	shield_configure(true);
	row_segment(DROP(source_conns), &e.syn, "%s: reset=drop", family_name(ipv6));
	shield.settings.reset = SYNSHIELD_RESET_PASS;
	shield_configure(true);
	row_segment(PASS(source_conns), &e.syn, "%s: reset=pass", family_name(ipv6));
}

void rows_limits(void)
{
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		rows_cookies(ipv6);
		rows_calm(ipv6);
		rows_calm_late(ipv6);
		rows_ends(ipv6);
		rows_evicted(ipv6);
		rows_stale(ipv6);
		rows_rate(ipv6);
		rows_policy(ipv6);
	}
	rows_prefixes();
	shield_reset();
}
