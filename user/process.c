/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "process.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "clock.h"

/* Field 22 of /proc/self/stat: clock ticks since boot; the name before it may hold anything. */
double process_start(void)
{
	unsigned long long ticks = 0;
	char line[1024];
	size_t n;
	char *p;
	FILE *f;

	f = fopen("/proc/self/stat", "re");
	if (!f)
		return 0;
	n = fread(line, 1, sizeof(line) - 1, f);
	fclose(f);
	line[n] = 0;
	p = strrchr(line, ')');
	if (!p || sscanf(p + 1,
			 " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			 "%*d %*d %llu",
			 &ticks) != 1)
		return 0;
	return ((double)clock_ns(CLOCK_REALTIME) - boottime_ns()) / 1e9 +
	       (double)ticks / sysconf(_SC_CLK_TCK);
}

double process_cpu(void)
{
	struct rusage r;

	if (getrusage(RUSAGE_SELF, &r))
		return 0;
	return r.ru_utime.tv_sec + r.ru_stime.tv_sec +
	       (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

__u64 process_resident(void)
{
	unsigned long long pages = 0;
	FILE *f;

	f = fopen("/proc/self/statm", "re");
	if (!f)
		return 0;
	if (fscanf(f, "%*u %llu", &pages) != 1)
		pages = 0;
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}
