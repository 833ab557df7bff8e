/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "closing_parts.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jiffies.h"
#include "log.h"
#include "sockets.h"

#define FLUSH_NS (SECOND_NS / 10)
/* The longest until it is asked again whether the kernel has let go of a socket. */
#define PART_MAX (60 * SECOND_NS)
/* Before the daemon is ready. */
#define START_EVENTS 1000000
#define START_SLICES 64

void closing_clocks(struct closing *c)
{
	c->now = boottime_ns();
	c->now_jiffies = jiffies_now();
}

/* The two clocks are some ticks apart at most. */
__u64 closing_heard_ns(const struct closing *c, const struct synshield_conn *conn)
{
	__s32 ago = (__u32)c->now_jiffies - conn->last_seen_jiffies;
	__u64 ns = ago > 0 ? ago * (SECOND_NS / jiffies_hz()) : 0;

	return ns < c->now ? c->now - ns : 0;
}

int closing_find_conn(const struct closing *c, const struct synshield_tuple *tuple,
		      struct synshield_conn *conn)
{
	return bpf_map_lookup_elem(c->maps.fd[MAP_CONNS], tuple, conn) ? -errno : 0;
}

/* -- one connection -- */

static void disarm(struct closing *c, struct tracked *t)
{
	if (!timer_is_set(&t->timer))
		return;
	timer_cancel(c->loop, &t->timer);
	c->armed--;
}

void closing_arm(struct closing *c, struct tracked *t, __u64 at)
{
	disarm(c, t);
	if (at == FSM_NEVER)
		return;
	timer_set(c->loop, &t->timer, &c->deadlines, at);
	c->armed++;
}

static void flush(void *arg)
{
	struct closing *c = arg;

	view_flush(&c->view);
	c->flushed_ns = boottime_ns();
}

void closing_touch(struct closing *c, struct tracked *t)
{
	__u64 next = c->flushed_ns + FLUSH_NS;

	view_touch(&c->view, t);
	if (!job_is_set(&c->flushing))
		loop_after(c->loop, &c->flushing, next > c->now ? next - c->now : 0, flush, c);
}

void closing_arm_live(struct closing *c, struct tracked *t, __u64 heard)
{
	__u64 look = keepalive_due(c->alive, t, heard);

	closing_arm(c, t, look < t->fsm.deadline ? look : t->fsm.deadline);
}

struct tracked *closing_add(struct closing *c, const struct synshield_tuple *tuple, __u64 since)
{
	struct tracked *t = table_add(&c->table, tuple);

	if (!t) {
		if (!c->said_full)
			log_line("%s: warning: no room to follow more than %zu connections: the "
				 "states of others are not shown",
				 c->ifname, c->table.count);
		c->said_full = c->full = c->wanted = true;
		return NULL;
	}
	t->since_ns = t->moved_ns = since;
	t->mark = c->scan.number;
	return t;
}

void closing_remove(struct closing *c, struct tracked *t)
{
	disarm(c, t);
	if (!t->shown && !t->dirty) {
		table_remove(&c->table, t);
		return;
	}
	t->known = t->live = 0;
	t->dead = 1;
	closing_touch(c, t);
}

void closing_part(struct closing *c, struct tracked *t, __u64 heard)
{
	__u64 idle = c->now > heard ? c->now - heard : 0;

	if (idle >= SWEEP_OVER * SECOND_NS &&
	    sockets_ask(c->sockets, c->ifindex, &t->tuple) == SOCKET_NONE &&
	    sweep_one(&c->maps, &t->tuple)) {
		closing_remove(c, t);
		return;
	}
	closing_arm(c, t,
		    c->now + (idle < PART_MIN	? PART_MIN
			      : idle > PART_MAX ? PART_MAX
						: idle));
}

void closing_end(struct closing *c, struct tracked *t, const struct fsm *before, __u64 when)
{
	t->remote = before->side[FSM_REMOTE].state;
	t->local = before->side[FSM_LOCAL].state;
	t->live = t->proven = 0;
	t->moved_ns = when;
	if (t->shown)
		closing_touch(c, t);
}

