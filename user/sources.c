/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "sources.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "jiffies.h"
#include "listeners.h"
#include "recount.h"
#include "sweep.h"

#define PORTS 65536
/* Written at most: the rest is for those who come meanwhile, before the LRU map evicts any. */
#define SOURCES_KEPT (SYNSHIELD_SOURCES_MAX / 4 * 3)
/* An entry that has counted none for so long goes. */
#define STALE_SECONDS 30

struct row {
	struct synshield_source_key key;
	struct synshield_source value;
};

struct rows {
	struct row *at;
	size_t count;
};

static int compare_rows(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct synshield_source_key));
}

static const struct row *find_row(const struct rows *rows, const struct synshield_source_key *key)
{
	return rows->count ? bsearch(key, rows->at, rows->count, sizeof(*rows->at), compare_rows)
			   : NULL;
}

/* -- which ports -- */

enum limits { NO_LIMITS, LIMITED_RATES, LIMITED_CONNS };

static bool is_limit(__u32 limit)
{
	return limit && limit != SYNSHIELD_NO_LIMIT;
}

static enum limits find_limits(const struct synshield_settings *settings,
			       const struct synshield_policy *policies, size_t count)
{
	bool conns = settings->source_conns, rates = settings->source_rate;
	size_t i;

	for (i = 0; i < count; i++) {
		conns |= is_limit(policies[i].source_conns);
		rates |= is_limit(policies[i].source_rate);
	}
	return conns ? LIMITED_CONNS : rates ? LIMITED_RATES : NO_LIMITS;
}

static void keep_listening(bool limited[PORTS], const struct listener_row *listeners, size_t count)
{
	bool *listening = calloc(PORTS, sizeof(*listening));
	size_t i;

	if (!listening)
		return;
	for (i = 0; i < count; i++)
		listening[listeners[i].key.port] = true;
	for (i = 0; i < PORTS; i++)
		limited[i] &= listening[i];
	free(listening);
}

/*
 * Ports that limit connections, and that somebody listens on: what this host opened
 * itself before the shield was there looks like what others opened to it.  An enum limits,
 * or -errno.
 */
static int read_limited(const struct maps *maps, const struct synshield_settings *settings,
			bool limited[PORTS])
{
	struct synshield_policy *policies;
	struct listener_row *listeners;
	enum limits limits;
	size_t count, i;
	__u32 *ports;
	int err;

	err = maps_dump(maps, MAP_POLICY, (void **)&ports, (void **)&policies, &count);
	if (err)
		return err;
	limits = find_limits(settings, policies, count);
	memset(limited, settings->source_conns != 0, PORTS * sizeof(*limited));
	for (i = 0; i < count; i++) {
		if (policies[i].source_conns && ports[i] < PORTS)
			limited[ports[i]] = policies[i].source_conns != SYNSHIELD_NO_LIMIT;
	}
	free(ports);
	free(policies);
	if (limits != LIMITED_CONNS)
		return limits;
	err = listeners_read(maps, &listeners, &count);
	if (err)
		return err;
	keep_listening(limited, listeners, count);
	free(listeners);
	return limits;
}

/* -- counting -- */

static void cut(__u8 addr[16], __u32 bits)
{
	__u32 bytes = bits / 8;

	if (bytes >= 16)
		return;
	addr[bytes] &= 0xff00 >> bits % 8;
	memset(addr + bytes + 1, 0, 15 - bytes);
}

static void source_of(const struct synshield_settings *settings,
		      const struct synshield_tuple *tuple, struct synshield_source_key *key)
{
	memset(key, 0, sizeof(*key));
	memcpy(key->addr, tuple->remote, sizeof(key->addr));
	cut(key->addr,
	    address_is_ipv4(key->addr) ? 96 + settings->source_prefix : settings->source_prefix6);
	key->port = tuple->local_port;
}

/* Proven, not over, and not this host's own. */
static bool counts(const struct synshield_conn *conn)
{
	return conn->state >= SYNSHIELD_CONN_PROVEN && !conn_is_over(conn) &&
	       (!conn->local.syn || conn->remote.syn);
}

/* Those with few connections have long to go to a limit: they go first when there is no room. */
static void keep_largest(struct rows *rows)
{
	__u32 least = 1;

	while (rows->count > SOURCES_KEPT) {
		size_t i, kept = 0;

		least *= 2;
		for (i = 0; i < rows->count; i++) {
			if (rows->at[i].value.conns >= least)
				rows->at[kept++] = rows->at[i];
		}
		rows->count = kept;
	}
}

/* One row per source that has any. */
static int count_conns(const struct synshield_settings *settings, const bool limited[PORTS],
		       const struct conns_dump *dump, struct rows *rows)
{
	size_t i, n = 0, kept = 0;

	rows->at = calloc(dump->count + 1, sizeof(*rows->at));
	if (!rows->at)
		return -ENOMEM;
	for (i = 0; i < dump->count; i++) {
		if (limited[dump->tuples[i].local_port] && counts(&dump->conns[i]))
			source_of(settings, &dump->tuples[i], &rows->at[n++].key);
	}
	if (n)
		qsort(rows->at, n, sizeof(*rows->at), compare_rows);
	for (i = 0; i < n; i++) {
		if (!kept || compare_rows(&rows->at[kept - 1], &rows->at[i]))
			rows->at[kept++] = rows->at[i];
		rows->at[kept - 1].value.conns++;
	}
	rows->count = kept;
	keep_largest(rows);
	return 0;
}

