/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/canvas.c: what falls off the edges, bars to the eighth, sparks by height. */
#include "canvas.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

static struct canvas c;

static void begin(int rows, int cols, bool blocks)
{
	canvas_close(&c);
	if (canvas_open(&c, rows, cols, blocks))
		bail_out("no memory");
}

static bool shows(const char *wanted)
{
	char *text = NULL;
	bool same;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out) {
		canvas_print(&c, out);
		fclose(out);
	}
	same = text && !strcmp(text, wanted);
	if (!same)
		note("%s", text ? text : "no memory");
	free(text);
	return same;
}

static void row_edges(void)
{
	begin(2, 8, true);
	canvas_put(&c, 0, 3, CANVAS_PLAIN, "%s", "0123456789");
	canvas_put(&c, 1, -2, CANVAS_PLAIN, "%s", "abcdef");
	canvas_put(&c, 2, 0, CANVAS_PLAIN, "below");
	canvas_put(&c, -1, 0, CANVAS_PLAIN, "above");
	ok(shows("   01234\ncdef\n"), "what is beyond an edge is cut off");
	begin(1, 8, true);
	canvas_put_right(&c, 0, 7, CANVAS_PLAIN, "%d", 123);
	ok(shows("    123\n"), "flush right");
	begin(1, 4, true);
	canvas_put_right(&c, 0, 4, CANVAS_PLAIN, "%d", 123456);
	ok(shows("3456\n"), "too long: its end is kept");
	begin(1, 4, true);
	canvas_put(&c, 0, 0, CANVAS_PLAIN, "a\033[b");
	ok(shows("a?[b\n"), "no control character gets through");
	begin(0, 0, true);
	canvas_put(&c, 0, 0, CANVAS_PLAIN, "x");
	ok(shows(""), "no room at all");
}

static void row_bars(void)
{
	begin(1, 6, true);
	canvas_bar(&c, 0, 1, 4, 0.5);
	ok(shows(" ██\n"), "half a bar");
	begin(1, 6, true);
	canvas_bar(&c, 0, 1, 4, 0.35);
	ok(shows(" █▍\n"), "to the eighth of a column");
	begin(1, 6, true);
	canvas_bar(&c, 0, 1, 4, 0.0001);
	ok(shows(" ▏\n"), "hardly anything is seen");
	begin(1, 6, true);
	canvas_bar(&c, 0, 1, 4, 0);
	ok(shows("\n"), "nothing is not");
	begin(1, 6, true);
	canvas_bar(&c, 0, 1, 4, 7);
	ok(shows(" ████\n"), "never more than all");
	begin(1, 6, false);
	canvas_bar(&c, 0, 1, 4, 0.75);
	ok(shows(" ###\n"), "in ASCII");
}

static void row_sparks(void)
{
	static const double values[] = {-1, 0, 0.001, 1, 2, 3, 4, 5, 6, 7, 8, 9};
	size_t i;

	for (int blocks = 1; blocks >= 0; blocks--) {
		begin(1, 13, blocks);
		for (i = 0; i < sizeof(values) / sizeof(*values); i++)
			canvas_spark(&c, 0, i, values[i], 8);
		ok(shows(blocks ? "  ▁▁▂▃▄▅▆▇██\n" : "  ..:-=+*#@@\n"), "sparks by height, %s",
		   blocks ? "in blocks" : "in ASCII");
	}
	begin(1, 3, true);
	canvas_spark(&c, 0, 0, 5, 0);
	ok(shows("\n"), "none where the most is nothing");
}

int main(void)
{
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		bail_out("no locale C.UTF-8");
	row_edges();
	row_bars();
	row_sparks();
	canvas_close(&c);
	return tap_done();
}
