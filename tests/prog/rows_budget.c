/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Answers are rationed: RSTs for all, and all answers for each prefix.  Time is made
 * to pass by moving the buckets' own; what could be earned while a row runs is less
 * than one answer, or the row is run anew.
 */
#include <bpf/bpf.h>

#include "exchange.h"
#include "live.h"

#define REASON(name) SYNSHIELD_REASON_##name
#define RATE 4 /* answers a second: one is earned in 62 jiffies */
#define TRIES 10

struct burst {
	int answered, refused; /* in this order, and nothing else */
};

/* Until the first one that is not answered, and one more. */
static struct burst burst_of(bool ipv6, __u8 flags, int action, int reason, const char *source)
{
	static struct outcome o;
	static struct frame f;
	struct burst b = {};
	struct segment s;

	for (int i = 0; i < 3 * RATE && b.refused < 2; i++) {
		segment_begin(&s, ipv6, flags);
		net_address(source, s.source);
		s.target_port = flags == TCP_SYN ? PORT : CLOSED_PORT;
		frame_build(&s, &f);
		shield_run(&f, &o);
		if (is_verdict(&o, SYNSHIELD_REPLY, flags == TCP_SYN ? REASON(cookie) : reason) &&
		    !b.refused)
			b.answered++;
		else if (is_verdict(&o, action, reason))
			b.refused++;
		else
			return (struct burst){-1, -1};
	}
	return b;
}

/* The same after `setup`, within the time that earns nothing. */
static struct burst burst_in_no_time(void (*setup)(void), bool ipv6, __u8 flags, int action,
				     int reason, const char *source)
{
	struct burst b;
	__u64 began;

	for (int tries = 0; tries < TRIES; tries++) {
		shield_reset();
		setup();
		began = shield_now();
		b = burst_of(ipv6, flags, action, reason, source);
		if (shield_now() - began < (__u64)shield.host.hz / RATE / 2)
			return b;
	}
	note("  this machine is too slow to tell");
	return (struct burst){};
}

static const char *client(bool ipv6)
{
	return ipv6 ? "2001:db8:2::2" : "192.0.2.2";
}

static const char *neighbour(bool ipv6)
{
	return ipv6 ? "2001:db8:2:0:ffff::7" : "192.0.2.77";
}

static const char *stranger(bool ipv6)
{
	return ipv6 ? "2001:db8:2:1::2" : "192.0.3.2";
}

static void few_resets(void)
{
	shield.settings.reset_rate = RATE;
	shield_configure(true);
}

static void few_replies(void)
{
	shield.settings.reply_rate = RATE;
	shield_configure(true);
}

static void no_resets(void)
{
	shield.settings.reset_rate = 0;
	shield_configure(true);
}

static void rows_burst(bool ipv6)
{
	struct burst b;

	b = burst_in_no_time(few_resets, ipv6, TCP_ACK, DROP(unknown_ack), client(ipv6));
	ok(b.answered == RATE && b.refused == 2, "%s: reset-rate=%d: %d RSTs, then nothing (%d)",
	   family_name(ipv6), RATE, RATE, b.answered);
	b = burst_in_no_time(few_replies, ipv6, TCP_ACK, DROP(unknown_ack), client(ipv6));
	ok(b.answered == RATE && b.refused == 2, "%s: reply-rate=%d: %d RSTs, then nothing (%d)",
	   family_name(ipv6), RATE, RATE, b.answered);
	b = burst_in_no_time(few_replies, ipv6, TCP_SYN, DROP(reply_cap), client(ipv6));
	ok(b.answered == RATE && b.refused == 2,
	   "%s: reply-rate=%d: %d SYN-ACKs, then nothing (%d)", family_name(ipv6), RATE, RATE,
	   b.answered);
	b = burst_in_no_time(no_resets, ipv6, TCP_ACK, DROP(unknown_ack), client(ipv6));
	ok(b.answered == 0 && b.refused == 2, "%s: reset-rate=0: never a RST", family_name(ipv6));
}

