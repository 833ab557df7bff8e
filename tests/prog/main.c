/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Rows of {packet, setup, verdict, reason, exact output bytes} for the shield's programs.
 * FRAMES=FILE: their frames are written there, one a line, in hexadecimal.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "corpus.h"
#include "harness.h"

static int listeners[2];

int net_listener(bool ipv6)
{
	return listeners[ipv6];
}

static const struct {
	const char *name;
	void (*run)(void);
	bool again; /* observed: nothing is done, and the same is counted as would_* */
} groups[] = {
	{"synack", rows_synack, true},
	{"kernel", rows_kernel, false},
	{"pass", rows_pass, true},
	{"drop", rows_drop, true},
	{"shape", rows_shape, true},
	{"flags", rows_flags, true},
	{"fragment", rows_fragment, true},
	{"lists", rows_lists, true},
	{"refuse", rows_refuse, true},
	{"budget", rows_budget, true},
	{"doubt", rows_doubt, true},
	{"ack", rows_ack, true},
	{"rst", rows_rst, true},
	{"track", rows_track, true},
	{"close", rows_close, true},
	{"bloom", rows_bloom, true},
	{"limits", rows_limits, true},
	{"event", rows_event, true},
	{"capture", rows_capture, true},
	{"evade", rows_evade, true},
	{"hot", rows_hot, false},
	{"mode", rows_mode, false},
	{"attack", rows_attack, true},
	{"kernel-cookie", rows_kernel_cookie, false},
	{"tc", rows_tc, false},
	{"random", rows_random, false},
	{"observe", rows_observe, false}, /* of the frames of those before it */
	{"overflow", rows_overflow, false},
	{"places", rows_places, false},
	{"million", rows_million, false},
};

static bool is_named(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc < 2;
}

/* `observe` needs the frames of those that can be observed. */
static bool is_wanted(unsigned int i, int argc, char **argv)
{
	return is_named(groups[i].name, argc, argv) ||
	       (groups[i].again && is_named("observe", argc, argv));
}

static void write_frames(const char *file)
{
	static struct frame f;
	FILE *out = fopen(file, "w");

	if (!out)
		bail_out("%s", file);
	for (__u32 i = 0; i < corpus_count(); i++) {
		corpus_get(i, &f);
		for (__u32 at = 0; at < f.len; at++)
			fprintf(out, "%02x", f.byte[at]);
		fputc('\n', out);
	}
	fclose(out);
}

/*
 * The LRU maps keep what one CPU has entered last from the others, and the memory of a flood
 * is each CPU's own.
 */
static void stay_on_one_cpu(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		bail_out("staying on one CPU");
}

int main(int argc, char **argv)
{
	stay_on_one_cpu();
	net_enter();
	for (int ipv6 = 0; ipv6 <= 1; ipv6++)
		listeners[ipv6] = net_listen(ipv6, PORT, 1024, LISTENER_PLAIN);
	shield_load(&(struct shield_shape){});
	for (unsigned int i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
		if (!is_wanted(i, argc, argv))
			continue;
		note("--- %s", groups[i].name);
		groups[i].run();
		if (!groups[i].again)
			continue;
		note("--- %s, observed", groups[i].name);
		shield_observe(true);
		groups[i].run();
		shield_observe(false);
	}
	if (getenv("FRAMES"))
		write_frames(getenv("FRAMES"));
	return tap_done();
}
