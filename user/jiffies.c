/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "jiffies.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"

/*
 * The kernel counts from 5 minutes before the wrap of 32 bits; the ticks that
 * pass in early boot before the monotonic clock starts make up the rest.
 */
static __u64 origin;

__u32 jiffies_hz(void)
{
	static __u32 hz;
	struct timespec res;

	if (!hz && (clock_getres(CLOCK_MONOTONIC_COARSE, &res) || res.tv_nsec <= 0))
		hz = 100;
	if (!hz)
		hz = (SECOND_NS + res.tv_nsec / 2) / res.tv_nsec;
	return hz;
}

static __u64 ticks_since_boot(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * (__u64)jiffies_hz() + ts.tv_nsec * (__u64)jiffies_hz() / SECOND_NS;
}

__u64 jiffies_now(void)
{
	if (!origin)
		origin = (1ULL << 32) - 300ULL * jiffies_hz();
	return origin + ticks_since_boot();
}

void jiffies_calibrate(void)
{
	unsigned long long seen, newest = 0;
	char line[256];
	FILE *f;

	f = fopen("/proc/timer_list", "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "jiffies: %llu", &seen) == 1 && seen > newest)
			newest = seen;
	}
	fclose(f);
	if (newest)
		origin = newest - ticks_since_boot();
}
