/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "toptables.h"

#include <string.h>

#include "duration.h"
#include "fsm.h"
#include "options.h"

#define SECOND 1000000000ULL
#define REASONS_WIDE 90 /* columns from which on reasons are explained */
#define COUNT_OLD (2 * SECOND)

/* -- drops by reason -- */

#define NAME_COLS 18
#define OBSERVED_NAME_COLS 23 /* "reply " or "drop " in front */

struct drops {
	const struct top_interface *i;
	bool observed; /* what mode observe counts instead */
	const struct count_cell *cells[TOP_CELLS];
	size_t count;
	__u64 total;
};

static void collect_drops(struct drops *d, const struct top_interface *i)
{
	size_t n;

	*d = (struct drops){.i = i, .observed = i->now.settings.mode == SYNSHIELD_MODE_OBSERVE};
	for (n = 0; n < i->rates.cell_count; n++) {
		const struct count_cell *cell = &i->rates.cells[n];

		if (count_actions[cell->action].observed != d->observed)
			continue;
		d->cells[d->count++] = cell;
		d->total += cell->count;
	}
}

size_t top_drops_count(const struct top_interface *i)
{
	struct drops d;

	collect_drops(&d, i);
	return d.count;
}

static void draw_drop(struct canvas *c, const struct place *p, int row, const struct drops *d,
		      const struct count_cell *cell)
{
	int names = d->observed ? OBSERVED_NAME_COLS : NAME_COLS, bar, col;
	const char *what = "";
	char text[TOP_NUMBER];

	if (d->observed)
		what = cell->action == SYNSHIELD_ACTION_MAX + SYNSHIELD_DROP ? "drop " : "reply ";
	canvas_put(c, row, p->col, CANVAS_PLAIN, "%s%s", what, count_reasons[cell->reason].name);
	col = p->col + names + 7;
	canvas_put_right(c, row, col, CANVAS_WARN, "%s",
			 top_number(text, cell->count / d->i->rates.seconds));
	bar = p->col + p->cols - col - 2;
	if (p->cols >= REASONS_WIDE) {
		bar = 8;
		canvas_put(c, row, col + bar + 3, CANVAS_DIM, "%.*s",
			   p->col + p->cols - col - bar - 3, count_reasons[cell->reason].text);
	}
	canvas_bar(c, row, col + 2, bar, (double)cell->count / d->total);
}

static void draw_more_drops(struct canvas *c, const struct place *p, int row, const struct drops *d,
			    size_t first)
{
	char text[TOP_NUMBER];
	__u64 rest = 0;
	size_t n;

	for (n = first; n < d->count; n++)
		rest += d->cells[n]->count;
	canvas_put(c, row, p->col, CANVAS_DIM, "and %zu more", d->count - first);
	canvas_put_right(c, row, p->col + (d->observed ? OBSERVED_NAME_COLS : NAME_COLS) + 7,
			 CANVAS_DIM, "%s", top_number(text, rest / d->i->rates.seconds));
}

void top_draw_drops(struct canvas *c, const struct place *p, const struct top_interface *i)
{
	size_t n, shown, rows = p->rows - 1;
	char text[TOP_NUMBER];
	struct drops d;

	if (!p->rows)
		return;
	collect_drops(&d, i);
	canvas_put(c, p->row, p->col, CANVAS_HEAD, "%s",
		   d.observed ? "WOULD DO, BY REASON" : "DROPS BY REASON");
	canvas_put_right(c, p->row, p->col + (d.observed ? OBSERVED_NAME_COLS : NAME_COLS) + 7,
			 CANVAS_HEAD, "%s",
			 i->rates.known ? top_number(text, d.total / i->rates.seconds) : "-");
	shown = d.count > rows ? rows - 1 : d.count;
	for (n = 0; n < shown; n++)
		draw_drop(c, p, p->row + 1 + n, &d, d.cells[n]);
	if (shown < d.count)
		draw_more_drops(c, p, p->row + 1 + shown, &d, shown);
	else if (!d.count)
		canvas_put(c, p->row + 1, p->col, CANVAS_DIM, "nothing");
}

