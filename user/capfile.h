/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Captures: pcap (microseconds, nanoseconds, either byte order) and pcapng. */
#ifndef CAPFILE_H
#define CAPFILE_H

#include <linux/types.h>

struct capfile_packet {
	__u64 time_ns; /* since the epoch */
	__u32 linktype;
	__u32 captured, len; /* bytes that are there, and that there were on the wire */
	const void *data;
};

#define CAPFILE_WHY 256

/*
 * Calls for every packet of the file, in its order; the callback's non-zero
 * ends it, and is returned.  -EBADMSG: the file is broken from somewhere on,
 * other -errno: it cannot be read; why says it, with the offset.
 */
typedef int (*capfile_cb)(const struct capfile_packet *p, void *arg);
int capfile_each(const char *file, capfile_cb cb, void *arg, char why[CAPFILE_WHY]);

#endif
