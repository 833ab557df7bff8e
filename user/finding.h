/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef FINDING_H
#define FINDING_H

#include <stdbool.h>
#include <stddef.h>

enum finding_level {
	FINDING_OK,
	FINDING_NOTE,	 /* worth knowing; also what could not be seen */
	FINDING_WARNING, /* works, with less */
	FINDING_PROBLEM, /* does not work */
};

struct finding {
	enum finding_level level;
	const char *area;    /* "kernel", "host", or an interface; outlives the finding */
	const char *subject; /* one word */
	char what[192];
	char why[224];	/* why it matters; "": it does not */
	char mend[160]; /* the command that mends it; "": none does */
};

#define FINDINGS_MAX 256

struct findings {
	struct finding rows[FINDINGS_MAX];
	size_t count;
	const char *area; /* of those that are added next */
};

/* Never NULL: where there is no room the last one gives way. */
struct finding *finding_add(struct findings *all, enum finding_level level, const char *subject,
			    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void finding_why(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void finding_mend(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void findings_print(const struct findings *all);
void findings_json(const struct findings *all);
enum finding_level findings_worst(const struct findings *all);

#endif
