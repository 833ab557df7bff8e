/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "scan.h"

#include <bpf/bpf.h>
#include <errno.h>

void scan_init(struct scan *scan, const struct maps *maps, struct bloom *bloom)
{
	*scan = (struct scan){.fd = maps->fd[MAP_CONNS], .bloom = bloom};
}

void scan_begin(struct scan *scan)
{
	scan->running = true;
	scan->number++;
	scan->started = false;
	scan->fills = bloom_begin(scan->bloom);
}

int scan_slice(struct scan *scan, scan_cb_t cb, void *arg)
{
	static struct synshield_tuple tuples[SCAN_BATCH];
	static struct synshield_conn conns[SCAN_BATCH];
	__u32 i, count = SCAN_BATCH;
	int err;

	err = bpf_map_lookup_batch(scan->fd, scan->started ? &scan->token : NULL, &scan->token,
				   tuples, conns, &count, NULL)
		      ? -errno
		      : 0;
	if (err && err != -ENOENT) {
		scan->running = false;
		return err;
	}
	scan->started = true;
	scan->running = !err;
	for (i = 0; i < count; i++) {
		if (scan->fills)
			bloom_keep(scan->bloom, &tuples[i]);
		cb(&tuples[i], &conns[i], arg);
	}
	if (scan->fills && !scan->running)
		bloom_filled(scan->bloom);
	return !scan->running;
}