static int read_sources(const struct maps *maps, struct rows *rows)
{
	struct synshield_source_key *keys;
	struct synshield_source *values;
	size_t i;
	int err;

	err = maps_dump(maps, MAP_SOURCES, (void **)&keys, (void **)&values, &rows->count);
	if (err)
		return err;
	rows->at = calloc(rows->count + 1, sizeof(*rows->at));
	for (i = 0; rows->at && i < rows->count; i++) {
		rows->at[i].key = keys[i];
		rows->at[i].value = values[i];
	}
	free(keys);
	free(values);
	if (!rows->at)
		return -ENOMEM;
	qsort(rows->at, rows->count, sizeof(*rows->at), compare_rows);
	return 0;
}

/* -- writing -- */

struct change {
	struct synshield_source_key *put, *drop;
	struct synshield_source *values;
	size_t puts, drops;
	__u32 now;
};

static void put(struct change *c, const struct synshield_source_key *key, __u32 conns, __u64 opened)
{
	c->put[c->puts] = *key;
	c->values[c->puts++] = (struct synshield_source){
		.conns = conns,
		.opened = opened,
		.counted_jiffies = c->now,
	};
}

static const struct synshield_source *value_of(const struct rows *rows,
					       const struct synshield_source_key *key)
{
	const struct row *row = find_row(rows, key);

	return row ? &row->value : NULL;
}

static void plan(struct change *c, const struct rows *counted, const struct rows *before,
		 const struct rows *after)
{
	size_t i;

	for (i = 0; i < counted->count; i++) {
		const struct synshield_source_key *key = &counted->at[i].key;
		const struct synshield_source *now = value_of(after, key);

		put(c, key, recount(counted->at[i].value.conns, value_of(before, key), now),
		    now ? now->opened : 0);
	}
	for (i = 0; i < after->count; i++) {
		const struct row *row = &after->at[i];

		if (find_row(counted, &row->key))
			continue;
		if (row->value.conns)
			put(c, &row->key, recount(0, value_of(before, &row->key), &row->value),
			    row->value.opened);
		else if (c->now - row->value.counted_jiffies > STALE_SECONDS * jiffies_hz())
			c->drop[c->drops++] = row->key;
	}
}

static int write_change(const struct maps *maps, const struct change *c)
{
	__u32 count = c->puts;

	if (count && bpf_map_update_batch(maps->fd[MAP_SOURCES], c->put, c->values, &count, NULL))
		return -errno;
	count = c->drops;
	/* the LRU may have been there first */
	if (count && bpf_map_delete_batch(maps->fd[MAP_SOURCES], c->drop, &count, NULL) &&
	    errno != ENOENT)
		return -errno;
	return 0;
}

static int write_counts(const struct maps *maps, const struct rows *counted,
			const struct rows *before, const struct rows *after)
{
	size_t room = counted->count + after->count + 1;
	struct change c = {.now = jiffies_now()};
	int err = -ENOMEM;

	c.put = calloc(room, sizeof(*c.put));
	c.drop = calloc(room, sizeof(*c.drop));
	c.values = calloc(room, sizeof(*c.values));
	if (c.put && c.drop && c.values) {
		plan(&c, counted, before, after);
		err = write_change(maps, &c);
	}
	free(c.put);
	free(c.drop);
	free(c.values);
	return err;
}

static int count_anew(const struct maps *maps, const struct synshield_settings *settings,
		      const struct locals *locals, const bool limited[PORTS], int *bound)
{
	struct rows before = {}, counted = {}, after = {};
	struct conns_dump dump;
	int err;

	err = read_sources(maps, &before);
	if (!err)
		err = conns_dump(maps, &dump);
	if (!err) {
		sweep_conns(maps, locals, &dump, bound);
		err = count_conns(settings, limited, &dump, &counted);
		conns_dump_free(&dump);
	}
	if (!err)
		err = read_sources(maps, &after);
	if (!err)
		err = write_counts(maps, &counted, &before, &after);
	free(before.at);
	free(counted.at);
	free(after.at);
	return err;
}

/* What was counted for limits that are off tells nothing when they are on again. */
static int forget_all(const struct maps *maps)
{
	struct synshield_source_key *keys;
	struct synshield_source *values;
	size_t count;
	__u32 n;
	int err;

	err = maps_dump(maps, MAP_SOURCES, (void **)&keys, (void **)&values, &count);
	if (err)
		return err;
	n = count;
	if (n && bpf_map_delete_batch(maps->fd[MAP_SOURCES], keys, &n, NULL) && errno != ENOENT)
		err = -errno;
	free(keys);
	free(values);
	return err;
}

int sources_follow(const struct maps *maps, const struct synshield_settings *settings,
		   const struct locals *locals, struct sources_watch *watch, int *bound)
{
	__u64 now = jiffies_now();
	bool *limited;
	int limits, err;

	if (watch->generation == settings->generation &&
	    now - watch->counted_jiffies < SOURCES_SECONDS * jiffies_hz())
		return 0;
	limited = calloc(PORTS, sizeof(*limited));
	if (!limited)
		return -ENOMEM;
	limits = err = read_limited(maps, settings, limited);
	if (limits == LIMITED_CONNS)
		err = count_anew(maps, settings, locals, limited, bound);
	else if (limits == NO_LIMITS)
		err = forget_all(maps);
	else if (limits > 0)
		err = 0;
	free(limited);
	if (!err) {
		watch->generation = settings->generation;
		watch->counted_jiffies = now;
	}
	return err;
}
