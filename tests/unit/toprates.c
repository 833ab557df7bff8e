/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/toprates.c: what happened between two looks, and when that cannot be told. */
#include "toprates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "attacks.h"
#include "tap.h"

#define SECOND 1000000000ULL

/* In place of user/attacks.c, at 100 jiffies a second. */
bool under_attack(const struct synshield_listener *l, __u64 now)
{
	return l->cookies_until_jiffies > now;
}

double attack_seconds(const struct synshield_listener *l, __u64 now)
{
	return (now - l->attack_jiffies) / 100.0;
}

static struct top_look before, after;
static struct listener_row rows_before[3], rows_after[3];
static struct top_rates r;

static void begin(void)
{
	before = (struct top_look){.attached = true, .time_ns = 5 * SECOND, .stats_id = 7};
	memset(rows_before, 0, sizeof(rows_before));
	memset(rows_after, 0, sizeof(rows_after));
	after = before;
	after.time_ns = 7 * SECOND;
	after.jiffies = 1000;
	before.listeners = rows_before;
	after.listeners = rows_after;
}

static void rate(void)
{
	if (top_rates(&r, &before, &after))
		bail_out("no memory");
}

static bool is_rate(enum top_rate which, double wanted)
{
	return fabs(top_rate(&r, which) - wanted) < 1e-9;
}

static void row_kinds(void)
{
	begin();
	before.stats.reply.cookie = 100;
	after.stats.reply.cookie = 300;
	after.stats.reply.kernel_cookie = 20;
	after.stats.pass.calm = 40;
	after.stats.drop.reply_cap = 6;
	after.stats.reply.closed_port = 8;
	after.stats.pass.cookie_ok = 10;
	after.stats.pass.kernel_cookie_ok = 2;
	after.stats.reply.unknown_ack = 4;
	after.stats.drop.unknown_data = 12;
	after.stats.drop.bad_flags = 14;
	after.stats.pass.tracked = 30;
	rate();
	ok(r.known && r.seconds == 2 && is_rate(TOP_SYN, (200 + 20 + 40 + 6 + 8) / 2.),
	   "SYNs: answered, passed, refused");
	ok(is_rate(TOP_SYN_ACK, 110) && is_rate(TOP_RST, 6), "answers: SYN-ACKs, and RSTs");
	ok(is_rate(TOP_COOKIE_GOOD, 6) && is_rate(TOP_COOKIE_BAD, 8), "cookies, good and bad");
	ok(is_rate(TOP_PASS, 41) && is_rate(TOP_DROP, 16), "passed and dropped");
	ok(r.cell_count == 3 && r.cells[0].reason == SYNSHIELD_REASON_bad_flags &&
		   r.cells[2].reason == SYNSHIELD_REASON_reply_cap,
	   "drops by reason, the most first");
	begin();
	after.stats.would_reply.cookie = 50;
	after.stats.would_drop.unknown_ack = 20;
	rate();
	ok(is_rate(TOP_SYN, 25) && is_rate(TOP_SYN_ACK, 0) && is_rate(TOP_DROP, 0) &&
		   r.cell_count == 2,
	   "what mode observe would do is no answer and no drop");
}

static void row_unknown(void)
{
	begin();
	after.stats.drop.bad_ip = 5;
	after.stats_id = 8;
	rate();
	ok(!r.known && is_rate(TOP_DROP, 0), "attached anew: nothing is known of the time between");
	begin();
	before.stats.drop.bad_ip = 5;
	after.stats.drop.bad_ip = 4;
	after.stats.pass.calm = 100;
	rate();
	ok(!r.known && is_rate(TOP_PASS, 0), "a counter that went back: likewise");
	begin();
	after.time_ns = before.time_ns;
	after.stats.pass.calm = 100;
	rate();
	ok(!r.known && is_rate(TOP_PASS, 0), "no time has passed");
	begin();
	before.attached = false;
	rate();
	ok(!r.known, "it was not there before");
	begin();
	after.attached = false;
	after.listener_count = 1;
	rate();
	ok(!r.known && !r.listener_count, "it is not there now");
}

static void row_large(void)
{
	begin();
	before.stats.drop.denied = 1ULL << 63;
	after.stats.drop.denied = (1ULL << 63) + (5ULL << 32);
	rate();
	ok(r.packets[TOP_DROP] == 5ULL << 32, "counters of 64 bits");
}

static void row_listeners(void)
{
	begin();
	before.listener_count = 2;
	after.listener_count = 3;
	rows_before[0].key.port = rows_after[0].key.port = 1;
	rows_before[1].key.port = rows_after[2].key.port = 3;
	rows_after[1].key.port = 2;
	rows_before[0].value = (struct synshield_listener){.syns = 10, .window_syns = 5};
	rows_after[0].value = (struct synshield_listener){.syns = 16, .window_syns = 3};
	rows_before[1].value = (struct synshield_listener){.syns = 4000000000, .acks = 7};
	rows_after[2].value = (struct synshield_listener){
		.syns = 4000000000 + 1000,
		.window_acks = 50,
		.acks = 157,
		.cookies_until_jiffies = 1001,
		.attack_jiffies = 250,
		.attack_peak = 99,
	};
	rate();
	ok(r.listener_count == 3 && r.listeners[0].syns == 2,
	   "SYNs of closed windows and the open one");
	ok(r.listeners[0].completed < 0, "no cookies, no share of them that came back");
	ok(r.listeners[1].syns < 0, "a listener that is new: its rate is not known");
	ok(r.listeners[2].syns == 500 && fabs(r.listeners[2].completed - 0.2) < 1e-9,
	   "under attack: the share of the SYNs whose cookie came back");
	ok(r.attacked == 1 && r.attack_seconds == 7.5 && r.attack_peak == 99,
	   "the attack: since when, and its peak");
	top_sort(&r, TOP_BY_SYN);
	ok(r.listeners[0].row.key.port == 3 && r.listeners[2].row.key.port == 2, "sorted by SYNs");
	top_sort(&r, TOP_BY_ADDRESS);
	ok(r.listeners[0].row.key.port == 1 && r.listeners[2].row.key.port == 3,
	   "sorted by address and port");
	begin();
	before.listener_count = after.listener_count = 1;
	rows_before[0].value.syns = 100;
	rows_after[0].value.syns = 40;
	rate();
	ok(r.listeners[0].syns == 0, "a listener that was forgotten and made anew");
}

static void row_numbers(void)
{
	static const struct {
		double n;
		const char *text;
	} rows[] = {
		{0, "0"},	   {0.4, "0.4"},     {8, "8"},		{9.94, "9.9"},
		{9.96, "10"},	   {999.4, "999"},   {999.6, "1.00k"},	{9994, "9.99k"},
		{9996, "10.0k"},   {99949, "99.9k"}, {99960, "100k"},	{999499, "999k"},
		{999500, "1.00M"}, {1.2e9, "1.20G"}, {1.8e19, "18.0E"},
	};
	char text[TOP_NUMBER];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		ok(!strcmp(top_number(text, rows[i].n), rows[i].text), "%g is written %s (%s)",
		   rows[i].n, rows[i].text, text);
}

int main(void)
{
	row_kinds();
	row_unknown();
	row_large();
	row_listeners();
	row_numbers();
	top_rates_free(&r);
	return tap_done();
}
