/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Mode auto: when an attack on a listener begins, goes on, and ends. */
#include <unistd.h>

#include "exchange.h"

#define HZ 250
#define LIMIT 10	 /* SYNs in a window */
#define RATE (LIMIT * 8) /* a second */

static void auto_with(__u32 syn_rate, __u32 half_open)
{
	shield_reset();
	shield.settings.syn_rate = syn_rate;
	shield.settings.half_open = half_open;
	shield_mode(SYNSHIELD_MODE_AUTO);
}

static bool syn_is_answered(const struct segment *s)
{
	static struct outcome o;
	static struct frame f;

	frame_build(s, &f);
	shield_run(&f, &o);
	return is_verdict(&o, REPLY(cookie));
}

/* SYNs until the first one is answered; all in one window, so long as this machine keeps up. */
static int syns_to_attack(bool ipv6, struct segment *s)
{
	for (int n = 1; n < 1000; n++) {
		segment_begin(s, ipv6, TCP_SYN);
		if (syn_is_answered(s))
			return n;
	}
	return 0;
}

static void rows_rate(bool ipv6)
{
	struct synshield_listener l;
	struct segment s;
	int n = 0;
	__u64 now;

	for (int tries = 0; tries < 5 && n != LIMIT + 1; tries++) {
		auto_with(RATE, 256);
		n = syns_to_attack(ipv6, &s);
	}
	ok(n == LIMIT + 1, "%s: SYN %d of a window is the first that is answered (%d)",
	   family_name(ipv6), LIMIT + 1, n);
	now = shield_now();
	listener_get(&s, &l);
	ok(l.attacks == 1 && l.cookies_until_jiffies <= now + 10 * HZ &&
		   l.cookies_until_jiffies > now + 9 * HZ,
	   "%s: an attack is counted and lasts the quiet time", family_name(ipv6));
	ok(l.attack_jiffies <= now && l.attack_jiffies + 10 * HZ == l.cookies_until_jiffies,
	   "%s: and when it began", family_name(ipv6));
	row_segment(REPLY(cookie), &s, "%s: and all that follow", family_name(ipv6));
	s.flags = TCP_ACK;
	row_segment(DROP(unproven), &s, "%s: unknown ACK under attack", family_name(ipv6));
	for (int tries = 0; tries < 5 && n != 4; tries++) {
		auto_with(RATE, 256);
		shield_policy(PORT, &(struct synshield_policy){.syn_rate = 3 * 8});
		n = syns_to_attack(ipv6, &s);
	}
	ok(n == 4, "%s: the port's own rate counts (%d)", family_name(ipv6), n);
}

/* Calm for one window: SYNs of long ago are not added up. */
static void rows_slow(bool ipv6)
{
	struct synshield_listener l;
	struct segment s;
	int answered = 0;

	auto_with(RATE, 256);
	for (int n = 0; n < 3 * LIMIT; n++) {
		segment_begin(&s, ipv6, TCP_SYN);
		answered += syn_is_answered(&s);
		listener_get(&s, &l);
		l.window_jiffies -= HZ / 8;
		listener_put(&s, &l);
	}
	ok(!answered, "%s: one SYN a window is no attack", family_name(ipv6));
	ok(l.syns + l.window_syns == 3 * LIMIT, "%s: but each is counted (%llu)", family_name(ipv6),
	   (unsigned long long)l.syns);
}

static void rows_half_open(bool ipv6)
{
	int fd = net_listen(ipv6, 8201, 64, LISTENER_PLAIN);
	struct synshield_listener l;
	struct segment s;

	auto_with(100000, 4);
	segment_begin(&s, ipv6, TCP_SYN);
	s.target_port = 8201;
	row_segment(PASS(calm), &s, "%s: nothing half-open", family_name(ipv6));
	leave_half_open(ipv6, 8201, 3);
	row_segment(PASS(calm), &s, "%s: three half-open of four", family_name(ipv6));
	leave_half_open(ipv6, 8201, 1);
	row_segment(REPLY(cookie), &s, "%s: four half-open of four", family_name(ipv6));
	listener_get(&s, &l);
	ok(l.half_open == 4 && l.half_open_limit == 4 && l.attacks == 1,
	   "%s: as many as the kernel has", family_name(ipv6));
	close(fd);
	fd = net_listen(ipv6, 8202, 4, LISTENER_PLAIN);
	auto_with(100000, 256);
	leave_half_open(ipv6, 8202, 2);
	segment_begin(&s, ipv6, TCP_SYN);
	s.target_port = 8202;
	row_segment(PASS(calm), &s, "%s: backlog 4, two half-open", family_name(ipv6));
	leave_half_open(ipv6, 8202, 1);
	row_segment(REPLY(cookie), &s, "%s: backlog 4, three half-open: before it is full",
		    family_name(ipv6));
	close(fd);
}

