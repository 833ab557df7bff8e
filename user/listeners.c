/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "listeners.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"
#include "log.h"
#include "others.h"

/* the rest is for what the BPF program finds by itself */
#define WANTED_MAX (SYNSHIELD_LISTENERS_MAX / 4 * 3)

struct scan {
	const struct locals *locals;
	int bound;
	struct diag_socket *sockets;
	size_t socket_count;
	struct synshield_listener_key *wanted;
	size_t wanted_count;
};

static int compare_listener_rows(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct synshield_listener_key));
}

int listeners_read(const struct maps *maps, struct listener_row **rows, size_t *count)
{
	struct synshield_listener_key *keys;
	struct synshield_listener *values;
	size_t i;
	int err;

	*rows = NULL;
	err = maps_dump(maps, MAP_LISTENERS, (void **)&keys, (void **)&values, count);
	if (err)
		return err;
	*rows = calloc(*count + 1, sizeof(**rows));
	for (i = 0; *rows && i < *count; i++) {
		(*rows)[i].key = keys[i];
		(*rows)[i].value = values[i];
	}
	if (*rows)
		qsort(*rows, *count, sizeof(**rows), compare_listener_rows);
	else
		err = -ENOMEM;
	free(keys);
	free(values);
	return err;
}

static int want(struct scan *scan, const __u8 addr[16], __u16 port)
{
	struct synshield_listener_key key = {.port = port};

	if (scan->wanted_count >= WANTED_MAX)
		return 0;
	memcpy(key.addr, addr, sizeof(key.addr));
	scan->wanted[scan->wanted_count++] = key;
	return 0;
}

/* A socket on :: takes IPv4 too unless it says otherwise. */
static bool takes(const struct diag_socket *s, const __u8 addr[16])
{
	bool ipv4 = address_is_ipv4(addr);

	if (!address_is_any(s->local))
		return !memcmp(s->local, addr, 16);
	if (!s->ipv6 || address_is_ipv4(s->local))
		return ipv4;
	return !ipv4 || !s->v6only;
}

static int collect(const struct diag_socket *s, void *arg)
{
	struct scan *scan = arg;
	void *grown;
	size_t i;

	grown = realloc(scan->sockets, (scan->socket_count + 1) * sizeof(*s));
	if (!grown)
		return -ENOMEM;
	scan->sockets = grown;
	scan->sockets[scan->socket_count++] = *s;
	/* bound to another device: the BPF program finds no socket, and passes the SYN */
	if (s->ifindex && s->ifindex != scan->locals->ifindex) {
		if (!scan->bound)
			scan->bound =
				others_bound(&scan->locals->devices, scan->locals->ifindex, s);
		return 0;
	}
	if (!address_is_any(s->local))
		return locals_cover(scan->locals, s->local) ? want(scan, s->local, s->local_port)
							    : 0;
	for (i = 0; i < scan->locals->count; i++) {
		const struct synshield_local_key *key = &scan->locals->rows[i].key;

		if (key->prefixlen == 128 && takes(s, key->addr))
			want(scan, key->addr, s->local_port);
	}
	return 0;
}

static bool still_listens(const struct scan *scan, const struct synshield_listener_key *key)
{
	size_t i;

	for (i = 0; i < scan->socket_count; i++) {
		if (scan->sockets[i].local_port == key->port && takes(&scan->sockets[i], key->addr))
			return locals_cover(scan->locals, key->addr);
	}
	return false;
}

static int reconcile(const struct maps *maps, const struct scan *scan,
		     const struct listener_row *rows, size_t count)
{
	static const struct synshield_listener unread;
	size_t i;
	int err = 0;

	for (i = 0; i < count; i++) {
		if (!still_listens(scan, &rows[i].key))
			bpf_map_delete_elem(maps->fd[MAP_LISTENERS], &rows[i].key);
	}
	for (i = 0; i < scan->wanted_count; i++) {
		if (bsearch(&scan->wanted[i], rows, count, sizeof(*rows), compare_listener_rows))
			continue;
		if (bpf_map_update_elem(maps->fd[MAP_LISTENERS], &scan->wanted[i], &unread,
					BPF_NOEXIST) &&
		    errno != EEXIST)
			err = -errno;
	}
	return err;
}

int listeners_sync(const struct maps *maps, const struct locals *locals, int *bound)
{
	struct scan scan = {.locals = locals};
	struct listener_row *rows;
	size_t count;
	int err;

	/* the map first: a listener opened after that has no row to lose */
	err = listeners_read(maps, &rows, &count);
	if (err)
		return err;
	scan.wanted = calloc(WANTED_MAX, sizeof(*scan.wanted));
	err = scan.wanted ? diag_dump(1U << TCP_LISTEN, collect, &scan) : -ENOMEM;
	if (!err) {
		*bound = scan.bound;
		err = reconcile(maps, &scan, rows, count);
	}
	if (scan.wanted_count >= WANTED_MAX)
		log_detail("more than %d listening addresses: the rest is read when SYNs come",
			   WANTED_MAX);
	free(scan.sockets);
	free(scan.wanted);
	free(rows);
	return err;
}
