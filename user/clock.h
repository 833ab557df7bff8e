/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The clock that goes on while the machine sleeps, as the BPF programs read it. */
#ifndef CLOCK_H
#define CLOCK_H

#include <linux/types.h>
#include <time.h>

#define SECOND_NS 1000000000ULL
#define MS_NS 1000000ULL

static inline __u64 clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * SECOND_NS + ts.tv_nsec;
}

static inline __u64 boottime_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

#endif
