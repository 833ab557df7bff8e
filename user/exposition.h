/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Writes metrics as Prometheus reads them: in its own text format, or as OpenMetrics. */
#ifndef EXPOSITION_H
#define EXPOSITION_H

#include <linux/types.h>
#include <stdbool.h>
#include <stdio.h>

enum metric_type {
	METRIC_GAUGE,
	METRIC_COUNTER, /* its samples are NAME_total */
	METRIC_INFO,	/* NAME_info: always 1, its labels tell */
};

struct exposition {
	FILE *out;
	bool openmetrics; /* else text format 0.0.4 */
	const char *name; /* of the family that is being written, */
	enum metric_type type;
};

#define EXPOSITION_LABELS 4
struct exposition_label {
	const char *name, *value;
};

/* unit: NULL, or what the name ends in. */
void exposition_family(struct exposition *e, const char *name, enum metric_type type,
		       const char *unit, const char *help);
/* labels: up to the first without a name, and EXPOSITION_LABELS at most */
void exposition_count(struct exposition *e, __u64 value, const struct exposition_label *labels);
void exposition_real(struct exposition *e, double value, const struct exposition_label *labels);
/* After the last sample. */
void exposition_end(struct exposition *e);

#endif
