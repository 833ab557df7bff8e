/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "topview.h"

#include <string.h>

#include "duration.h"
#include "options.h"
#include "shield.h"
#include "toptables.h"

#define SECOND 1000000000ULL
#define WIDE 72 /* from here on two tables stand side by side */
#define WHOLE_COLUMNS 80
#define WHOLE_LISTENERS 20

struct layout {
	struct place rates, drops, states, listeners;
	bool heading; /* over the rates */
};

/* -- the two lines on top -- */

static const char *interval_text(char text[DURATION_TEXT], unsigned int ms)
{
	if (ms % 1000)
		snprintf(text, DURATION_TEXT, "%ums", ms);
	else
		snprintf(text, DURATION_TEXT, "%us", ms / 1000);
	return text;
}

static const char *clock_text(char text[16], time_t t)
{
	struct tm tm;

	strftime(text, 16, "%H:%M:%S", localtime_r(&t, &tm));
	return text;
}

/* Puts it on the first line if there is room up to `end`, and moves *col behind it. */
static void add_left(struct canvas *c, int *col, int end, const char *text)
{
	if (*col + (int)strlen(text) < end)
		*col = canvas_put(c, 0, *col, CANVAS_TITLE, "%s", text);
}

static void draw_title(struct canvas *c, const struct top *top, const struct top_interface *i)
{
	char clock[16], each[DURATION_TEXT], text[64];
	int col, end = c->cols - 1;

	canvas_fill(c, 0, 0, c->cols, CANVAS_TITLE);
	col = canvas_put(c, 0, 1, CANVAS_TITLE, "synshield  %s", i->ifname);
	clock_text(clock, top->time.tv_sec);
	if (col + 1 + (int)strlen(clock) <= end) {
		canvas_put_right(c, 0, end, CANVAS_TITLE, "%s", clock);
		end -= strlen(clock) + 1;
	}
	snprintf(text, sizeof(text), " %zu/%zu", top->shown + 1, top->count);
	if (top->count > 1)
		add_left(c, &col, end, text);
	snprintf(text, sizeof(text), "  mode %s", options_mode_name(i->now.settings.mode));
	if (i->now.attached)
		add_left(c, &col, end, text);
	interval_text(each, top->interval_ms);
	snprintf(text, sizeof(text), top->paused ? "PAUSED " : "every %s ", each);
	if (col + (int)strlen(text) < end) {
		canvas_put_right(c, 0, end, CANVAS_TITLE, "%s", text);
		end -= strlen(text) + 1;
	}
	snprintf(text, sizeof(text), "  XDP %s, TC %s", shield_xdp_text(&i->now.note),
		 shield_tc_text(&i->now.note));
	if (i->now.attached)
		add_left(c, &col, end, text);
}

static void draw_lost(struct canvas *c, const struct top *top, const struct top_interface *i)
{
	char text[DURATION_TEXT];

	if (i->why[0])
		canvas_put(c, 1, 1, CANVAS_BAD, "%s", i->why);
	else
		canvas_put(c, 1, 1, CANVAS_BAD,
			   "DETACHED for %s: not protected; 'synshield run %s' brings it back",
			   duration_text(text, top->time_ns - i->lost_ns), i->ifname);
}

static int draw_attack(struct canvas *c, const struct top *top, const struct top_rates *r)
{
	char since[16], text[DURATION_TEXT], peak[TOP_NUMBER];
	int col;

	col = canvas_put(c, 1, 1, CANVAS_BAD, "UNDER ATTACK since %s (%s)",
			 clock_text(since, top->time.tv_sec - (time_t)r->attack_seconds),
			 duration_text(text, r->attack_seconds * SECOND));
	if (c->cols < 60)
		return col;
	return canvas_put(c, 1, col, CANVAS_BAD, ": %zu of %zu%s, peak %s SYN/s", r->attacked,
			  r->listener_count, c->cols < 100 ? "" : " listeners",
			  top_number(peak, r->attack_peak));
}

static int draw_state(struct canvas *c, const struct top *top, const struct top_interface *i)
{
	const struct top_rates *r = &i->rates;

	if (!i->now.xdp || !i->now.tc)
		return canvas_put(c, 1, 1, CANVAS_BAD,
				  "NOT PROTECTED: its programs were detached; run again");
	if (r->attacked)
		return draw_attack(c, top, r);
	if (i->now.settings.mode == SYNSHIELD_MODE_OFF)
		return canvas_put(c, 1, 1, CANVAS_WARN, "mode off: everything passes");
	return canvas_put(c, 1, 1, CANVAS_GOOD, "no attack on %zu listeners", r->listener_count);
}