/* As though time had passed. */
static void let_pass(__u64 time)
{
	struct synshield_tracking t;
	__u32 zero = 0;
	__u64 bucket;
	int fd = shield_map("tracking");

	if (bpf_map_lookup_elem(fd, &zero, &t))
		bail_out("map tracking");
	t.resets -= time;
	map_put("tracking", &zero, &t);
	for (__u32 i = 0; i < SYNSHIELD_PREFIXES; i++) {
		if (bpf_map_lookup_elem(shield_map("replies"), &i, &bucket))
			bail_out("map replies");
		bucket -= time;
		map_put("replies", &i, &bucket);
	}
}

/* After a burst of everything: what a while later earns. */
static int earned(bool ipv6, void (*setup)(void), __u64 time)
{
	struct burst b;
	__u64 began;

	for (int tries = 0; tries < TRIES; tries++) {
		shield_reset();
		setup();
		began = shield_now();
		burst_of(ipv6, TCP_ACK, DROP(unknown_ack), client(ipv6));
		let_pass(time);
		b = burst_of(ipv6, TCP_ACK, DROP(unknown_ack), client(ipv6));
		if (shield_now() - began < (__u64)shield.host.hz / RATE / 2)
			return b.answered;
	}
	return -1;
}

static void rows_earned(bool ipv6)
{
	static const struct {
		const char *name;
		void (*setup)(void);
	} budgets[] = {{"reset-rate", few_resets}, {"reply-rate", few_replies}};

	for (int i = 0; i < 2; i++) {
		int one = earned(ipv6, budgets[i].setup, BUCKET_SECOND / RATE);
		int three = earned(ipv6, budgets[i].setup,
				   BUCKET_SECOND / RATE * 3 + BUCKET_SECOND / RATE / 4);
		int all = earned(ipv6, budgets[i].setup, 100 * BUCKET_SECOND);

		ok(one == 1, "%s: %s: a quarter second later, one more (%d)", family_name(ipv6),
		   budgets[i].name, one);
		ok(three == 3, "%s: %s: after three quarters, three (%d)", family_name(ipv6),
		   budgets[i].name, three);
		ok(all == RATE, "%s: %s: long after, a second's worth (%d)", family_name(ipv6),
		   budgets[i].name, all);
	}
}

/* Whoever shares the prefix shares the ration; nobody else does. */
static void rows_prefix(bool ipv6)
{
	struct burst b, near = {}, far = {};
	__u64 began;

	for (int tries = 0; tries < TRIES; tries++) {
		shield_reset();
		few_replies();
		began = shield_now();
		b = burst_of(ipv6, TCP_SYN, DROP(reply_cap), client(ipv6));
		near = burst_of(ipv6, TCP_ACK, DROP(unknown_ack), neighbour(ipv6));
		far = burst_of(ipv6, TCP_SYN, DROP(reply_cap), stranger(ipv6));
		if (shield_now() - began < (__u64)shield.host.hz / RATE / 2)
			break;
	}
	ok(b.answered == RATE && near.answered == 0 && near.refused == 2,
	   "%s: SYN-ACKs to one address use up the RSTs to its neighbour", family_name(ipv6));
	ok(far.answered == RATE, "%s: the next prefix has its own (%d)", family_name(ipv6),
	   far.answered);
}

