/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "topscreen.h"

#include <errno.h>
#include <ncurses.h>
#include <stdlib.h>
#include <unistd.h>

#include "log.h"
#include "topview.h"

static SCREEN *screen;
static attr_t styles[CANVAS_STYLES];
static bool use_blocks;

/* What there is without colours: the same words, bold, reverse or dim. */
static void choose_plain_styles(void)
{
	styles[CANVAS_PLAIN] = A_NORMAL;
	styles[CANVAS_TITLE] = A_REVERSE | A_BOLD;
	styles[CANVAS_HEAD] = A_BOLD | A_UNDERLINE;
	styles[CANVAS_DIM] = A_DIM;
	styles[CANVAS_GOOD] = A_NORMAL;
	styles[CANVAS_WARN] = A_BOLD;
	styles[CANVAS_BAD] = A_BOLD | A_REVERSE;
	styles[CANVAS_BAR] = A_NORMAL;
}

static void choose_colours(void)
{
	const char *none = getenv("NO_COLOR");

	if ((none && *none) || !has_colors() || start_color() == ERR)
		return;
	use_default_colors();
	init_pair(CANVAS_TITLE, COLOR_WHITE, COLOR_BLUE);
	init_pair(CANVAS_HEAD, COLOR_CYAN, -1);
	init_pair(CANVAS_GOOD, COLOR_GREEN, -1);
	init_pair(CANVAS_WARN, COLOR_YELLOW, -1);
	init_pair(CANVAS_BAD, COLOR_RED, -1);
	init_pair(CANVAS_BAR, COLOR_CYAN, -1);
	styles[CANVAS_TITLE] = COLOR_PAIR(CANVAS_TITLE) | A_BOLD;
	styles[CANVAS_HEAD] = COLOR_PAIR(CANVAS_HEAD) | A_BOLD;
	styles[CANVAS_GOOD] = COLOR_PAIR(CANVAS_GOOD);
	styles[CANVAS_WARN] = COLOR_PAIR(CANVAS_WARN);
	styles[CANVAS_BAD] = COLOR_PAIR(CANVAS_BAD) | A_BOLD;
	styles[CANVAS_BAR] = COLOR_PAIR(CANVAS_BAR);
}

int topscreen_open(bool blocks)
{
	const char *term = getenv("TERM");

	screen = newterm(NULL, stdout, stdin);
	if (!screen) {
		log_line("no terminal description for TERM='%s': set TERM, or use --batch",
			 term ? term : "");
		return -ENOTTY;
	}
	use_blocks = blocks;
	choose_plain_styles();
	choose_colours();
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(25);
	curs_set(0);
	return 0;
}

void topscreen_close(void)
{
	if (!screen)
		return;
	endwin();
	delscreen(screen);
	screen = NULL;
}

static void put_row(const struct canvas *c, int row)
{
	cchar_t cell;
	wchar_t ch[2] = {};
	int col;

	move(row, 0);
	for (col = 0; col < c->cols; col++) {
		const struct canvas_cell *from = canvas_at(c, row, col);
		attr_t style = styles[from->style];

		ch[0] = from->ch;
		setcchar(&cell, ch, style & ~A_COLOR, PAIR_NUMBER(style), NULL);
		/* the last cell of the last row: to write it would scroll */
		if (row + 1 == c->rows && col + 1 == c->cols)
			ins_wch(&cell);
		else
			add_wch(&cell);
	}
}

int topscreen_draw(const struct top *top)
{
	struct canvas c;
	int err, row;

	err = canvas_open(&c, LINES, COLS, use_blocks);
	if (err)
		return err;
	top_view(&c, top);
	for (row = 0; row < c.rows; row++)
		put_row(&c, row);
	refresh();
	canvas_close(&c);
	return 0;
}

int topscreen_key(void)
{
	int ch = getch();

	if (ch == ERR)
		return -1;
	if (ch != KEY_RESIZE)
		return ch;
	clearok(stdscr, TRUE);
	return 0;
}