/* -- connections by state -- */

#define COUNT_COLS 8

/* Where there is room, the heading says how old the count is. */
static int state_cols(const struct place *p)
{
	return p->cols < 60 ? 13 : 28;
}

static __u64 ends_in(const struct census_counts *n, int state)
{
	return n->local[state] > n->remote[state] ? n->local[state] : n->remote[state];
}

/* Whether a state is among the `rows` that most ends are in. */
static bool state_is_shown(const struct census_counts *n, int state, int rows)
{
	int other, more = 0;

	for (other = 0; other < SYNSHIELD_TCP_STATES_MAX; other++) {
		if (ends_in(n, other) > ends_in(n, state) ||
		    (ends_in(n, other) == ends_in(n, state) && other < state))
			more++;
	}
	return ends_in(n, state) && more < rows;
}

int top_states_count(const struct top_interface *i)
{
	int state, used = 0;

	for (state = 0; state < SYNSHIELD_TCP_STATES_MAX; state++)
		used += ends_in(&i->census.counted, state) > 0;
	return used;
}

static void head_states(struct canvas *c, const struct place *p, const struct top *top,
			const struct top_interface *i)
{
	const struct census *census = &i->census;
	char count[TOP_NUMBER] = "...", age[DURATION_TEXT];
	int col;

	if (census->counted_ns)
		top_number(count, census->counted.connections);
	if (census->counted_ns && top->time_ns > census->counted_ns + COUNT_OLD)
		canvas_put(c, p->row, p->col, CANVAS_HEAD, "%s%s %s AGO",
			   p->cols < 60 ? "" : "CONNECTIONS ", count,
			   duration_text(age, top->time_ns - census->counted_ns));
	else
		canvas_put(c, p->row, p->col, CANVAS_HEAD, "%s %s",
			   p->cols < 60 ? "CONNS" : "CONNECTIONS", count);
	col = p->col + state_cols(p) + COUNT_COLS;
	canvas_put_right(c, p->row, col, CANVAS_HEAD, "LOCAL");
	canvas_put_right(c, p->row, col + COUNT_COLS, CANVAS_HEAD, "REMOTE");
}

void top_draw_states(struct canvas *c, const struct place *p, const struct top *top,
		     const struct top_interface *i)
{
	const struct census_counts *n = &i->census.counted;
	int state, row = p->row, col = p->col + state_cols(p) + COUNT_COLS;
	char text[TOP_NUMBER];

	if (!p->rows)
		return;
	head_states(c, p, top, i);
	for (state = 0; state < SYNSHIELD_TCP_STATES_MAX; state++) {
		if (!state_is_shown(n, state, p->rows - 1))
			continue;
		row++;
		canvas_put(c, row, p->col, CANVAS_PLAIN, "%s", fsm_state_name(state));
		canvas_put_right(c, row, col, CANVAS_PLAIN, "%s",
				 top_number(text, n->local[state]));
		canvas_put_right(c, row, col + COUNT_COLS, CANVAS_PLAIN, "%s",
				 top_number(text, n->remote[state]));
		canvas_bar(c, row, col + COUNT_COLS + 2, p->col + p->cols - col - COUNT_COLS - 2,
			   (double)ends_in(n, state) / n->connections);
	}
	if (row == p->row)
		canvas_put(c, row + 1, p->col, CANVAS_DIM, "%s",
			   i->census.counted_ns ? "none" : "being counted");
}

/* -- listeners -- */

enum column { MODE, SYNS, HALF_OPEN, DONE, ATTACK, PEAK, ATTACKS, COLUMNS };

