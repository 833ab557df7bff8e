/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `top` for a pipe. */
#ifndef TOPPRINT_H
#define TOPPRINT_H

#include "topmodel.h"

/* One block for each interface, and an empty line. */
int topprint_text(const struct top *top, bool blocks);
/* One line. */
void topprint_json(const struct top *top);

#endif
