/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "toprates.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attacks.h"

#define SECOND 1e9

const struct top_rate_name top_rate_names[TOP_RATES] = {
	[TOP_SYN] = {"SYN", "syn"},
	[TOP_SYN_ACK] = {"SYN-ACK", "syn-ack"},
	[TOP_COOKIE_GOOD] = {"cookies good", "cookies-good"},
	[TOP_COOKIE_BAD] = {"cookies bad", "cookies-bad"},
	[TOP_RST] = {"RST", "rst"},
	[TOP_PASS] = {"passed", "pass"},
	[TOP_DROP] = {"dropped", "drop"},
};

/* What the segments are that bear a reason; the rest are nothing of these. */
enum kind { OTHER, SYN, COOKIE, GOOD, BAD };

static const enum kind kinds[SYNSHIELD_REASON_MAX] = {
	[SYNSHIELD_REASON_cookie] = COOKIE,
	[SYNSHIELD_REASON_kernel_cookie] = COOKIE,
	[SYNSHIELD_REASON_small_mss] = SYN,
	[SYNSHIELD_REASON_cookie_not_due] = SYN,
	[SYNSHIELD_REASON_calm] = SYN,
	[SYNSHIELD_REASON_known_tuple] = SYN,
	[SYNSHIELD_REASON_tuple_rate] = SYN,
	[SYNSHIELD_REASON_signed_syn] = SYN,
	[SYNSHIELD_REASON_unsigned_listener] = SYN,
	[SYNSHIELD_REASON_closed_port] = SYN,
	[SYNSHIELD_REASON_reply_cap] = SYN,
	[SYNSHIELD_REASON_source_conns] = SYN,
	[SYNSHIELD_REASON_source_rate] = SYN,
	[SYNSHIELD_REASON_table_full] = SYN,
	[SYNSHIELD_REASON_no_key] = SYN,
	[SYNSHIELD_REASON_reply_failed] = SYN,
	[SYNSHIELD_REASON_cookie_ok] = GOOD,
	[SYNSHIELD_REASON_kernel_cookie_ok] = GOOD,
	[SYNSHIELD_REASON_unknown_ack] = BAD,
	[SYNSHIELD_REASON_unknown_data] = BAD,
	[SYNSHIELD_REASON_unknown_fin] = BAD,
	[SYNSHIELD_REASON_unproven] = BAD,
	[SYNSHIELD_REASON_bad_cookie] = BAD,
};

/* -- packets -- */

static void add_cell(struct top_rates *r, const struct count_cell *cell)
{
	enum kind kind = kinds[cell->reason];
	__u64 n = cell->count;

	if (kind == SYN || kind == COOKIE)
		r->packets[TOP_SYN] += n;
	else if (kind == GOOD)
		r->packets[TOP_COOKIE_GOOD] += n;
	else if (kind == BAD)
		r->packets[TOP_COOKIE_BAD] += n;
	if (cell->action == SYNSHIELD_REPLY)
		r->packets[kind == COOKIE ? TOP_SYN_ACK : TOP_RST] += n;
	else if (cell->action == SYNSHIELD_PASS)
		r->packets[TOP_PASS] += n;
	else if (cell->action == SYNSHIELD_DROP)
		r->packets[TOP_DROP] += n;
	if (cell->action == SYNSHIELD_DROP ||
	    cell->action == SYNSHIELD_ACTION_MAX + SYNSHIELD_DROP ||
	    cell->action == SYNSHIELD_ACTION_MAX + SYNSHIELD_REPLY)
		r->cells[r->cell_count++] = *cell;
}

/* A counter never goes back: these are counted from the beginning again. */
static bool began_anew(const struct top_look *before, const struct top_look *after)
{
	int a, reason;

	if (before->stats_id != after->stats_id)
		return true;
	for (a = 0; a < COUNTS_ACTIONS; a++) {
		for (reason = 0; reason < SYNSHIELD_REASON_MAX; reason++) {
			if (counts_at(&after->stats, a, reason) <
			    counts_at(&before->stats, a, reason))
				return true;
		}
	}
	return false;
}

static void rate_packets(struct top_rates *r, const struct top_look *before,
			 const struct top_look *after)
{
	struct count_cell cells[COUNTS_ACTIONS * SYNSHIELD_REASON_MAX];
	size_t n, i;

	if (!before->attached || after->time_ns <= before->time_ns || began_anew(before, after))
		return;
	r->known = true;
	r->seconds = (after->time_ns - before->time_ns) / SECOND;
	n = counts_cells(&after->stats, &before->stats, cells);
	for (i = 0; i < n; i++)
		add_cell(r, &cells[i]);
}

