/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The tables below the rates. */
#ifndef TOPTABLES_H
#define TOPTABLES_H

#include "canvas.h"
#include "topmodel.h"

/* One table's, its heading included; rows 0: there is no room for it. */
struct place {
	int row, rows, col, cols;
};

void top_draw_drops(struct canvas *c, const struct place *p, const struct top_interface *i);
void top_draw_states(struct canvas *c, const struct place *p, const struct top *top,
		     const struct top_interface *i);
void top_draw_listeners(struct canvas *c, const struct place *p, const struct top *top,
			const struct top_interface *i);
/* Rows that would show all. */
size_t top_drops_count(const struct top_interface *i);
int top_states_count(const struct top_interface *i);

#endif
