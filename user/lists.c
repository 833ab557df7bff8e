/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "lists.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cidr.h"

static const struct list_row guard = {
	.key = {.prefixlen = 96, .addr = {[10] = 0xff, [11] = 0xff}},
	.list = SYNSHIELD_LIST_NONE,
};

/* -- a content of the map -- */

static int lists_alloc(struct lists *lists, size_t room)
{
	memset(lists, 0, sizeof(*lists));
	lists->rows = calloc(room + 1, sizeof(*lists->rows));
	lists->outer = calloc(room + 1, sizeof(*lists->outer));
	if (lists->rows && lists->outer)
		return 0;
	lists_free(lists);
	return -ENOMEM;
}

void lists_free(struct lists *lists)
{
	free(lists->rows);
	free(lists->outer);
	memset(lists, 0, sizeof(*lists));
}

static bool row_holds(const struct list_row *row, const __u8 addr[16], bool ipv4)
{
	return cidr_is_ipv4(&row->key) == ipv4 && cidr_holds(&row->key, addr);
}

/* In sorted rows all that hold one of them are on the way outwards from the one before it. */
static void link_outer(struct lists *lists)
{
	__u32 i, at;

	for (i = 0; i < lists->count; i++) {
		const struct list_row *row = &lists->rows[i];
		bool ipv4 = cidr_is_ipv4(&row->key);

		lists->outer[i] = i;
		for (at = i ? i - 1 : i; at != i; at = lists->outer[at]) {
			if (row_holds(&lists->rows[at], row->key.addr, ipv4)) {
				lists->outer[i] = at;
				break;
			}
			if (lists->outer[at] == at)
				break;
		}
	}
}

int lists_compare(const void *a, const void *b)
{
	const struct list_row *l = a, *r = b;

	return cidr_compare(&l->key, &r->key);
}

int lists_from_map(struct lists *lists, const struct synshield_list_key *keys, const __u32 *values,
		   size_t count)
{
	size_t i;
	int err;

	err = lists_alloc(lists, count);
	if (err)
		return err;
	for (i = 0; i < count; i++) {
		lists->rows[i].key = keys[i];
		lists->rows[i].list = values[i];
	}
	lists->count = count;
	qsort(lists->rows, count, sizeof(*lists->rows), lists_compare);
	link_outer(lists);
	return 0;
}

size_t lists_count(const struct lists *lists, enum synshield_list list)
{
	size_t i, n = 0;

	for (i = 0; i < lists->count; i++) {
		if (list ? lists->rows[i].list == list : lists->rows[i].list)
			n++;
	}
	return n;
}