static void draw_status(struct canvas *c, const struct top *top, const struct top_interface *i)
{
	int col;

	if (!i->now.attached) {
		draw_lost(c, top, i);
		return;
	}
	col = draw_state(c, top, i);
	if (!i->now.daemon) {
		canvas_put_right(c, 1, c->cols - 1, CANVAS_BAD, " NO DAEMON");
		if (col + 24 < c->cols)
			canvas_put_right(c, 1, c->cols - 1, CANVAS_BAD, " NO DAEMON: run it again");
	} else if (col + 16 < c->cols) {
		canvas_put_right(c, 1, c->cols - 1, CANVAS_DIM, "daemon running");
	}
}

/* -- rates -- */

static double most_of(const float *history, int columns)
{
	double most = 0;
	int n;

	for (n = TOP_HISTORY - columns; n < TOP_HISTORY; n++) {
		if (history[n] > most)
			most = history[n];
	}
	return most;
}

static enum canvas_style rate_style(const struct top_interface *i, enum top_rate which)
{
	if (!i->rates.known || !i->rates.packets[which])
		return CANVAS_DIM;
	if (which == TOP_DROP || which == TOP_COOKIE_BAD)
		return CANVAS_WARN;
	return which == TOP_COOKIE_GOOD ? CANVAS_GOOD : CANVAS_PLAIN;
}

#define RATE_END 21
#define SPARK_COL (RATE_END + 2)
#define MOST_COLS 7

static void draw_rate(struct canvas *c, const struct top_interface *i, int row, int spark_cols,
		      enum top_rate which)
{
	const float *history = i->history[which];
	char text[TOP_NUMBER];
	double most;
	int n;

	canvas_put(c, row, 1, CANVAS_PLAIN, "%s", top_rate_names[which].text);
	canvas_put_right(c, row, RATE_END, rate_style(i, which), "%s",
			 i->rates.known ? top_number(text, top_rate(&i->rates, which)) : "-");
	if (spark_cols <= 0)
		return;
	most = most_of(history, spark_cols);
	for (n = 0; n < spark_cols; n++)
		canvas_spark(c, row, SPARK_COL + n, history[TOP_HISTORY - spark_cols + n], most);
	if (SPARK_COL + spark_cols + MOST_COLS < c->cols)
		canvas_put_right(c, row, c->cols - 1, CANVAS_DIM, "%s", top_number(text, most));
}

static void draw_rates(struct canvas *c, const struct top *top, const struct top_interface *i,
		       const struct layout *l)
{
	int spark_cols = c->cols - SPARK_COL - 1, row = l->rates.row, which;
	char text[DURATION_TEXT];

	if (c->cols >= WIDE)
		spark_cols -= MOST_COLS;
	if (spark_cols > TOP_HISTORY)
		spark_cols = TOP_HISTORY;
	if (l->heading) {
		canvas_fill(c, row, 0, c->cols, CANVAS_HEAD);
		canvas_put_right(c, row, RATE_END, CANVAS_HEAD, "PER SECOND");
		canvas_put(c, row, SPARK_COL, CANVAS_HEAD, "A COLUMN EACH %s",
			   interval_text(text, top->interval_ms));
		if (c->cols >= WIDE)
			canvas_put_right(c, row, c->cols - 1, CANVAS_HEAD, "MOST");
		row++;
	}
	for (which = 0; which < TOP_RATES && row < l->rates.row + l->rates.rows; which++)
		draw_rate(c, i, row++, spark_cols, which);
}

/* -- all of it -- */

static void draw_interface(struct canvas *c, const struct top *top, const struct top_interface *i,
			   const struct layout *l)
{
	draw_title(c, top, i);
	draw_status(c, top, i);
	draw_rates(c, top, i, l);
	if (!i->now.attached)
		return;
	if (l->drops.rows)
		canvas_fill(c, l->drops.row, 0, c->cols, CANVAS_HEAD);
	top_draw_drops(c, &l->drops, i);
	if (l->states.rows)
		canvas_fill(c, l->states.row, l->states.col - 1, l->states.cols + 2, CANVAS_HEAD);
	top_draw_states(c, &l->states, top, i);
	top_draw_listeners(c, &l->listeners, top, i);
}

static void place_side_by_side(struct layout *l, int row, int rows, int cols)
{
	int half = cols / 2;

	l->drops = (struct place){row, rows, 1, half - 2};
	l->states = (struct place){row, rows, half + 1, cols - half - 2};
}

