/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The daemon's metrics: served over HTTP, written to a file, or both, or neither. */
#ifndef EXPORTER_H
#define EXPORTER_H

#include "loop.h"
#include "metrics_file.h"
#include "metrics_http.h"
#include "shield.h"

/* The switches of `run`; NULL: not given. */
struct exporter_wish {
	const char *listen, *file;
};

struct exporter {
	struct loop *loop;
	struct shield **const *shields; /* the daemon's, as they are when a page is asked for */
	const size_t *count;
	struct metrics_http *http;
	struct metrics_file file;
	struct watch http_watches[METRICS_HTTP_FDS];
	struct job http_times, file_times;
	bool begun; /* to write the file */
	bool stopped;
};

/* From then on the loop sees to it.  0 or -errno, which is said. */
int exporter_open(struct exporter *x, struct loop *loop, const struct exporter_wish *wish,
		  const struct metrics_address *where, struct shield **const *shields,
		  const size_t *count);
/* Writes the file a last time: no daemon runs.  Also if it was not opened (all zero). */
void exporter_close(struct exporter *x);

#endif