void closing_settle(struct closing *c, struct tracked *t, const struct fsm *before, __u64 when,
		    unsigned int done)
{
	if (done & FSM_OPENED)
		t->since_ns = when;
	if (fsm_is_gone(&t->fsm)) {
		if (t->live)
			closing_end(c, t, before, when);
		closing_arm(c, t, when + PART_MIN);
		return;
	}
	if (!t->live || !fsm_same_states(before, &t->fsm))
		t->moved_ns = when;
	else if (before->deadline == t->fsm.deadline)
		return;
	t->live = 1;
	if (t->proven)
		closing_arm(c, t, when + UNPROVEN);
	else
		closing_arm_live(c, t, when);
	closing_touch(c, t);
}

/*
 * A connection that is merely idle goes on as long as the kernel has its socket; half
 * closed, as long as an application has it.
 */
static bool is_kept(const struct closing *c, const struct tracked *t,
		    enum synshield_tcp_state state)
{
	int socket;

	if (state != SYNSHIELD_TCP_ESTABLISHED && state != SYNSHIELD_TCP_FIN_WAIT_2)
		return false;
	socket = sockets_ask(c->sockets, c->ifindex, &t->tuple);
	if (socket < 0)
		return true;
	return state == SYNSHIELD_TCP_ESTABLISHED ? socket != SOCKET_NONE : socket == SOCKET_HELD;
}

bool closing_runs_out(struct closing *c, struct tracked *t, __u64 heard)
{
	struct fsm before = t->fsm;
	enum synshield_tcp_state timed = fsm_timed(&before);

	if (!fsm_timeout(&t->fsm, c->now, heard, &c->config))
		return false;
	if (!is_kept(c, t, timed))
		return true;
	t->fsm = before;
	t->fsm.deadline = c->now + (timed == SYNSHIELD_TCP_ESTABLISHED ? c->config.established
								       : c->config.fin_wait_2);
	return false;
}

void closing_rebuild(struct closing *c, struct tracked *t, const struct synshield_conn *conn)
{
	__u64 heard = closing_heard_ns(c, conn), deadline = t->fsm.deadline;
	bool recalled = t->live && !t->known;
	struct fsm before;

	fsm_rebuild(&t->fsm, conn, heard, &c->config);
	before = t->fsm;
	/* the time that is left of these counts from when they were entered */
	if (recalled && t->remote == t->fsm.side[FSM_REMOTE].state &&
	    t->local == t->fsm.side[FSM_LOCAL].state) {
		if (!fsm_is_for_idle(fsm_timed(&t->fsm)) && deadline < t->fsm.deadline)
			t->fsm.deadline = deadline;
	} else {
		t->moved_ns = heard;
	}
	t->known = 1;
	t->dead = t->probes = 0;
	t->proven = conn->state == SYNSHIELD_CONN_PROVEN;
	if (fsm_is_gone(&t->fsm) || closing_runs_out(c, t, heard)) {
		closing_end(c, t, &before, t->moved_ns);
		closing_arm(c, t, c->now + PART_MIN);
		return;
	}
	t->live = 1;
	if (t->proven)
		closing_arm(c, t, heard + UNPROVEN);
	else
		closing_arm_live(c, t, heard);
	closing_touch(c, t);
}

void closing_rescan(struct closing *c)
{
	c->wanted = true;
}

/* -- half-open -- */

__u64 closing_half_open_ns(struct closing *c, const struct synshield_tuple *tuple)
{
	const struct tracked *t = table_find(&c->table, tuple);
	struct synshield_conn conn;

	closing_clocks(c);
	if (!t || closing_find_conn(c, tuple, &conn) || conn.state != SYNSHIELD_CONN_SYN_RECEIVED)
		return 0;
	return c->now > t->since_ns ? c->now - t->since_ns : 0;
}

void closing_forget(struct closing *c, const struct synshield_tuple *tuple)
{
	struct tracked *t = table_find(&c->table, tuple);

	bpf_map_delete_elem(c->maps.fd[MAP_CONNS], tuple);
	if (t && !t->dead)
		closing_remove(c, t);
}

/* -- the daemon's side -- */

