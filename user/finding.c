/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "json.h"

static const char *const level_names[] = {
	[FINDING_OK] = "ok",
	[FINDING_NOTE] = "note",
	[FINDING_WARNING] = "warning",
	[FINDING_PROBLEM] = "problem",
};

struct finding *finding_add(struct findings *all, enum finding_level level, const char *subject,
			    const char *fmt, ...)
{
	struct finding *f = &all->rows[all->count];
	va_list ap;

	if (all->count < FINDINGS_MAX - 1)
		all->count++;
	memset(f, 0, sizeof(*f));
	f->level = level;
	f->area = all->area;
	f->subject = subject;
	va_start(ap, fmt);
	vsnprintf(f->what, sizeof(f->what), fmt, ap);
	va_end(ap);
	return f;
}

void finding_why(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->why, sizeof(f->why), fmt, ap);
	va_end(ap);
}

void finding_mend(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->mend, sizeof(f->mend), fmt, ap);
	va_end(ap);
}

void findings_print(const struct findings *all)
{
	const char *area = NULL;
	size_t i;

	for (i = 0; i < all->count; i++) {
		const struct finding *f = &all->rows[i];

		if (f->area != area)
			printf("%s%s:\n", area ? "\n" : "", f->area);
		area = f->area;
		printf("  %-8s %-22s %s\n", level_names[f->level], f->subject, f->what);
		if (f->why[0])
			printf("%34s%s\n", "", f->why);
		if (f->mend[0])
			printf("%34s$ %s\n", "", f->mend);
	}
}

void findings_json(const struct findings *all)
{
	struct json j;
	size_t i;

	json_start(&j, stdout);
	json_array(&j, NULL);
	for (i = 0; i < all->count; i++) {
		const struct finding *f = &all->rows[i];

		json_object(&j, NULL);
		json_text(&j, "level", level_names[f->level]);
		json_text(&j, "area", f->area);
		json_text(&j, "subject", f->subject);
		json_text(&j, "what", f->what);
		if (f->why[0])
			json_text(&j, "why", f->why);
		if (f->mend[0])
			json_text(&j, "mend", f->mend);
		json_end(&j);
	}
	json_end(&j);
}

enum finding_level findings_worst(const struct findings *all)
{
	enum finding_level worst = FINDING_OK;
	size_t i;

	for (i = 0; i < all->count; i++) {
		if (all->rows[i].level > worst)
			worst = all->rows[i].level;
	}
	return worst;
}
