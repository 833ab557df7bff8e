/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Text laid out on a grid, before anyone knows whether a terminal or a pipe gets it. */
#ifndef CANVAS_H
#define CANVAS_H

#include <stdbool.h>
#include <stdio.h>
#include <wchar.h>

enum canvas_style {
	CANVAS_PLAIN,
	CANVAS_TITLE, /* the bar on top */
	CANVAS_HEAD,  /* of a table */
	CANVAS_DIM,
	CANVAS_GOOD,
	CANVAS_WARN,
	CANVAS_BAD,
	CANVAS_BAR,
	CANVAS_STYLES
};

struct canvas_cell {
	wchar_t ch; /* takes one column */
	unsigned char style;
};

struct canvas {
	int rows, cols;
	bool blocks; /* Unicode's block elements may be used; otherwise all is ASCII */
	struct canvas_cell *cells;
};

int canvas_open(struct canvas *c, int rows, int cols, bool blocks);
void canvas_close(struct canvas *c);
void canvas_clear(struct canvas *c);
const struct canvas_cell *canvas_at(const struct canvas *c, int row, int col);

/* ASCII from (row, col) on; what is beyond an edge is cut off.  Returns the column after it. */
int canvas_put(struct canvas *c, int row, int col, enum canvas_style style, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* The same, ending before column `end`. */
void canvas_put_right(struct canvas *c, int row, int end, enum canvas_style style, const char *fmt,
		      ...) __attribute__((format(printf, 5, 6)));
void canvas_fill(struct canvas *c, int row, int col, int cols, enum canvas_style style);

/* `share` (0 to 1) of `cols` columns, to an eighth of one. */
void canvas_bar(struct canvas *c, int row, int col, int cols, double share);
/* One column: the height of value/most; negative: none is known. */
void canvas_spark(struct canvas *c, int row, int col, double value, double most);

/* Lines without styles, without blanks at their ends. */
void canvas_print(const struct canvas *c, FILE *out);

#endif
