/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "census.h"

#include <time.h>

#include "connview.h"

#define SECOND 1000000000ULL

static __u64 clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

static enum map_id source(const struct census *c)
{
	return c->followed ? MAP_CLOSING : MAP_CONNS;
}

static void add(struct census_counts *n, __u32 local, __u32 remote)
{
	if (local >= SYNSHIELD_TCP_STATES_MAX || remote >= SYNSHIELD_TCP_STATES_MAX)
		return;
	n->connections++;
	n->local[local]++;
	n->remote[remote]++;
}

static void add_followed(struct census *c)
{
	const struct synshield_closing *closing = c->walk.values;
	__u32 i;

	for (i = 0; i < c->walk.count; i++)
		add(&c->counting, closing[i].local, closing[i].remote);
}

static int add_rebuilt(struct census *c, const struct maps *maps)
{
	const struct synshield_tuple *tuples = c->walk.keys;
	const struct synshield_conn *conns = c->walk.values;
	struct synshield_settings settings;
	struct conn_clock clock;
	struct conn_view v;
	__u32 i;
	int err;

	err = maps_get(maps, MAP_SETTINGS, &settings);
	if (err)
		return err;
	fsm_configure(&clock.config, &settings);
	conn_clock_read(&clock);
	for (i = 0; i < c->walk.count; i++) {
		conn_view_make(&v, &clock, &tuples[i], &conns[i], NULL);
		if (!conn_view_is_gone(&v))
			add(&c->counting, v.local, v.remote);
	}
	return 0;
}

static int begin(struct census *c, const struct maps *maps, bool followed)
{
	maps_walk_close(&c->walk);
	c->counting = (struct census_counts){};
	c->followed = followed;
	c->begun_ns = clock_ns(CLOCK_MONOTONIC);
	c->walking = true;
	return maps_walk_open(&c->walk, maps, source(c));
}

static void end(struct census *c)
{
	maps_walk_close(&c->walk);
	c->walking = false;
	c->counted = c->counting;
	c->counted_ns = clock_ns(CLOCK_MONOTONIC);
	c->took_ns = c->counted_ns - c->begun_ns;
}

int census_step(struct census *c, const struct maps *maps, bool followed, __u64 budget_ns)
{
	__u64 start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	int err = 0, last = 0;

	if (!c->walking || c->followed != followed)
		err = begin(c, maps, followed);
	while (!err && !last) {
		last = maps_walk_next(&c->walk, maps, source(c));
		if (last < 0)
			err = last;
		else if (c->followed)
			add_followed(c);
		else
			err = add_rebuilt(c, maps);
		if (!last && clock_ns(CLOCK_THREAD_CPUTIME_ID) - start >= budget_ns)
			break;
	}
	if (err)
		census_reset(c);
	else if (last)
		end(c);
	return err;
}

void census_reset(struct census *c)
{
	maps_walk_close(&c->walk);
	*c = (struct census){};
}
