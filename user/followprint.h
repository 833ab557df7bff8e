/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What follow.h finds, as lines of text, or as one JSON object per line. */
#ifndef FOLLOWPRINT_H
#define FOLLOWPRINT_H

#include <stdio.h>

#include "follow.h"

struct follow_print {
	FILE *out;
	bool json;
	bool relative; /* times count from `zero`; otherwise they are the hour, `zero` the epoch */
	__u64 zero;    /* ns */
};

void follow_print_step(const struct follow_print *p, const struct follow_step *s);
void follow_print_end(const struct follow_print *p, const struct follow_end *e);
/* "-- TEXT": what is no segment. */
void follow_print_note(const struct follow_print *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define FLAGS_TEXT 40
/* "SYN,ACK"; in the order in which they are spoken of */
const char *flags_text(char text[FLAGS_TEXT], __u8 flags);
#define TIME_TEXT 40
const char *follow_time_text(char text[TIME_TEXT], const struct follow_print *p, __u64 time);
/* What the driver answered, in words; "" if it did not. */
const char *follow_answer_text(const struct follow_step *s);

#endif
