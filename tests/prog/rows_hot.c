/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a flood lets the shield remember of a listener for one jiffy (bpf/hot.h): it is used, is
 * gone with the jiffy, and nothing that changes meanwhile is missed.  Jiffies end when they
 * like, so that what shows the memory itself is tried until it fell into one.
 */
#include <unistd.h>

#include "exchange.h"

#define EXACT_SYNS 1024 /* as many, in one window, before it does */
#define SAMPLE 64
#define TRIES 1000
#define JIFFIES_US 50000 /* some of them */
#define OPTIONS "mss 1460 sack ts nop ws 7"
#define OTHER_MSS 777

static struct server_side server;

/* The SYN that e says; is it answered by this MSS, and the cookie of the key in force? */
static bool is_answered(struct exchange *e, __u16 mss)
{
	static struct frame in, want;
	static struct outcome o;
	struct server_side other = server;

	exchange_work_out(e);
	other.mss = mss;
	expect_synack(&e->syn, &e->agreed, &other, &e->cookie, &want);
	frame_build(&e->syn, &in);
	shield_run(&in, &o);
	return is_verdict(&o, REPLY(cookie)) && is_answer(&o, &in, &want);
}

static void next_syn(struct exchange *e, bool ipv6)
{
	segment_begin_apart(&e->syn, ipv6, TCP_SYN);
	segment_options(&e->syn, OPTIONS);
}

/* The listener's entry as in the middle of a flood, announcing this MSS. */
static void in_flood(const struct segment *s, __u16 mss)
{
	struct synshield_listener l;

	if (!listener_get(s, &l))
		bail_out("no listener");
	l.checked_jiffies = l.window_jiffies = shield_now();
	l.window_syns = EXACT_SYNS;
	l.mss = mss;
	listener_put(s, &l);
}

/* Mode always; no rate is an attack, no prefix gets too much. */
static void begin(void)
{
	shield_reset();
	shield.settings.syn_rate = 100000000;
	shield.settings.reply_rate = 100000000;
	shield_configure(true);
}

static void heat(struct exchange *e, bool ipv6)
{
	next_syn(e, ipv6);
	if (!is_answered(e, server.mss))
		note("  the first SYN was not answered");
	in_flood(&e->syn, server.mss);
	next_syn(e, ipv6);
	if (!is_answered(e, server.mss))
		note("  the SYN before was not answered");
}

/* Before it the entry was changed, to which nobody looked. */
static bool is_from_memory(struct exchange *e, bool ipv6)
{
	begin();
	heat(e, ipv6);
	in_flood(&e->syn, OTHER_MSS);
	next_syn(e, ipv6);
	return is_answered(e, server.mss);
}

static void rows_syn(bool ipv6)
{
	const char *name = family_name(ipv6);
	struct exchange e;
	bool hot = false;

	for (int tries = 0; tries < TRIES && !hot; tries++)
		hot = is_from_memory(&e, ipv6);
	ok(hot, "%s: within a jiffy the entry is not read again", name);
	usleep(JIFFIES_US);
	in_flood(&e.syn, OTHER_MSS);
	next_syn(&e, ipv6);
	ok(is_answered(&e, OTHER_MSS), "%s: in the next it is", name);
}

/* Of each change some are tried, so that not all of them come with a new jiffy. */
#define CHANGES 20

static void rows_change(bool ipv6, const char *what, void (*change)(struct exchange *e), int action,
			int reason)
{
	struct exchange e;
	int seen = 0;

	for (int i = 0; i < CHANGES; i++) {
		static struct outcome o;
		static struct frame f;

		begin();
		heat(&e, ipv6);
		next_syn(&e, ipv6);
		change(&e);
		frame_build(&e.syn, &f);
		shield_run(&f, &o);
		seen += is_verdict(&o, action, reason);
	}
	ok(seen == CHANGES, "%s: %s: seen at once (%d of %d)", family_name(ipv6), what, seen,
	   CHANGES);
}

static void turn_off(struct exchange *e)
{
	shield_mode(SYNSHIELD_MODE_OFF);
}

/* `deny` raises no generation. */
static void deny(struct exchange *e)
{
	__u32 zero = 0;

	list_put(e->syn.ipv6 ? "::" : "0.0.0.0", 0, SYNSHIELD_LIST_DENY);
	shield.settings.listed = 1;
	map_put("settings", &zero, &shield.settings);
}

/* These two are remembered in the same place. */
static void other_port(struct exchange *e)
{
	e->syn.target_port ^= 64;
}

static void other_address(struct exchange *e)
{
	e->syn.target[15] ^= 64;
}

static void offer_less(struct exchange *e)
{
	segment_options(&e->syn, "mss %d", e->syn.ipv6 ? 1219 : 535);
}

static void sign(struct exchange *e)
{
	segment_options(&e->syn, "md5 nop nop");
}

static void track_it(struct exchange *e)
{
	static const struct synshield_conn c = {.state = SYNSHIELD_CONN_ESTABLISHED};

	conn_put(&e->syn, &c);
}

