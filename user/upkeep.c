/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "upkeep.h"

#include <errno.h>
#include <string.h>

#include "deeds.h"
#include "host.h"
#include "jiffies.h"
#include "log.h"
#include "shield.h"
#include "warnings.h"

static int read_settings(const struct shield *s, struct synshield_settings *settings)
{
	return maps_get(&s->maps, MAP_SETTINGS, settings);
}

/* -- host -- */

int upkeep_host(struct shield *s)
{
	struct synshield_host host = {.learned = s->host.learned,
				      .learned_until = s->host.learned_until,
				      .seed = s->host.seed};
	char name[IF_NAMESIZE];
	int err;

	/* by number: an interface may be renamed under us */
	if (!if_indextoname(s->ifindex, name))
		return -ENODEV;
	bloom_tell(s->bloom, &host);
	others_read(&s->others);
	s->others.bound = s->bound ? s->bound : s->conns.bound;
	err = host_read(name, &s->others, &host);
	if (err || !memcmp(&host, &s->host, sizeof(host)))
		return err;
	err = maps_put(&s->maps, MAP_HOST, &host);
	if (!err)
		s->host = host;
	return err;
}

/* The same, once it runs: what changes is said. */
static int follow_host(struct shield *s)
{
	__u32 before = s->host.flags;
	int err;

	bloom_follow(s->bloom, &s->host);
	err = upkeep_host(s);
	warnings_log_others(s->ifname, &s->others, before, s->host.flags);
	return err;
}

/* -- connections -- */

/* Which sockets the shield knows all of: those of the generation, until so many more are made. */
static int set_learned(struct shield *s, __u32 generation, __u64 until)
{
	if (s->host.learned == generation && s->host.learned_until == until)
		return 0;
	s->host.learned = generation;
	s->host.learned_until = until;
	return maps_put(&s->maps, MAP_HOST, &s->host);
}

/* ACKs that bear cookies of the kernel's own, which no socket tells of, take this long to come. */
#define SETTLE_SECONDS 4

/* Whether what the shield let pass before it was there, or set as it is, has arrived by now. */
static bool is_settled(struct shield *s, __u32 generation)
{
	__u64 now = jiffies_now();

	if (s->generation != generation || s->locals.other_ways) {
		s->generation = generation;
		s->changed_jiffies = now;
	}
	return now - s->changed_jiffies >= (__u64)SETTLE_SECONDS * jiffies_hz();
}

/*
 * A new daemon lists anew: it knows not what was evicted while none was there.
 * Connections that arrive by another interface are not seen, so it never knows all then.
 */
static int learn_conns(struct shield *s, __u32 generation)
{
	bool settled = is_settled(s, generation);
	int done;

	if (s->locals.other_ways)
		return set_learned(s, 0, 0);
	if (s->host.learned == generation && s->conns.capacity) {
		done = conns_follow(&s->maps, &s->locals, &s->conns);
		if (done < 0)
			return done;
		if (done)
			return set_learned(s, generation, s->conns.until);
	}
	if (!settled)
		return 0;
	done = conns_learn(&s->maps, &s->locals, s->bloom, &s->conns);
	closing_rescan(s->closing);
	return done < 0 ? done : set_learned(s, done ? generation : 0, done ? s->conns.until : 0);
}

static int follow_conns(struct shield *s)
{
	struct synshield_settings settings;
	int err = read_settings(s, &settings);

	return err ? err : learn_conns(s, settings.generation);
}

static int follow_halfopen(struct shield *s)
{
	struct synshield_settings settings;
	int err = read_settings(s, &settings);

	return err ? err
		   : halfopen_follow(&s->halfopen, s->closing, &s->maps, s->ifname, s->ifindex,
				     &settings);
}

static int follow_sources(struct shield *s)
{
	struct synshield_settings settings;
	int err = read_settings(s, &settings);

	return err ? err
		   : sources_follow(&s->maps, &settings, &s->locals, &s->sources, &s->conns.bound);
}

/* -- the rest -- */

int upkeep_addresses(struct shield *s)
{
	struct locals now;
	int err;

	err = locals_read(&now, s->ifindex);
	if (err)
		return err;
	if (!s->locals.rows || !locals_same_addresses(&now, &s->locals))
		err = locals_write(&now, s->maps.fd[MAP_LOCALS]);
	if (err) { /* what is remembered is what was written */
		locals_free(&now);
		return err;
	}
	locals_free(&s->locals);
	s->locals = now;
	if (s->locals.other_ways)
		err = set_learned(s, 0, 0);
	return err ? err : listeners_sync(&s->maps, &s->locals, &s->bound);
}

static int follow_settings(struct shield *s)
{
	struct synshield_settings settings;
	int err = read_settings(s, &settings);

	if (err)
		return err;
	closing_follow(s->closing, &settings);
	s->max_syn_backlog = settings.max_syn_backlog;
	return 0;
}

static int follow_keys(struct shield *s)
{
	struct synshield_settings settings;
	int err = read_settings(s, &settings);

	if (!err)
		err = keys_rotate(s->keys, settings.epoch);
	return err < 0 ? err : 0;
}

static int follow_listeners(struct shield *s)
{
	return listeners_sync(&s->maps, &s->locals, &s->bound);
}

static int tell_deeds(struct shield *s)
{
	struct synshield_daemon now = {.started_ns = s->started_ns};

	closing_now(s->closing, &now);
	deeds_now(&s->maps, &now);
	return 0;
}

static int follow_attacks(struct shield *s)
{
	return attacks_poll(&s->attacks, s->ifname, &s->maps);
}

/* -- times -- */

struct upkeep_duty {
	const char *what; /* cannot ... */
	__u64 every;
	int (*run)(struct shield *s);
};

/* In any order; each reads what it needs. */
static const struct upkeep_duty duties[] = {
	{"read the settings", SECOND_NS, follow_settings},
	{"make a new cookie key", SECOND_NS, follow_keys},
	{"follow the listening sockets", SECOND_NS, follow_listeners},
	{"read the host's settings", SECOND_NS, follow_host},
	{"list the connections", SECOND_NS, follow_conns},
	{"end half-open handshakes", SECOND_NS, follow_halfopen},
	{"count the connections of each source", SECOND_NS, follow_sources},
	{"tell how it is", SECOND_NS, tell_deeds},
	{"look for attacks", 100 * MS_NS, follow_attacks},
};
_Static_assert(sizeof(duties) / sizeof(*duties) == UPKEEP_DUTIES, "one job for each");

static void run_duty(void *arg)
{
	struct upkeep_job *j = arg;
	int err = j->duty->run(j->shield);

	/* -ENODEV: the daemon itself sees that the interface is gone */
	if (err < 0 && err != j->err && err != -ENODEV)
		log_errno(err, "%s: warning: cannot %s, goes on trying", j->shield->ifname,
			  j->duty->what);
	j->err = err;
}

void upkeep_begin(struct shield *s)
{
	size_t i;

	for (i = 0; i < UPKEEP_DUTIES; i++) {
		s->jobs[i].shield = s;
		s->jobs[i].duty = &duties[i];
		loop_every(s->loop, &s->jobs[i].job, duties[i].every, run_duty, &s->jobs[i]);
	}
}

void upkeep_end(struct shield *s)
{
	size_t i;

	for (i = 0; i < UPKEEP_DUTIES; i++)
		loop_cancel(s->loop, &s->jobs[i].job);
}
