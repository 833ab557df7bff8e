/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef JOURNAL_H
#define JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

/* One entry of journald's, in its native protocol: systemd.io/JOURNAL_NATIVE_PROTOCOL */
struct journal_entry {
	char text[1024];
	size_t len;
};

/* Appends NAME=value; a value has no newline. */
void journal_field(struct journal_entry *e, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Whether it was sent: not where standard error is not the journal's. */
bool journal_send(const struct journal_entry *e);

#endif
