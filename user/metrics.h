/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The metrics, as one page of text. */
#ifndef METRICS_H
#define METRICS_H

#include <stdbool.h>
#include <stddef.h>

#include "facts.h"

#define METRICS_LISTENERS 64 /* that are told of singly, of one interface */

enum metrics_flag {
	METRICS_OPENMETRICS = 1, /* else Prometheus' text format 0.0.4 */
	METRICS_PROCESS = 2,	 /* this process, too */
};

/* text is the caller's to free.  0 or -ENOMEM. */
int metrics_page(const struct facts *facts, size_t count, unsigned int flags, char **text,
		 size_t *size);

#endif
