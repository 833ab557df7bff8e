/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What `top` knows, laid out on a canvas of any size. */
#ifndef TOPVIEW_H
#define TOPVIEW_H

#include "canvas.h"
#include "topmodel.h"

/* The interface that is shown, and the keys; as much as there is room for. */
void top_view(struct canvas *c, const struct top *top);
/* One interface for reading later: opens a canvas as high as it needs. */
int top_view_whole(struct canvas *c, const struct top *top, const struct top_interface *i,
		   bool blocks);

#endif
