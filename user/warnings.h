/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef WARNINGS_H
#define WARNINGS_H

#include "maps.h"
#include "others.h"
#include "pin.h"

#define WARNINGS_MAX 12

/* Something works worse than it could: what, and the command that mends it. */
struct warning {
	const char *subject;
	char text[256];	   /* what, and behind ": " why it matters */
	unsigned int what; /* how much of it says what */
	bool of_kernel;	   /* the same on every interface */
	char mend[128];	   /* "": nothing to be done here */
};

/* note and maps: NULL where nothing is attached.  Returns how many. */
int warnings_collect(const char *ifname, const struct pin_note *note, const struct maps *maps,
		     struct warning warnings[WARNINGS_MAX]);
/* What others do, where the host's flags say something else of them than before. */
void warnings_log_others(const char *ifname, const struct others *others, __u32 before, __u32 now);
void warnings_log(const char *ifname, const struct pin_note *note, const struct maps *maps);

#endif
