/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifdef SYNSHIELD_STOPS
#include "stops.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The linker's: the section's ends. */
extern struct stop *const __start_stops[], *const __stop_stops[];

static const char *wanted;

static __attribute__((constructor)) void read_wanted(void)
{
	struct stop *const *s;

	wanted = getenv("SYNSHIELD_STOP");
	if (!wanted || strcmp(wanted, "list"))
		return;
	for (s = __start_stops; s < __stop_stops; s++)
		puts((*s)->name);
	exit(EXIT_SUCCESS);
}

void stop_here(struct stop *stop)
{
	char here[64];

	if (!wanted)
		return;
	snprintf(here, sizeof(here), "%s:%u", stop->name, ++stop->passed);
	if (!strcmp(wanted, "tell"))
		fprintf(stderr, "stop %s\n", here);
	else if (!strcmp(wanted, here))
		raise(SIGKILL);
}
#endif
