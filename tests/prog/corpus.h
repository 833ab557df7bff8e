/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The frames that rows were made of, each once. */
#ifndef CORPUS_H
#define CORPUS_H

#include "packet.h"

#define CORPUS_MAX 262144

void corpus_add(const struct frame *f);
__u32 corpus_count(void);
void corpus_get(__u32 i, struct frame *f);

#endif