static const struct {
	const char *head;
	int cols;
	int least; /* columns that the canvas needs for it to be shown */
} columns[COLUMNS] = {
	[MODE] = {"MODE", 9, 60},
	[SYNS] = {"SYN/s", 7, 0},
	[HALF_OPEN] = {"HALF-OPEN", 11, 60},
	[DONE] = {"COMPLETED", 11, 72},
	[ATTACK] = {"ATTACK", 8, 0},
	[PEAK] = {"PEAK", 8, 100},
	[ATTACKS] = {"ATTACKS", 9, 100},
};

static void column_text(char *text, size_t size, const struct top_listener *l, enum column column)
{
	const struct synshield_listener *v = &l->row.value;
	char number[DURATION_TEXT];

	snprintf(text, size, "-");
	if (column == MODE && v->checked_jiffies)
		snprintf(text, size, "%s", options_mode_name(v->mode));
	else if (column == SYNS && l->syns >= 0)
		top_number(text, l->syns);
	else if (column == HALF_OPEN)
		snprintf(text, size, "%u", v->half_open);
	else if (column == DONE && l->completed >= 0)
		snprintf(text, size, "%.*f%%", l->completed < 0.0995 ? 2 : 1, 100 * l->completed);
	else if (column == ATTACK && l->attack)
		snprintf(text, size, "%s", duration_text(number, l->attack_seconds * SECOND));
	else if (column == PEAK && v->attacks)
		top_number(text, v->attack_peak);
	else if (column == ATTACKS)
		snprintf(text, size, "%u", v->attacks);
}

static void draw_listener(struct canvas *c, const struct place *p, int row, int addresses,
			  const struct top_listener *l)
{
	enum canvas_style style = l->attack ? CANVAS_BAD : CANVAS_PLAIN;
	int col = p->col + addresses, column, over;
	char address[ADDRESS_TEXT], text[32];

	address_text(address, l->row.key.addr, l->row.key.port);
	over = (int)strlen(address) - addresses;
	if (over > 0) /* its end tells more */
		canvas_put(c, row, p->col, style, "~%s", address + over + 1);
	else
		canvas_put(c, row, p->col, style, "%s", address);
	for (column = 0; column < COLUMNS; column++) {
		if (c->cols < columns[column].least)
			continue;
		col += columns[column].cols;
		column_text(text, sizeof(text), l, column);
		canvas_put_right(c, row, col, style, "%s", text);
	}
}

static int addresses_cols(const struct place *p, int cols)
{
	int column, left = p->cols;

	for (column = 0; column < COLUMNS; column++)
		left -= cols >= columns[column].least ? columns[column].cols : 0;
	return left > 47 ? 47 : left;
}

void top_draw_listeners(struct canvas *c, const struct place *p, const struct top *top,
			const struct top_interface *i)
{
	static const char *const orders[TOP_SORTS] = {
		[TOP_BY_SYN] = "SYN/s",
		[TOP_BY_HALF_OPEN] = "half-open",
		[TOP_BY_ADDRESS] = "address",
	};
	int addresses = addresses_cols(p, c->cols), col = p->col + addresses, column;
	size_t count = i->rates.listener_count, shown, n;

	if (!p->rows)
		return;
	canvas_fill(c, p->row, 0, c->cols, CANVAS_HEAD);
	canvas_put(c, p->row, p->col, CANVAS_HEAD, "%.*s", addresses, "LISTENERS");
	if (addresses >= 26)
		canvas_put(c, p->row, p->col + 9, CANVAS_HEAD, " by %s", orders[top->sort]);
	for (column = 0; column < COLUMNS; column++) {
		if (c->cols < columns[column].least)
			continue;
		col += columns[column].cols;
		canvas_put_right(c, p->row, col, CANVAS_HEAD, "%s", columns[column].head);
	}
	shown = count > (size_t)p->rows - 1 ? (size_t)p->rows - 2 : count;
	for (n = 0; n < shown; n++)
		draw_listener(c, p, p->row + 1 + n, addresses, &i->rates.listeners[n]);
	if (shown < count)
		canvas_put(c, p->row + 1 + shown, p->col, CANVAS_DIM, "and %zu more",
			   count - shown);
}
