/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef HOST_H
#define HOST_H

#include <linux/types.h>
#include <stdbool.h>

struct others;
struct synshield_host;

/* This machine's facts as of now; learned, seed are left alone.  -ENODEV: no interface. */
int host_read(const char *ifname, const struct others *others, struct synshield_host *host);
/* Never 0. */
int host_seed(__u64 *seed);
/* One number of /proc/sys/net/NAME, the index-th word; `missing` if not there. */
long host_sysctl(const char *name, int index, long missing);

#endif
