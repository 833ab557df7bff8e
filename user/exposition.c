/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "exposition.h"

#include <inttypes.h>

static const char *suffix(enum metric_type type)
{
	switch (type) {
	case METRIC_COUNTER:
		return "_total";
	case METRIC_INFO:
		return "_info";
	default:
		return "";
	}
}

/* OpenMetrics names the family, the older format its samples; the older one has no info. */
void exposition_family(struct exposition *e, const char *name, enum metric_type type,
		       const char *unit, const char *help)
{
	static const char *const types[] = {
		[METRIC_GAUGE] = "gauge", [METRIC_COUNTER] = "counter", [METRIC_INFO] = "info"};
	const char *end = e->openmetrics ? "" : suffix(type);
	const char *word = type == METRIC_INFO && !e->openmetrics ? "gauge" : types[type];

	e->name = name;
	e->type = type;
	fprintf(e->out, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, end, help, name, end, word);
	if (unit && e->openmetrics)
		fprintf(e->out, "# UNIT %s %s\n", name, unit);
}

static void write_label(FILE *out, const struct exposition_label *l)
{
	const char *p;

	fprintf(out, "%s=\"", l->name);
	for (p = l->value; *p; p++) {
		if (*p == '\n')
			fputs("\\n", out);
		else if (*p == '"' || *p == '\\')
			fprintf(out, "\\%c", *p);
		else
			fputc(*p, out);
	}
	fputc('"', out);
}

static void write_series(struct exposition *e, const struct exposition_label *labels)
{
	int i;

	fprintf(e->out, "%s%s", e->name, suffix(e->type));
	for (i = 0; labels && i < EXPOSITION_LABELS && labels[i].name; i++) {
		fputc(i ? ',' : '{', e->out);
		write_label(e->out, &labels[i]);
	}
	fputs(i ? "} " : " ", e->out);
}

void exposition_count(struct exposition *e, __u64 value, const struct exposition_label *labels)
{
	write_series(e, labels);
	fprintf(e->out, "%" PRIu64 "\n", (uint64_t)value);
}

void exposition_real(struct exposition *e, double value, const struct exposition_label *labels)
{
	write_series(e, labels);
	fprintf(e->out, "%.15g\n", value);
}

void exposition_end(struct exposition *e)
{
	if (e->openmetrics)
		fputs("# EOF\n", e->out);
}
