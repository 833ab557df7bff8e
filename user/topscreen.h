/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The terminal, by ncurses.  Whoever opens it closes it, on every way out. */
#ifndef TOPSCREEN_H
#define TOPSCREEN_H

#include "topmodel.h"

/* 0, or -ENOTTY after saying why. */
int topscreen_open(bool blocks);
void topscreen_close(void);
int topscreen_draw(const struct top *top);
/* What was typed, without waiting for it: a character; 0: another size; -1: nothing. */
int topscreen_key(void);

#endif
