/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef STOPS_H
#define STOPS_H

/*
 * Where a test build (build/stops/synshield) can be killed, as by kill -9, between two steps
 * that change what outlives the process. In any other build STOP is nothing.
 *
 * SYNSHIELD_STOP=NAME:N in the environment: killed when it comes to NAME for the Nth time.
 * SYNSHIELD_STOP=tell: each that it comes to is a line "stop NAME:N" on stderr.
 * SYNSHIELD_STOP=list: prints the names of all that are compiled in, and ends.
 */
#ifdef SYNSHIELD_STOPS

struct stop {
	const char *name;
	unsigned int passed;
};

void stop_here(struct stop *stop);

#define STOP(text)                                                                                 \
	do {                                                                                       \
		static struct stop stop_ = {.name = (text)};                                       \
		static struct stop *const at_ __attribute__((section("stops"), used)) = &stop_;    \
                                                                                                   \
		stop_here(at_);                                                                    \
	} while (0)

#else
#define STOP(text)                                                                                 \
	do {                                                                                       \
	} while (0)
#endif

#endif
