/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "view.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>

#include "log.h"

void view_init(struct view *view, struct table *table, const struct maps *maps)
{
	*view = (struct view){.table = table, .fd = maps->fd[MAP_CLOSING]};
}

void view_touch(struct view *view, struct tracked *t)
{
	if (t->dirty)
		return;
	if (view->count == VIEW_BATCH)
		view_flush(view);
	t->dirty = 1;
	view->dirty[view->count++] = t;
}

static void fill(struct synshield_closing *value, const struct tracked *t)
{
	*value = (struct synshield_closing){
		.remote = t->fsm.side[FSM_REMOTE].state,
		.local = t->fsm.side[FSM_LOCAL].state,
		.since_ns = t->since_ns,
		.moved_ns = t->moved_ns,
		.deadline_ns = t->fsm.deadline,
	};
}

/* A batch stops at the first element that fails: the others are none the worse for it. */
static void put(struct view *view, const struct synshield_tuple *tuples,
		const struct synshield_closing *values, __u32 count)
{
	__u32 at = 0, n;

	while (at < count) {
		n = count - at;
		if (!bpf_map_update_batch(view->fd, tuples + at, values + at, &n, NULL))
			return;
		if (!view->refused++)
			log_errno(-errno,
				  "warning: the map closing does not show every connection");
		at += n + 1;
	}
}

static void drop(struct view *view, const struct synshield_tuple *tuples, __u32 count)
{
	__u32 at = 0, n;

	while (at < count) {
		n = count - at;
		if (!bpf_map_delete_batch(view->fd, tuples + at, &n, NULL))
			return;
		at += n + 1;
	}
}

static void hide(struct view *view, struct tracked *t)
{
	if (!t->shown)
		return;
	view->remote[t->shown_remote]--;
	view->local[t->shown_local]--;
	t->shown = 0;
}

static void show(struct view *view, struct tracked *t, enum synshield_tcp_state remote,
		 enum synshield_tcp_state local)
{
	hide(view, t);
	view->remote[remote]++;
	view->local[local]++;
	t->shown_remote = remote;
	t->shown_local = local;
	t->shown = 1;
}

void view_flush(struct view *view)
{
	static struct synshield_tuple puts[VIEW_BATCH], drops[VIEW_BATCH];
	static struct synshield_closing values[VIEW_BATCH];
	__u32 put_count = 0, drop_count = 0;
	size_t i;

	for (i = 0; i < view->count; i++) {
		struct tracked *t = view->dirty[i];

		t->dirty = 0;
		if (t->known && t->live) {
			fill(&values[put_count], t);
			show(view, t, values[put_count].remote, values[put_count].local);
			puts[put_count++] = t->tuple;
		} else if (t->shown) {
			drops[drop_count++] = t->tuple;
			hide(view, t);
		}
		if (t->dead)
			table_remove(view->table, t);
	}
	view->count = 0;
	drop(view, drops, drop_count);
	put(view, puts, values, put_count);
}

static void recall(struct view *view, const struct synshield_tuple *tuple,
		   const struct synshield_closing *value)
{
	struct tracked *t = table_add(view->table, tuple);

	if (!t)
		return;
	show(view, t, value->remote, value->local);
	t->live = 1;
	t->remote = value->remote;
	t->local = value->local;
	t->since_ns = value->since_ns;
	t->moved_ns = value->moved_ns;
	t->fsm.deadline = value->deadline_ns;
}

int view_load(struct view *view)
{
	struct synshield_closing *values;
	struct synshield_tuple *tuples;
	struct maps maps = {0};
	size_t count, i;
	int err;

	maps.fd[MAP_CLOSING] = view->fd;
	err = maps_dump(&maps, MAP_CLOSING, (void **)&tuples, (void **)&values, &count);
	if (err)
		return err;
	for (i = 0; i < count; i++)
		recall(view, &tuples[i], &values[i]);
	free(tuples);
	free(values);
	return 0;
}
