/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef REASONSET_H
#define REASONSET_H

#include <linux/types.h>

/* For --help: every reason there is, a line each. */
#define REASONSET_LINE(name, text) "\n  " #name ": " text

#define REASONSET_WHY 160

/*
 * R[,R...], names of include/synshield/reasons.h, as a set of bits.  -EINVAL: why says which
 * word is none, and what may have been meant.
 */
int reasonset_parse(const char *text, __u64 *set, char why[REASONSET_WHY]);

#endif
