/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The daemon's metrics: served over HTTP, written to a file, or both, or neither. */
#ifndef EXPORTER_H
#define EXPORTER_H

#include "metrics_file.h"
#include "metrics_http.h"
#include "shield.h"

/* The switches of `run`; NULL: not given. */
struct exporter_wish {
	const char *listen, *file;
};

struct exporter {
	struct shield *const *shields; /* the daemon's, as they are when a page is asked for */
	const size_t *count;
	struct metrics_http *http;
	struct metrics_file file;
	unsigned int age; /* of the file, s */
	bool stopped;
};

/* 0 or -errno, which is said. */
int exporter_open(struct exporter *x, const struct exporter_wish *wish,
		  const struct metrics_address *where, struct shield *const *shields,
		  const size_t *count);
/* Writes the file a last time: no daemon runs. */
void exporter_close(struct exporter *x);

/* To be waited for; -1: no such one. */
int exporter_fd(const struct exporter *x, int i);
/* When one of them is readable, and several times a second. */
void exporter_run(struct exporter *x);
void exporter_second(struct exporter *x);

#endif
