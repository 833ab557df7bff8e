/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A walk through the map `conns`, some entries at a time. */
#ifndef SCAN_H
#define SCAN_H

#include <stdbool.h>

#include "bloom.h"
#include "maps.h"

#define SCAN_BATCH 1024

struct scan {
	int fd;
	struct bloom *bloom;
	bool running, started;
	bool fills;  /* the filter, anew */
	__u8 number; /* of the last one begun, modulo 256 */
	__u32 token;
};

typedef void (*scan_cb_t)(const struct synshield_tuple *tuple, const struct synshield_conn *conn,
			  void *arg);

/* The filter before the map is made anew on the way: see bloom.h. */
void scan_init(struct scan *scan, const struct maps *maps, struct bloom *bloom);
/* From the first entry. */
void scan_begin(struct scan *scan);
/* The next SCAN_BATCH or so.  What is there all the time is met once.  0; 1: that was all. */
int scan_slice(struct scan *scan, scan_cb_t cb, void *arg);

#endif
