/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "sweep.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"
#include "jiffies.h"

struct tuple_list {
	struct synshield_tuple *at;
	size_t count, room;
};

static int add_socket(const struct diag_socket *s, void *arg)
{
	struct tuple_list *list = arg;
	struct synshield_tuple *t;

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

static bool is_idle(const struct synshield_conn *conn, __u32 now)
{
	return now - conn->last_seen_jiffies >= SWEEP_IDLE * jiffies_hz();
}

/* Unless it has come to life since the dump: a new connection may have taken its tuple. */
static bool remove_idle(int fd, const struct synshield_tuple *tuple, __u32 now)
{
	struct synshield_conn conn;

	return !bpf_map_lookup_elem(fd, tuple, &conn) && is_idle(&conn, now) &&
	       !bpf_map_delete_elem(fd, tuple);
}

size_t sweep_conns(const struct maps *maps, const struct synshield_tuple *tuples,
		   const struct synshield_conn *conns, size_t count)
{
	struct tuple_list sockets = {};
	__u32 now = jiffies_now();
	size_t i, removed = 0;

	if (!diag_dump(DIAG_CONNECTIONS, add_socket, &sockets)) {
		if (sockets.count)
			qsort(sockets.at, sockets.count, sizeof(*sockets.at), compare);
		for (i = 0; i < count; i++) {
			if (!is_idle(&conns[i], now) ||
			    (sockets.count && bsearch(&tuples[i], sockets.at, sockets.count,
						      sizeof(*sockets.at), compare)))
				continue;
			removed += remove_idle(maps->fd[MAP_CONNS], &tuples[i], now);
		}
	}
	free(sockets.at);
	return removed;
}