double top_rate(const struct top_rates *r, enum top_rate which)
{
	return r->known ? r->packets[which] / r->seconds : 0;
}

/* -- listeners -- */

static bool sends_cookies(const struct top_listener *l)
{
	return l->attack || l->row.value.mode == SYNSHIELD_MODE_ALWAYS;
}

static void rate_listener(struct top_listener *l, const struct listener_row *before, double seconds)
{
	const struct synshield_listener *old = &before->value, *new = &l->row.value;
	__u64 syns_then = old->syns + old->window_syns, syns = new->syns + new->window_syns;
	__u64 acks_then = old->acks + old->window_acks, acks = new->acks + new->window_acks;

	/* a window that was just being closed; or the row was forgotten, and made anew */
	syns = syns > syns_then ? syns - syns_then : 0;
	acks = acks > acks_then ? acks - acks_then : 0;
	l->syns = syns / seconds;
	if (sends_cookies(l) && syns)
		l->completed = acks < syns ? (double)acks / syns : 1;
}

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct synshield_listener_key));
}

static void rate_listeners(struct top_rates *r, const struct top_look *before,
			   const struct top_look *after)
{
	const struct listener_row *old;
	size_t i;

	for (i = 0; i < after->listener_count; i++) {
		struct top_listener *l = &r->listeners[i];

		*l = (struct top_listener){.row = after->listeners[i], .syns = -1, .completed = -1};
		l->attack = under_attack(&l->row.value, after->jiffies);
		if (l->attack) {
			l->attack_seconds = attack_seconds(&l->row.value, after->jiffies);
			r->attacked++;
			if (l->attack_seconds > r->attack_seconds)
				r->attack_seconds = l->attack_seconds;
			if (l->row.value.attack_peak > r->attack_peak)
				r->attack_peak = l->row.value.attack_peak;
		}
		old = r->known ? bsearch(&l->row.key, before->listeners, before->listener_count,
					 sizeof(*old), compare_keys)
			       : NULL;
		if (old)
			rate_listener(l, old, r->seconds);
	}
	r->listener_count = after->listener_count;
}

int top_rates(struct top_rates *r, const struct top_look *before, const struct top_look *after)
{
	top_rates_free(r);
	if (!after->attached)
		return 0;
	r->listeners = calloc(after->listener_count + 1, sizeof(*r->listeners));
	if (!r->listeners)
		return -ENOMEM;
	rate_packets(r, before, after);
	rate_listeners(r, before, after);
	return 0;
}

void top_rates_free(struct top_rates *r)
{
	free(r->listeners);
	memset(r, 0, sizeof(*r));
}

/* -- the order of the listeners -- */

static int compare_addresses(const void *a, const void *b)
{
	const struct top_listener *l = a, *r = b;
	int diff = memcmp(l->row.key.addr, r->row.key.addr, sizeof(l->row.key.addr));

	return diff ? diff : l->row.key.port - r->row.key.port;
}

static int compare_syns(const void *a, const void *b)
{
	const struct top_listener *l = a, *r = b;

	if (l->syns != r->syns)
		return l->syns < r->syns ? 1 : -1;
	return l->attack != r->attack ? r->attack - l->attack : compare_addresses(a, b);
}

static int compare_half_open(const void *a, const void *b)
{
	const struct top_listener *l = a, *r = b;

	if (l->row.value.half_open != r->row.value.half_open)
		return l->row.value.half_open < r->row.value.half_open ? 1 : -1;
	return compare_addresses(a, b);
}

void top_sort(struct top_rates *r, enum top_sort by)
{
	static int (*const compare[TOP_SORTS])(const void *, const void *) = {
		[TOP_BY_SYN] = compare_syns,
		[TOP_BY_HALF_OPEN] = compare_half_open,
		[TOP_BY_ADDRESS] = compare_addresses,
	};

	if (r->listener_count)
		qsort(r->listeners, r->listener_count, sizeof(*r->listeners), compare[by]);
}

/* -- numbers -- */

const char *top_number(char text[TOP_NUMBER], double n)
{
	static const char units[] = " kMGTPE";
	int unit = 0, digits;

	while (n >= 999.5 && units[unit + 1]) {
		n /= 1000;
		unit++;
	}
	digits = unit ? (n < 9.995 ? 2 : n < 99.95 ? 1 : 0) : n < 9.95 && n > (unsigned int)n;
	snprintf(text, TOP_NUMBER, "%.*f%.*s", digits, n, unit > 0, &units[unit]);
	return text;
}
