/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "canvas.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define EIGHTHS 8
#define FULL_BLOCK L'\u2588'

int canvas_open(struct canvas *c, int rows, int cols, bool blocks)
{
	*c = (struct canvas){.rows = rows, .cols = cols, .blocks = blocks};
	c->cells = calloc((size_t)rows * cols + 1, sizeof(*c->cells));
	if (!c->cells)
		return -ENOMEM;
	canvas_clear(c);
	return 0;
}

void canvas_close(struct canvas *c)
{
	free(c->cells);
	*c = (struct canvas){};
}

void canvas_clear(struct canvas *c)
{
	int row;

	for (row = 0; row < c->rows; row++)
		canvas_fill(c, row, 0, c->cols, CANVAS_PLAIN);
}

static void set(struct canvas *c, int row, int col, enum canvas_style style, wchar_t ch)
{
	if (row < 0 || row >= c->rows || col < 0 || col >= c->cols)
		return;
	c->cells[(size_t)row * c->cols + col] = (struct canvas_cell){.ch = ch, .style = style};
}

const struct canvas_cell *canvas_at(const struct canvas *c, int row, int col)
{
	return &c->cells[(size_t)row * c->cols + col];
}

static int put_text(struct canvas *c, int row, int col, enum canvas_style style, const char *text)
{
	for (; *text; text++, col++)
		set(c, row, col, style, *text >= ' ' && *text <= '~' ? *text : '?');
	return col;
}

int canvas_put(struct canvas *c, int row, int col, enum canvas_style style, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return put_text(c, row, col, style, text);
}

void canvas_put_right(struct canvas *c, int row, int end, enum canvas_style style, const char *fmt,
		      ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put_text(c, row, end - (int)strlen(text), style, text);
}

void canvas_fill(struct canvas *c, int row, int col, int cols, enum canvas_style style)
{
	int i;

	for (i = 0; i < cols; i++)
		set(c, row, col + i, style, ' ');
}

void canvas_bar(struct canvas *c, int row, int col, int cols, double share)
{
	int eighths = (share > 1 ? 1 : share) * cols * EIGHTHS + 0.5, i;

	/* what is there is seen, however little it is */
	if (share > 0 && !eighths)
		eighths = 1;
	for (i = 0; i < cols && eighths > 0; i++, eighths -= EIGHTHS) {
		wchar_t ch = eighths >= EIGHTHS ? FULL_BLOCK : FULL_BLOCK + EIGHTHS - eighths;

		set(c, row, col + i, CANVAS_BAR, c->blocks ? ch : '#');
	}
}

void canvas_spark(struct canvas *c, int row, int col, double value, double most)
{
	static const char ascii[EIGHTHS + 1] = ".:-=+*#@";
	int level;

	if (value <= 0 || most <= 0)
		return;
	level = value / most * EIGHTHS + 0.5;
	level = level < 1 ? 1 : level > EIGHTHS ? EIGHTHS : level;
	set(c, row, col, CANVAS_BAR,
	    c->blocks ? FULL_BLOCK - EIGHTHS + level : (wchar_t)ascii[level - 1]);
}

void canvas_print(const struct canvas *c, FILE *out)
{
	int row, col, end;

	for (row = 0; row < c->rows; row++) {
		for (end = c->cols; end && canvas_at(c, row, end - 1)->ch == ' ';)
			end--;
		for (col = 0; col < end; col++)
			fprintf(out, "%lc", (wint_t)canvas_at(c, row, col)->ch);
		fputc('\n', out);
	}
}
