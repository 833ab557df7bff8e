/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Writes captures: pcapng, nanoseconds, one Ethernet interface, comments. */
#ifndef CAPWRITE_H
#define CAPWRITE_H

#include <linux/types.h>
#include <stdbool.h>

#include "capfile.h"

/* What goes with a received packet: why, and what the program that decided returned. */
struct capwrite_note {
	const char *comment;
	__u8 hook; /* PCAPNG_VERDICT_XDP, PCAPNG_VERDICT_TC */
	__u64 code;
};

struct capwrite;

/*
 * Makes the file, for its owner alone; "-" is standard output.  One that exists is only
 * replaced with `force`.  Errors are said, here and below: each once.
 */
int capwrite_open(struct capwrite **w, const char *file, bool force);
/* Before the first packet. */
int capwrite_begin(struct capwrite *w, const char *ifname, __u32 snaplen);
int capwrite_packet(struct capwrite *w, const struct capfile_packet *p,
		    const struct capwrite_note *note);
/*
 * What was given is in the file afterwards; if that fails, whole blocks of it.  -EPIPE also
 * if nothing was given and nobody reads the pipe any more.
 */
int capwrite_flush(struct capwrite *w);
/* The packets that are in the file. */
__u64 capwrite_written(const struct capwrite *w);
/* The last block: from when till when, and how many packets are not in the file. */
int capwrite_end(struct capwrite *w, __u64 start_ns, __u64 stop_ns, __u64 missing);
void capwrite_close(struct capwrite *w);

#endif