/* Between the lines on top and that of the keys; what there is no room for is left out. */
static void lay_out(struct layout *l, int rows, int cols)
{
	int row, left, gap, each;

	*l = (struct layout){.rates = {2, TOP_RATES, 0, cols}};
	left = rows - 3 - TOP_RATES;
	if (left < 0)
		l->rates.rows = rows > 3 ? rows - 3 : 0;
	if (left >= 5) {
		l->heading = true;
		l->rates.rows++;
		left--;
	}
	gap = left >= 18;
	row = l->rates.row + l->rates.rows + gap;
	left -= gap;
	if (cols >= WIDE && left >= 8) {
		each = (left - gap) / 2;
		each = each > SYNSHIELD_TCP_STATES_MAX ? SYNSHIELD_TCP_STATES_MAX : each;
		place_side_by_side(l, row, each, cols);
		row += each + gap;
		left -= each + gap;
	} else if (left >= 12) {
		each = (left - 2 * gap) / 3;
		l->drops = (struct place){row, each, 1, cols - 2};
		l->states = (struct place){row + each + gap, each, 1, cols - 2};
		row += 2 * (each + gap);
		left -= 2 * (each + gap);
	}
	if (left >= 3)
		l->listeners = (struct place){row, left, 1, cols - 2};
}

static void draw_help(struct canvas *c)
{
	static const char *const lines[] = {
		"q        quit",
		"space    pause, go on",
		"i, tab   the next interface",
		"s        sort listeners: SYN/s, half-open, address",
		"1 - 9    seconds between two looks",
		"+, -     longer, shorter",
		"h        this text, and back",
		"",
		"SYN-ACK, RST   sent by the shield; a SYN-ACK bears a cookie",
		"cookies good   came back: a client has proven its address",
		"cookies bad    segments of no connection without a good cookie",
		"LOCAL, REMOTE  connections by the state of this end, of the other",
		"COMPLETED      of the SYNs, those whose cookie came back",
	};
	const int count = sizeof(lines) / sizeof(lines[0]), cols = 66;
	int row = (c->rows - count - 2) / 2, col = (c->cols - cols) / 2, n;

	row = row > 2 ? row : c->rows > 2 ? 2 : 0;
	col = col > 0 ? col : 0;
	canvas_fill(c, row, col, cols, CANVAS_TITLE);
	canvas_put(c, row, col + 1, CANVAS_TITLE, "KEYS AND WORDS");
	for (n = 0; n < count; n++) {
		canvas_fill(c, row + 1 + n, col, cols, CANVAS_PLAIN);
		canvas_put(c, row + 1 + n, col + 1, CANVAS_PLAIN, "%s", lines[n]);
	}
	canvas_fill(c, row + 1 + n, col, cols, CANVAS_TITLE);
}

void top_view(struct canvas *c, const struct top *top)
{
	struct layout l;

	canvas_clear(c);
	lay_out(&l, c->rows, c->cols);
	draw_interface(c, top, top->interfaces[top->shown], &l);
	if (top->help)
		draw_help(c);
	canvas_fill(c, c->rows - 1, 0, c->cols, CANVAS_DIM);
	canvas_put(c, c->rows - 1, 1, CANVAS_DIM,
		   c->cols < 60 ? "q quit  h help"
				: "q quit  h help  space pause  s sort  1-9 + - pace%s",
		   top->count > 1 ? "  tab next interface" : "");
}

int top_view_whole(struct canvas *c, const struct top *top, const struct top_interface *i,
		   bool blocks)
{
	size_t listeners = i->rates.listener_count, drops = top_drops_count(i);
	int states = top_states_count(i), rows, err;
	struct layout l = {.rates = {2, TOP_RATES + 1, 0, WHOLE_COLUMNS}, .heading = true};

	rows = l.rates.row + l.rates.rows;
	if (i->now.attached) {
		drops = drops > (size_t)states ? drops : (size_t)states;
		place_side_by_side(&l, rows, drops ? drops + 1 : 2, WHOLE_COLUMNS);
		rows += l.drops.rows;
		listeners = listeners > WHOLE_LISTENERS ? WHOLE_LISTENERS + 1 : listeners;
		l.listeners = (struct place){rows, listeners + 1, 1, WHOLE_COLUMNS - 2};
		rows += l.listeners.rows;
	}
	err = canvas_open(c, rows, WHOLE_COLUMNS, blocks);
	if (!err)
		draw_interface(c, top, i, &l);
	return err;
}