static void rows_changes(bool ipv6)
{
	struct exchange e;

	rows_change(ipv6, "mode off", turn_off, PASS(off));
	rows_change(ipv6, "the source is denied", deny, DROP(denied));
	rows_change(ipv6, "a port where nobody listens", other_port, REPLY(closed_port));
	rows_change(ipv6, "an address of somebody else", other_address, PASS(not_local));
	rows_change(ipv6, "an MSS below the least", offer_less, PASS(small_mss));
	if (kernel_has_field("md5sig_info"))
		rows_change(ipv6, "a signed SYN", sign, DROP(unsigned_listener));
	rows_change(ipv6, "the tuple is tracked", track_it, REPLY(cookie));
	begin();
	heat(&e, ipv6);
	next_syn(&e, ipv6);
	track_it(&e);
	run_segment(&e.syn);
	ok(!conn_is(&e.syn, SYNSHIELD_CONN_ESTABLISHED), "%s: and the kernel was asked about it",
	   family_name(ipv6));
}

/* A new key, which the daemon writes without a word of it. */
static void rows_key(bool ipv6)
{
	struct exchange e;
	__u32 zero = 0;
	int seen = 0;

	for (int i = 0; i < CHANGES; i++) {
		begin();
		heat(&e, ipv6);
		shield.keys.epoch++;
		map_put("keys", &zero, &shield.keys);
		next_syn(&e, ipv6);
		seen += is_answered(&e, server.mss);
	}
	ok(seen == CHANGES, "%s: a new key is in force at once (%d of %d)", family_name(ipv6), seen,
	   CHANGES);
}

/* One in SAMPLE stands for all: 200 of these, and 14 is one standard deviation. */
static void rows_counted(bool ipv6)
{
	enum { SYNS = 200 * SAMPLE };
	struct synshield_listener l;
	struct exchange e;
	__u64 before, count;

	begin();
	heat(&e, ipv6);
	listener_get(&e.syn, &l);
	before = l.syns + l.window_syns;
	for (int i = 0; i < SYNS; i++) {
		next_syn(&e, ipv6);
		run_segment(&e.syn);
	}
	listener_get(&e.syn, &l);
	count = l.syns + l.window_syns - before;
	ok(count > SYNS / 2 && count < SYNS * 3 / 2, "%s: %d SYNs are counted, nearly (%llu)",
	   family_name(ipv6), SYNS, (unsigned long long)count);
}

static void unknown_segment(struct segment *s, bool ipv6)
{
	segment_begin_apart(s, ipv6, TCP_ACK);
	segment_options(s, "nop nop ts");
}

/* The listener is known, no RST is left, and what belongs to nothing came. */
static void heat_for_others(struct exchange *e, bool ipv6)
{
	struct segment s;

	shield_reset();
	shield.settings.reset_rate = 1;
	shield_configure(true);
	next_syn(e, ipv6);
	if (!is_answered(e, server.mss))
		note("  the SYN was not answered");
	budgets_spend_resets();
	unknown_segment(&s, ipv6);
	run_segment(&s);
}

static void rows_others(bool ipv6)
{
	const char *name = family_name(ipv6);
	static struct outcome o;
	static struct frame f;
	struct exchange e;
	struct segment s;
	bool hot = false;

	for (int tries = 0; tries < TRIES && !hot; tries++) {
		heat_for_others(&e, ipv6);
		budgets_refill();
		unknown_segment(&s, ipv6);
		frame_build(&s, &f);
		shield_run(&f, &o);
		hot = is_verdict(&o, DROP(unknown_ack));
	}
	ok(hot, "%s: an unknown ACK: within a jiffy no RST is thought of again", name);
	usleep(JIFFIES_US);
	budgets_refill();
	row_segment(DROP(unproven), &s, "%s: in the next it is", name);
	heat_for_others(&e, ipv6);
	row_segment(PASS(cookie_ok), &e.ack, "%s: one that brings a cookie back passes", name);
	row_segment(PASS(tracked), &e.ack, "%s: and is tracked", name);
	heat_for_others(&e, ipv6);
	shield.keys.epoch++;
	shield_configure(true);
	budgets_spend_resets();
	unknown_segment(&s, ipv6);
	run_segment(&s);
	row_segment(PASS(cookie_ok), &e.ack, "%s: also the cookie of the epoch before", name);
	heat_for_others(&e, ipv6);
	shield_mode(SYNSHIELD_MODE_OFF);
	unknown_segment(&s, ipv6);
	row_segment(PASS(off), &s, "%s: mode off: seen at once", name);
}

void rows_hot(void)
{
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		shield_reset();
		server_side_read(ipv6, PORT, &server);
		rows_syn(ipv6);
		rows_changes(ipv6);
		rows_key(ipv6);
		rows_counted(ipv6);
		rows_others(ipv6);
	}
	shield_reset();
}
