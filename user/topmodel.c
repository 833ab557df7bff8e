/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "topmodel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

/* Of the time between two looks, on counting connections: one part in so many. */
#define CENSUS_SHARE 20

/* What was said last, as nothing may be written over the screen. */
static char said[256];

static void take_line(const char *line)
{
	snprintf(said, sizeof(said), "%s", line);
}

static bool has(const struct top *top, const char *ifname)
{
	size_t i;

	for (i = 0; i < top->count; i++) {
		if (!strcmp(top->interfaces[i]->ifname, ifname))
			return true;
	}
	return false;
}

int top_add(struct top *top, const char *ifname)
{
	struct top_interface **grown, *i;
	int rate, n;

	if (has(top, ifname))
		return 0;
	grown = reallocarray(top->interfaces, top->count + 1, sizeof(struct top_interface *));
	if (!grown)
		return -ENOMEM;
	top->interfaces = grown;
	i = calloc(1, sizeof(*i));
	if (!i)
		return -ENOMEM;
	snprintf(i->ifname, sizeof(i->ifname), "%s", ifname);
	for (rate = 0; rate < TOP_RATES; rate++) {
		for (n = 0; n < TOP_HISTORY; n++)
			i->history[rate][n] = -1;
	}
	top->interfaces[top->count++] = i;
	return 0;
}

static int add_new(struct top *top)
{
	char(*names)[IF_NAMESIZE] = NULL;
	size_t count = 0, i;
	int err;

	err = pin_list(&names, &count);
	if (err)
		return 0; /* none, or none that can be seen: those known are shown so */
	for (i = 0; i < count && !err; i++)
		err = top_add(top, names[i]);
	free(names);
	return err;
}

static void remember(struct top_interface *i)
{
	int rate;

	for (rate = 0; rate < TOP_RATES; rate++) {
		float *h = i->history[rate];

		memmove(h, h + 1, (TOP_HISTORY - 1) * sizeof(*h));
		h[TOP_HISTORY - 1] = i->rates.known ? top_rate(&i->rates, rate) : -1;
	}
}

static int refresh(struct top *top, struct top_interface *i)
{
	__u64 budget = top->interval_ms * 1000000ULL / CENSUS_SHARE / top->count;
	int err;

	top_look_free(&i->before);
	i->before = i->now;
	i->now = (struct top_look){.stats_id = i->before.stats_id};
	said[0] = 0;
	err = top_look(&i->now, i->ifname, &i->census, budget);
	snprintf(i->why, sizeof(i->why), "%s", err && err != -ENOENT ? said : "");
	if (!err)
		i->lost_ns = 0;
	else if (!i->lost_ns)
		i->lost_ns = top->time_ns;
	err = top_rates(&i->rates, &i->before, &i->now);
	if (!err) {
		top_sort(&i->rates, top->sort);
		remember(i);
	}
	return err;
}

int top_refresh(struct top *top)
{
	struct timespec ts;
	size_t i;
	int err;

	log_taker = take_line;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	clock_gettime(CLOCK_REALTIME, &top->time);
	top->time_ns = ts.tv_sec * 1000000000ULL + ts.tv_nsec;
	err = top->named ? 0 : add_new(top);
	for (i = 0; i < top->count && !err; i++)
		err = refresh(top, top->interfaces[i]);
	log_taker = NULL;
	return err;
}

void top_free(struct top *top)
{
	struct top_interface *i;

	while (top->count) {
		i = top->interfaces[--top->count];
		top_look_free(&i->before);
		top_look_free(&i->now);
		top_rates_free(&i->rates);
		census_reset(&i->census);
		free(i);
	}
	free(top->interfaces);
	top->interfaces = NULL;
}

bool top_is_protected(const struct top_interface *i)
{
	return i->now.attached && i->now.xdp && i->now.tc;
}