/* A client that is real gives back what its SYN-ACK took. */
static void rows_proof(bool ipv6)
{
	bool answered = false, capped = false, again = false, capped_again = false;
	static struct outcome o;
	static struct frame f;
	struct exchange e;
	struct burst b;
	__u64 began;

	for (int tries = 0; tries < TRIES; tries++) {
		shield_reset();
		few_replies();
		began = shield_now();
		exchange_begin(&e, ipv6, "mss 1460 sack ts nop ws 7");
		b = burst_of(ipv6, TCP_SYN, DROP(reply_cap), client(ipv6));
		answered = b.answered == RATE - 1;
		capped = b.refused == 2;
		frame_build(&e.ack, &f);
		shield_run(&f, &o);
		b = burst_of(ipv6, TCP_SYN, DROP(reply_cap), client(ipv6));
		again = is_verdict(&o, PASS(cookie_ok)) && b.answered == 1;
		capped_again = b.refused == 2;
		if (shield_now() - began < (__u64)shield.host.hz / RATE / 2)
			break;
	}
	ok(answered && capped, "%s: the prefix's SYN-ACKs are used up", family_name(ipv6));
	ok(again && capped_again, "%s: one proof gives back one of them", family_name(ipv6));
}

static void spend_resets(bool ipv6)
{
	struct segment s;

	shield.settings.reset_rate = 1;
	shield_configure(true);
	budgets_spend_resets();
	segment_begin(&s, ipv6, TCP_ACK);
	s.target_port = CLOSED_PORT;
	row_segment(DROP(unknown_ack), &s, "%s: no RST is left", family_name(ipv6));
}

/*
 * A flood of what is unknown costs no look at the kernel's sockets, once the table is
 * known to hold them; and costs no connection while it is not.
 */
static void rows_spent(bool ipv6)
{
	struct exchange e;
	struct segment s;
	struct live l;

	live_connect(&l, ipv6, net_listener(ipv6), PORT);
	shield_reset();
	spend_resets(ipv6);
	live_segment(&l, TCP_ACK, &s);
	if (!shield_is_observing()) /* there is no flood to be held off where all pass */
		row_segment(DROP(unknown_ack), &s,
			    "%s: the table is known to hold all sockets: not asked",
			    family_name(ipv6));
	shield_configure(false);
	budgets_spend_resets();
	row_segment(PASS(adopted), &s, "%s: it is not: the kernel's connection passes",
		    family_name(ipv6));
	conn_forget(&s);
	shield.settings.reset = SYNSHIELD_RESET_PASS;
	shield_configure(true);
	budgets_spend_resets();
	row_segment(PASS(adopted), &s, "%s: reset=pass: the kernel's connection passes",
		    family_name(ipv6));
	shield_reset();
	exchange_begin(&e, ipv6, "mss 1460 sack ts nop ws 7");
	spend_resets(ipv6);
	row_segment(PASS(cookie_ok), &e.ack, "%s: a cookie counts also then", family_name(ipv6));
	live_close(&l);
}

/* Netfilter's connections are in no table of sockets. */
static void rows_spent_conntrack(bool ipv6)
{
	struct segment s;

	shield_reset();
	shield.host.flags |= SYNSHIELD_HOST_CONNTRACK;
	spend_resets(ipv6);
	segment_begin(&s, ipv6, TCP_ACK);
	ok(shield_conntrack(&s), "%s: netfilter tracks a connection", family_name(ipv6));
	row_segment(PASS(conntracked), &s, "%s: no RST is left: netfilter's passes",
		    family_name(ipv6));
}

/* Entries that the table had to give up are asked for again. */
static void rows_evicted(bool ipv6)
{
	struct segment s;
	struct live l;
	__u32 zero = 0;

	live_connect(&l, ipv6, net_listener(ipv6), PORT);
	shield_reset();
	spend_resets(ipv6);
	shield.host.learned_until = 0;
	map_put("host", &zero, &shield.host);
	live_segment(&l, TCP_ACK, &s);
	row_segment(PASS(adopted), &s, "%s: what the table may have evicted is asked for",
		    family_name(ipv6));
	live_close(&l);
	shield_reset();
}

void rows_budget(void)
{
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		rows_burst(ipv6);
		rows_earned(ipv6);
		rows_prefix(ipv6);
		rows_proof(ipv6);
		rows_spent(ipv6);
		rows_spent_conntrack(ipv6);
		rows_evicted(ipv6);
	}
	shield_reset();
}