void closing_follow(struct closing *c, const struct synshield_settings *settings)
{
	struct fsm_config before = c->config;
	bool moved = keepalive_follow(c->alive, settings);
	struct tracked *t;
	size_t i;

	closing_clocks(c);
	keepalive_tick(c->alive, c->now);
	fsm_configure(&c->config, settings);
	if (!memcmp(&before, &c->config, sizeof(before)) && !moved)
		return;
	for (i = 0; i < c->table.buckets; i++) {
		for (t = c->table.bucket[i]; t; t = t->next) {
			if (!t->known || !t->live)
				continue;
			fsm_retime(&t->fsm, &before, &c->config);
			if (!t->proven)
				closing_arm_live(c, t, 0); /* looks at what it is at once */
			closing_touch(c, t);
		}
	}
}

static void set_counts(struct synshield_state_counts *to,
		       const __u32 counts[SYNSHIELD_TCP_STATES_MAX])
{
#define X(name) to->name = counts[SYNSHIELD_TCP_##name];
	SYNSHIELD_TCP_STATES(X)
#undef X
}

void closing_now(const struct closing *c, struct synshield_daemon *now)
{
	now->followed = c->table.count;
	now->timers = c->armed;
	set_counts(&now->remote, c->view.remote);
	set_counts(&now->local, c->view.local);
}

static int open_all(struct closing *c, struct bloom *bloom)
{
	__u32 capacity;
	int err;

	c->sockets = sockets_open();
	if (c->sockets < 0)
		return c->sockets;
	err = keepalive_open(&c->alive, &c->maps, c->ifname, c->ifindex, c->sockets);
	if (!err)
		err = maps_capacity(&c->maps, MAP_CONNS, &capacity);
	if (!err)
		err = table_open(&c->table, capacity);
	if (err)
		return err;
	c->events = ring_buffer__new(c->maps.fd[MAP_EVENTS], closing_on_report, c, NULL);
	if (!c->events)
		return -errno;
	view_init(&c->view, &c->table, &c->maps);
	scan_init(&c->scan, &c->maps, bloom);
	closing_clocks(c);
	return loop_watch(c->loop, &c->reports, ring_buffer__epoll_fd(c->events),
			  closing_on_reports, c);
}

int closing_open(struct closing **made, struct loop *loop, const struct maps *maps,
		 struct bloom *bloom, const char *ifname, int ifindex,
		 const struct synshield_settings *settings)
{
	struct closing *c = calloc(1, sizeof(*c));
	int err;

	*made = c;
	if (!c)
		return -ENOMEM;
	c->loop = loop;
	c->deadlines.due = closing_on_due;
	c->maps = *maps;
	c->ifindex = ifindex;
	snprintf(c->ifname, sizeof(c->ifname), "%s", ifname);
	fsm_configure(&c->config, settings);
	c->sockets = -1;
	err = open_all(c, bloom);
	if (!err)
		keepalive_follow(c->alive, settings);
	if (!err)
		err = view_load(&c->view);
	if (err) {
		closing_close(c);
		*made = NULL;
		return err;
	}
	/* what was reported while no daemon was there, and then what of it was lost */
	closing_read(c, START_EVENTS);
	c->wanted = true;
	closing_scan_begin(c);
	closing_scan_some(c, START_SLICES);
	flush(c);
	loop_after(c->loop, &c->scanning, SLICES_NS, closing_scan_follow, c);
	return 0;
}

static void cancel_all(struct closing *c)
{
	struct tracked *t;
	size_t i;

	for (i = 0; i < c->table.buckets; i++) {
		for (t = c->table.bucket[i]; t; t = t->next)
			disarm(c, t);
	}
	loop_cancel(c->loop, &c->flushing);
	loop_cancel(c->loop, &c->scanning);
	loop_unwatch(c->loop, &c->reports);
}

void closing_close(struct closing *c)
{
	if (!c)
		return;
	cancel_all(c);
	if (c->table.bucket)
		view_flush(&c->view);
	ring_buffer__free(c->events);
	keepalive_close(c->alive);
	table_close(&c->table);
	if (c->sockets >= 0)
		close(c->sockets);
	free(c);
}