/* How many rows sort before the address's own prefix, or are it. */
static size_t rows_up_to(const struct lists *lists, const struct synshield_list_key *key)
{
	size_t low = 0, high = lists->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (cidr_compare(&lists->rows[mid].key, key) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct list_row *lists_find(const struct lists *lists, const __u8 addr[16])
{
	struct synshield_list_key key = {.prefixlen = 128};
	size_t at;

	memcpy(key.addr, addr, sizeof(key.addr));
	at = rows_up_to(lists, &key);
	if (!at--)
		return NULL;
	for (;; at = lists->outer[at]) {
		if (row_holds(&lists->rows[at], addr, cidr_is_ipv4(&key)))
			return &lists->rows[at];
		if (lists->outer[at] == at)
			return NULL;
	}
}

bool lists_deny(const struct lists *lists, const __u8 addr[16])
{
	const struct list_row *row = lists_find(lists, addr);

	return row && row->list == SYNSHIELD_LIST_DENY;
}

/* -- what is asked for -- */

int list_wishes_add(struct list_wishes *wishes, const struct synshield_list_key *key,
		    unsigned int line)
{
	if (wishes->count == wishes->room) {
		size_t room = wishes->room ? 2 * wishes->room : 64;
		struct list_wish *rows = reallocarray(wishes->rows, room, sizeof(*rows));

		if (!rows)
			return -ENOMEM;
		wishes->rows = rows;
		wishes->room = room;
	}
	wishes->rows[wishes->count++] = (struct list_wish){.key = *key, .line = line};
	return 0;
}

static int compare_wishes(const void *a, const void *b)
{
	const struct list_wish *l = a, *r = b;
	int diff = cidr_compare(&l->key, &r->key);

	return diff ? diff : (l->line > r->line) - (l->line < r->line);
}

void list_wishes_settle(struct list_wishes *wishes)
{
	size_t i, kept = 0;

	if (!wishes->count)
		return;
	qsort(wishes->rows, wishes->count, sizeof(*wishes->rows), compare_wishes);
	for (i = 1; i < wishes->count; i++) {
		if (cidr_compare(&wishes->rows[kept].key, &wishes->rows[i].key))
			wishes->rows[++kept] = wishes->rows[i];
	}
	wishes->count = kept + 1;
}

void list_wishes_free(struct list_wishes *wishes)
{
	free(wishes->rows);
	memset(wishes, 0, sizeof(*wishes));
}

/* -- the way from one content to another -- */

struct plan {
	enum list_verb verb;
	enum synshield_list list;
	struct lists *after;
	struct list_tally *tally;
};

static void keep(const struct plan *p, const struct list_row *row, bool given)
{
	p->after->rows[p->after->count] = *row;
	p->after->rows[p->after->count++].given = given;
}

static void plan_present(const struct plan *p, const struct list_row *row)
{
	if (p->verb == LIST_REPLACE && row->list == p->list)
		p->tally->removed++;
	else
		keep(p, row, false);
}

static void plan_absent(const struct plan *p, const struct list_wish *wish)
{
	const struct list_row row = {.key = wish->key, .list = p->list};

	if (p->verb == LIST_DEL)
		return;
	keep(p, &row, p->verb == LIST_ADD);
	p->tally->added++;
}

static void plan_both(const struct plan *p, const struct list_row *row, struct list_wish *wish)
{
	if (row->list != p->list) {
		wish->opposite++;
		keep(p, row, false);
		return;
	}
	wish->found++;
	if (p->verb == LIST_DEL) {
		p->tally->removed++;
		return;
	}
	keep(p, row, p->verb == LIST_ADD);
	p->tally->kept++;
}

static bool needs_guard(const struct lists *lists)
{
	size_t i;

	for (i = 0; i < lists->count; i++) {
		const struct list_row *row = &lists->rows[i];

		if (!cidr_compare(&row->key, &guard.key))
			return false;
	}
	for (i = 0; i < lists->count; i++) {
		if (!cidr_is_ipv4(&lists->rows[i].key) &&
		    cidr_holds(&lists->rows[i].key, guard.key.addr))
			return true;
	}
	return false;
}

/* It sorts before everything else. */
static void add_guard(struct lists *lists)
{
	memmove(lists->rows + 1, lists->rows, lists->count * sizeof(*lists->rows));
	lists->rows[0] = guard;
	lists->count++;
}

int lists_plan(const struct lists *before, enum list_verb verb, enum synshield_list list,
	       struct list_wishes *wishes, struct lists *after, struct list_tally *tally)
{
	const struct plan p = {verb, list, after, tally};
	size_t i = 0, j = 0;
	int err;

	memset(tally, 0, sizeof(*tally));
	err = lists_alloc(after, before->count + wishes->count + 1);
	if (err)
		return err;
	while (i < before->count || j < wishes->count) {
		const struct list_row *row = i < before->count ? &before->rows[i] : NULL;
		struct list_wish *wish = j < wishes->count ? &wishes->rows[j] : NULL;
		int diff = !wish ? -1 : !row ? 1 : cidr_compare(&row->key, &wish->key);

		i += diff <= 0;
		if (row && diff <= 0 && row->list == SYNSHIELD_LIST_NONE) {
			continue; /* the guard, made anew below */
		}
		j += diff >= 0;
		if (diff < 0)
			plan_present(&p, row);
		else if (diff > 0)
			plan_absent(&p, wish);
		else
			plan_both(&p, row, wish);
	}
	tally->total = lists_count(after, list);
	if (needs_guard(after))
		add_guard(after);
	link_outer(after);
	return 0;
}

int lists_make(const struct list_wishes wishes[], struct lists *after)
{
	size_t i, room = wishes[SYNSHIELD_LIST_ALLOW].count + wishes[SYNSHIELD_LIST_DENY].count;
	int list, err;

	err = lists_alloc(after, room + 1);
	if (err)
		return err;
	for (list = SYNSHIELD_LIST_ALLOW; list <= SYNSHIELD_LIST_DENY; list++) {
		for (i = 0; i < wishes[list].count; i++)
			after->rows[after->count++] =
				(struct list_row){.key = wishes[list].rows[i].key, .list = list};
	}
	qsort(after->rows, after->count, sizeof(*after->rows), lists_compare);
	if (needs_guard(after))
		add_guard(after);
	link_outer(after);
	return 0;
}

void lists_tally(const struct lists *before, const struct lists *after, enum synshield_list list,
		 struct list_tally *tally)
{
	size_t i = 0, j = 0;

	memset(tally, 0, sizeof(*tally));
	while (i < before->count || j < after->count) {
		const struct list_row *old = i < before->count ? &before->rows[i] : NULL;
		const struct list_row *new = j < after->count ? &after->rows[j] : NULL;
		int order = !new ? -1 : !old ? 1 : cidr_compare(&old->key, &new->key);
		bool was, is;

		i += order <= 0;
		j += order >= 0;
		was = order <= 0 && old && old->list == list;
		is = order >= 0 && new &&new->list == list;
		tally->added += is && !was;
		tally->removed += was && !is;
		tally->kept += was && is;
		tally->total += is;
	}
}

int lists_diff(const struct lists *before, const struct lists *after, struct list_diff *diff)
{
	size_t i = 0, j = 0;

	memset(diff, 0, sizeof(*diff));
	diff->put = calloc(after->count + 1, sizeof(*diff->put));
	diff->drop = calloc(before->count + 1, sizeof(*diff->drop));
	if (!diff->put || !diff->drop) {
		list_diff_free(diff);
		return -ENOMEM;
	}
	while (i < before->count || j < after->count) {
		const struct list_row *old = i < before->count ? &before->rows[i] : NULL;
		const struct list_row *new = j < after->count ? &after->rows[j] : NULL;
		int order = !new ? -1 : !old ? 1 : cidr_compare(&old->key, &new->key);

		i += order <= 0;
		j += order >= 0;
		if (order < 0)
			diff->drop[diff->drops++] = old->key;
		else if (order > 0 || old->list != new->list)
			diff->put[diff->puts++] = *new;
	}
	return 0;
}

void list_diff_free(struct list_diff *diff)
{
	free(diff->put);
	free(diff->drop);
	memset(diff, 0, sizeof(*diff));
}
