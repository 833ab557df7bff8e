/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Walks through `conns`: whether what is known of connections is what it tells. */
#include <errno.h>

#include "closing_parts.h"
#include "log.h"

#define WALK_MAX 16384 /* buckets */
/* Slices at a time, when a scan is wanted at once. */
#define HURRIED_SLICES 64
/*
 * Any other goes through a million connections in 100 s, or takes longer: it rests for so
 * many times what a slice took, which is 1 % of a CPU.
 */
#define REST 100
#define SCAN_SECONDS 60 /* between two that nobody waits for */
/* Rest after a hurried scan, for each connection: ten times what it takes. */
#define HURRIED_NS 5000

/* It has ended.  Was nothing heard of it since that would bring it back? */
static bool stays_ended(const struct closing *c, const struct tracked *t, const struct fsm *f,
			__u64 heard)
{
	struct fsm now = *f;

	fsm_timeout(&now, c->now, heard, &c->config);
	if (fsm_is_gone(&now))
		return true;
	return t->remote == f->side[FSM_REMOTE].state && t->local == f->side[FSM_LOCAL].state &&
	       !fsm_is_for_idle(fsm_timed(f));
}

/* Is what is known of it what `conns` tells? */
static bool agrees(const struct closing *c, struct tracked *t, const struct synshield_conn *conn)
{
	__u64 heard = closing_heard_ns(c, conn);
	struct fsm f;

	fsm_rebuild(&f, conn, heard, &c->config);
	if (!t->live)
		return keepalive_is_dead(t, conn) || stays_ended(c, t, &f, heard);
	if (fsm_same_states(&f, &t->fsm)) {
		fsm_sync(&t->fsm, conn->remote_next, conn->local_next);
		return true;
	}
	log_detail("%s: port %u, remote port %u: was %s, %s; is %s, %s", c->ifname,
		   t->tuple.local_port, t->tuple.remote_port,
		   fsm_state_name(t->fsm.side[FSM_REMOTE].state),
		   fsm_state_name(t->fsm.side[FSM_LOCAL].state),
		   fsm_state_name(f.side[FSM_REMOTE].state),
		   fsm_state_name(f.side[FSM_LOCAL].state));
	return false;
}

static void compare(const struct synshield_tuple *tuple, const struct synshield_conn *conn,
		    void *arg)
{
	struct closing *c = arg;
	struct tracked *t = table_find(&c->table, tuple);

	if (!t)
		t = closing_add(c, tuple, closing_heard_ns(c, conn));
	if (!t)
		return;
	t->mark = c->scan.number;
	if (!t->known || !agrees(c, t, conn))
		closing_rebuild(c, t, conn);
}

static __u64 events_lost(const struct closing *c)
{
	struct synshield_tracking tracking;

	return maps_get(&c->maps, MAP_TRACKING, &tracking) ? c->lost : tracking.events_lost;
}

void closing_scan_begin(struct closing *c)
{
	c->lost = events_lost(c);
	c->scanned_ns = c->now;
	c->hurried = c->wanted;
	c->said_full = c->full;
	c->wanted = c->full = false;
	scan_begin(&c->scan);
}

/* What the scan has not met and is not in `conns`: evicted, or removed by another. */
static void remove_missing(struct closing *c, size_t buckets)
{
	struct synshield_conn conn;
	struct tracked *t, *next;

	for (; buckets-- && c->walk < c->table.buckets; c->walk++) {
		for (t = c->table.bucket[c->walk]; t; t = next) {
			next = t->next;
			if (t->mark == c->scan.number || t->dead)
				continue;
			if (closing_find_conn(c, &t->tuple, &conn) == -ENOENT)
				closing_remove(c, t);
		}
	}
	c->walking = c->walk < c->table.buckets;
}

void closing_scan_some(struct closing *c, unsigned int slices)
{
	int done;

	while (slices-- && c->scan.running) {
		/* `conns` tells of what was reported before, too */
		closing_read(c, READ_MAX);
		closing_clocks(c);
		done = scan_slice(&c->scan, compare, c);
		if (done < 0)
			log_errno(done, "%s: warning: cannot read the map conns", c->ifname);
		if (done == 1) {
			c->walking = true;
			c->walk = 0;
		}
	}
	if (c->walking)
		remove_missing(c, WALK_MAX);
}

/* Between two scans, in ns: one that is wanted does not wait, but takes its share of time only. */
static __u64 scan_pause(const struct closing *c)
{
	if (!c->wanted)
		return SCAN_SECONDS * SECOND_NS;
	return SECOND_NS + c->table.count * HURRIED_NS;
}

static bool is_scanning(const struct closing *c)
{
	return c->scan.running || c->walking;
}

/* Until the next turn, in ns; `took`: this one. */
static __u64 turn_pause(const struct closing *c, __u64 took)
{
	__u64 rest = took * REST;

	if (!is_scanning(c) || (!c->hurried && rest > SECOND_NS))
		return SECOND_NS;
	return c->hurried || rest < SLICES_NS ? SLICES_NS : rest;
}

void closing_scan_follow(void *arg)
{
	struct closing *c = arg;
	__u64 lost = events_lost(c), begun = boottime_ns();

	closing_clocks(c);
	if (lost != c->lost) {
		log_detail("%s: %llu reports were lost", c->ifname,
			   (unsigned long long)(lost - c->lost));
		c->lost = lost;
		c->wanted = true;
	}
	if (!is_scanning(c) && bloom_waits(c->scan.bloom))
		c->wanted = true;
	if (!is_scanning(c) && c->now - c->scanned_ns >= scan_pause(c))
		closing_scan_begin(c);
	closing_scan_some(c, c->hurried ? HURRIED_SLICES : 1);
	loop_after(c->loop, &c->scanning, turn_pause(c, boottime_ns() - begun), closing_scan_follow,
		   c);
}