/* A half-open request from before the attack is the kernel's. */
static void rows_before(bool ipv6)
{
	static struct frame f, answer;
	struct synshield_listener l;
	struct segment s;

	auto_with(100000, 256);
	segment_begin(&s, ipv6, TCP_SYN);
	row_segment(PASS(calm), &s, "%s: SYN before the attack", family_name(ipv6));
	frame_build(&s, &f);
	ok(net_kernel_answer(&f, &answer), "%s: answered by the kernel", family_name(ipv6));
	listener_get(&s, &l);
	l.cookies_until_jiffies = shield_now() + 10 * HZ;
	listener_put(&s, &l);
	row_segment(PASS(known_tuple), &s, "%s: the same SYN again, under attack",
		    family_name(ipv6));
	s.flags = TCP_ACK;
	s.seq++;
	s.ack = get32(answer.byte + answer.l4 + 4) + 1;
	row_segment(PASS(tracked), &s, "%s: its ACK, under attack", family_name(ipv6));
	conn_forget(&s);
	if (shield_is_observing()) /* a cookie would have been out */
		row_segment(PASS(cookie_ok), &s, "%s: its ACK, not tracked", family_name(ipv6));
	else
		row_segment(PASS(adopted), &s, "%s: its ACK, not tracked", family_name(ipv6));
}

static void rows_end(bool ipv6)
{
	struct synshield_listener l;
	struct exchange e;
	struct segment s;

	auto_with(100000, 256);
	segment_begin(&s, ipv6, TCP_SYN);
	row_segment(PASS(calm), &s, "%s: calm", family_name(ipv6));
	conn_forget(&s);
	s.flags = TCP_ACK;
	row_refused(SYNSHIELD_REASON_unknown_ack, &s, "%s: calm, unknown ACK", family_name(ipv6));
	s.flags = TCP_RST;
	row_segment(DROP(unknown_rst), &s, "%s: calm, unknown RST", family_name(ipv6));
	listener_get(&s, &l);
	l.cookies_until_jiffies = shield_now() + 10 * HZ;
	listener_put(&s, &l);
	exchange_begin(&e, ipv6, "mss 1460 sack ts nop ws 7");
	listener_get(&s, &l);
	l.cookies_until_jiffies = shield_now();
	listener_put(&s, &l);
	segment_begin(&s, ipv6, TCP_SYN);
	row_segment(PASS(calm), &s, "%s: calm again after the quiet time", family_name(ipv6));
	row_segment(PASS(cookie_ok), &e.ack, "%s: a cookie from the attack still holds",
		    family_name(ipv6));
	s.flags = TCP_ACK;
	conn_forget(&s);
	row_segment(DROP(unproven), &s, "%s: calm again, unknown ACK", family_name(ipv6));
}

struct window_row {
	const char *name;
	__u32 syns, acks;
	bool hot;
};

/* The second of an attack that has passed. */
static const struct window_row window_rows[] = {
	{"more than half of the rate that began it, all completed", 41, 41, true},
	{"half of the rate, all completed", 40, 40, false},
	{"16 SYNs, less than a quarter completed", 16, 3, true},
	{"16 SYNs, a quarter completed", 16, 4, false},
	{"15 SYNs, none completed: too few to judge", 15, 0, false},
	{"nothing", 0, 0, false},
	{"a flood", 1000000, 20, true},
};

static void rows_windows(bool ipv6, const struct window_row *r)
{
	struct synshield_listener l;
	struct segment s;
	__u64 now, passed;

	auto_with(RATE, 256);
	segment_begin(&s, ipv6, TCP_SYN);
	run_segment(&s);
	now = shield_now();
	listener_get(&s, &l);
	l.cookies_until_jiffies = now + HZ;
	l.window_jiffies = now - HZ;
	l.window_syns = r->syns;
	l.window_acks = r->acks;
	l.attack_syns = 7;
	l.attack_acks = 3;
	l.attack_peak = 12;
	l.syns = 5;
	l.acks = 2;
	listener_put(&s, &l);
	row_segment(REPLY(cookie), &s, "%s: after a second of %s", family_name(ipv6), r->name);
	listener_get(&s, &l);
	ok((l.cookies_until_jiffies > now + HZ) == r->hot, "%s: %s: the attack %s",
	   family_name(ipv6), r->name, r->hot ? "goes on" : "runs out");
	passed = l.window_jiffies - (now - HZ);
	ok(l.attack_syns == 7 + r->syns && l.attack_acks == 3 + r->acks && l.window_syns == 1 &&
		   l.window_acks == 0 && passed >= HZ &&
		   l.attack_peak == (r->syns >= 15 ? r->syns * HZ / passed : 12),
	   "%s: %s: added to the attack's sums and peak", family_name(ipv6), r->name);
	ok(l.syns == 5 + r->syns && l.acks == 2 + r->acks, "%s: %s: and to the listener's",
	   family_name(ipv6), r->name);
}

void rows_attack(void)
{
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		rows_rate(ipv6);
		rows_slow(ipv6);
		rows_half_open(ipv6);
		rows_before(ipv6);
		rows_end(ipv6);
		for (unsigned int i = 0; i < sizeof(window_rows) / sizeof(*window_rows); i++)
			rows_windows(ipv6, &window_rows[i]);
	}
	shield_reset();
}
