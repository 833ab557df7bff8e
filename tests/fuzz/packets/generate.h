/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Frames that come near everything the shield has to tell apart. */
#ifndef GENERATE_H
#define GENERATE_H

#include "world.h"

/* seeds: a file of frames, one a line, in hexadecimal. */
void generate_begin(const char *seeds);
void generate(struct dice *d, struct frame *f);
/* What this host might send on such a tuple. */
void generate_sent(struct dice *d, struct frame *f);

#endif
