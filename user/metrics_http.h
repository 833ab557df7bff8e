/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Serves the metrics page over HTTP, in the daemon's own thread. */
#ifndef METRICS_HTTP_H
#define METRICS_HTTP_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "metrics_address.h"

struct metrics_http;

/* Writes the page; text is freed by who asked.  0 or -errno. */
typedef int (*metrics_page_t)(void *arg, bool openmetrics, char **text, size_t *size);

/* 0 or -errno, which is said. */
int metrics_http_open(struct metrics_http **h, const struct metrics_address *where,
		      metrics_page_t page, void *arg);
void metrics_http_close(struct metrics_http *h);

/* Descriptors to wait for; -1: no such one.  When one is readable, and several times a second: */
#define METRICS_HTTP_FDS 2
int metrics_http_fd(const struct metrics_http *h, int i);
void metrics_http_run(struct metrics_http *h);

#endif
