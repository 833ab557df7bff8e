/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef HOST_H
#define HOST_H

#include <stdbool.h>

struct synshield_host;

/* This machine's facts as of now; learned is left alone.  -ENODEV: no interface. */
int host_read(const char *ifname, struct synshield_host *host);
/* One number of /proc/sys/net/NAME, the index-th word; `missing` if not there. */
long host_sysctl(const char *name, int index, long missing);

#endif
