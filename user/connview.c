/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "connview.h"

#include <bpf/bpf.h>

#include "clock.h"
#include "jiffies.h"

void conn_clock_read(struct conn_clock *clock)
{
	clock->boottime = boottime_ns();
	clock->jiffies = jiffies_now();
	clock->hz = jiffies_hz();
}

/* Of segments: PROVEN keeps something else in the place of the local end's. */
static __u32 local_segments(const struct synshield_conn *conn)
{
	return conn->state == SYNSHIELD_CONN_PROVEN ? 0 : conn->local_segments;
}

/* The kernel's jiffies may be some ticks ahead of ours. */
static __u64 idle_ns(const struct conn_clock *clock, const struct synshield_conn *conn)
{
	__s32 ticks = clock->jiffies - conn->last_seen_jiffies;

	return ticks > 0 ? (__u64)ticks * SECOND_NS / clock->hz : 0;
}

static enum conn_opener opener_of(const struct fsm *f)
{
	enum fsm_end client;

	if (fsm_client(f, &client))
		return client == FSM_LOCAL ? CONN_OPENED_LOCAL : CONN_OPENED_REMOTE;
	return f->side[FSM_LOCAL].syn ? CONN_OPENED_BOTH : CONN_OPENED_UNSEEN;
}

static __u64 since(__u64 now, __u64 then)
{
	return now > then ? now - then : 0;
}

static __u64 left(__u64 now, __u64 deadline)
{
	if (deadline == FSM_NEVER)
		return FSM_NEVER;
	return since(deadline, now);
}

void conn_view_make(struct conn_view *v, const struct conn_clock *clock,
		    const struct synshield_tuple *tuple, const struct synshield_conn *conn,
		    const struct synshield_closing *closing)
{
	__u64 now = clock->boottime, idle = idle_ns(clock, conn);
	struct fsm f;

	fsm_rebuild(&f, conn, since(now, idle), &clock->config);
	*v = (struct conn_view){
		.tuple = *tuple,
		.remote = f.side[FSM_REMOTE].state,
		.local = f.side[FSM_LOCAL].state,
		.opener = opener_of(&f),
		.remote_segments = conn->remote_segments,
		.local_segments = local_segments(conn),
		.idle = idle,
		.age = CONN_UNKNOWN,
		.moved = CONN_UNKNOWN,
		.left = left(now, f.deadline),
	};
	if (!closing)
		return;
	v->followed = true;
	v->remote = closing->remote;
	v->local = closing->local;
	v->age = since(now, closing->since_ns);
	v->moved = since(now, closing->moved_ns);
	v->left = left(now, closing->deadline_ns);
}

static bool is_gone(enum synshield_tcp_state state)
{
	return state == SYNSHIELD_TCP_CLOSED || state == SYNSHIELD_TCP_LISTEN;
}

bool conn_view_is_gone(const struct conn_view *v)
{
	return is_gone(v->remote) && is_gone(v->local);
}

const char *conn_opener_name(enum conn_opener opener)
{
	static const char *const names[] = {
		[CONN_OPENED_UNSEEN] = "unseen",
		[CONN_OPENED_REMOTE] = "remote",
		[CONN_OPENED_LOCAL] = "local",
		[CONN_OPENED_BOTH] = "both",
	};

	return names[opener];
}

static int call(const struct maps *maps, bool followed, const struct conn_clock *clock,
		const struct synshield_tuple *tuple, const struct synshield_conn *conn,
		conn_view_cb cb, void *arg)
{
	struct synshield_closing closing;
	struct conn_view v;

	followed = followed && !bpf_map_lookup_elem(maps->fd[MAP_CLOSING], tuple, &closing);
	conn_view_make(&v, clock, tuple, conn, followed ? &closing : NULL);
	return cb(&v, arg);
}

int conn_views(const struct maps *maps, bool followed, conn_view_cb cb, void *arg)
{
	struct synshield_settings settings;
	struct conn_clock clock;
	struct maps_walk w;
	int err, last = 0;
	__u32 i;

	err = maps_get(maps, MAP_SETTINGS, &settings);
	if (err)
		return err;
	fsm_configure(&clock.config, &settings);
	err = maps_walk_open(&w, maps, MAP_CONNS);
	while (!err && !last) {
		last = maps_walk_next(&w, maps, MAP_CONNS);
		if (last < 0)
			err = last;
		conn_clock_read(&clock);
		for (i = 0; i < w.count && !err; i++)
			err = call(maps, followed, &clock, (struct synshield_tuple *)w.keys + i,
				   (struct synshield_conn *)w.values + i, cb, arg);
	}
	maps_walk_close(&w);
	return err;
}
