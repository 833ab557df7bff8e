/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "sweep.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"
#include "jiffies.h"
#include "others.h"

struct tuple_list {
	struct synshield_tuple *at;
	size_t count, room;
	const struct locals *locals;
	int bound;
};

int conns_dump(const struct maps *maps, struct conns_dump *dump)
{
	return maps_dump(maps, MAP_CONNS, (void **)&dump->tuples, (void **)&dump->conns,
			 &dump->count);
}

void conns_dump_free(struct conns_dump *dump)
{
	free(dump->tuples);
	free(dump->conns);
}

bool conn_is_over(const struct synshield_conn *conn)
{
	return conn->remote.rst || conn->local.rst ||
	       (conn->remote.fin_acked && conn->local.fin_acked);
}

static int add_socket(const struct diag_socket *s, void *arg)
{
	struct tuple_list *list = arg;
	struct synshield_tuple *t;

	if (!list->bound)
		list->bound = others_bound(&list->locals->devices, list->locals->ifindex, s);
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 1024;

		t = reallocarray(list->at, room, sizeof(*t));
		if (!t)
			return -ENOMEM;
		list->at = t;
		list->room = room;
	}
	t = &list->at[list->count++];
	memcpy(t->remote, s->remote, sizeof(t->remote));
	memcpy(t->local, s->local, sizeof(t->local));
	t->remote_port = s->remote_port;
	t->local_port = s->local_port;
	return 0;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct synshield_tuple));
}

/* The kernel's clock may be ahead of jiffies_now(): what it has just seen is not idle. */
#define AHEAD_SECONDS 10

static bool is_idle(const struct synshield_conn *conn, __u32 now)
{
	__u32 seconds = conn_is_over(conn) ? SWEEP_OVER : SWEEP_IDLE, hz = jiffies_hz();

	return now - conn->last_seen_jiffies >= seconds * hz &&
	       conn->last_seen_jiffies - now > AHEAD_SECONDS * hz;
}

/* Unless it has come to life since the dump: a new connection may have taken its tuple. */
static bool remove_idle(int fd, const struct synshield_tuple *tuple, __u32 now)
{
	struct synshield_conn conn;

	return !bpf_map_lookup_elem(fd, tuple, &conn) && is_idle(&conn, now) &&
	       !bpf_map_delete_elem(fd, tuple);
}

bool sweep_one(const struct maps *maps, const struct synshield_tuple *tuple)
{
	return remove_idle(maps->fd[MAP_CONNS], tuple, jiffies_now());
}

static bool has_socket(const struct tuple_list *sockets, const struct synshield_tuple *tuple)
{
	return sockets->count &&
	       bsearch(tuple, sockets->at, sockets->count, sizeof(*sockets->at), compare);
}

static void sweep(int fd, const struct tuple_list *sockets, struct conns_dump *dump)
{
	__u32 now = jiffies_now();
	size_t i, kept = 0;

	for (i = 0; i < dump->count; i++) {
		if (is_idle(&dump->conns[i], now) && !has_socket(sockets, &dump->tuples[i]) &&
		    remove_idle(fd, &dump->tuples[i], now))
			continue;
		dump->tuples[kept] = dump->tuples[i];
		dump->conns[kept++] = dump->conns[i];
	}
	dump->count = kept;
}

void sweep_conns(const struct maps *maps, const struct locals *locals, struct conns_dump *dump,
		 int *bound)
{
	struct tuple_list sockets = {.locals = locals};

	if (!diag_dump(DIAG_CONNECTIONS, add_socket, &sockets)) {
		if (sockets.count)
			qsort(sockets.at, sockets.count, sizeof(*sockets.at), compare);
		sweep(maps->fd[MAP_CONNS], &sockets, dump);
		*bound = sockets.bound;
	}
	free(sockets.at);
}
