/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Writes the metrics page to a file, for node_exporter's textfile collector. */
#ifndef METRICS_FILE_H
#define METRICS_FILE_H

#include <stdbool.h>
#include <stddef.h>

#define METRICS_FILE_SECONDS 15

struct metrics_file {
	const char *path;
	bool failed; /* was said */
};

/* Whoever reads it sees the old page or the new one.  A failure is said once, and its end. */
void metrics_file_write(struct metrics_file *f, const char *text, size_t size);

#endif
