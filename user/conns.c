/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "conns.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"
#include "jiffies.h"
#include "locals.h"
#include "log.h"
#include "sweep.h"

/* An LRU map begins to evict somewhat before it is full: each CPU keeps some free ones. */
#define ROOM(capacity) ((capacity) / 4 * 3)
/* Connections from this host to others are not in the counters. */
#define COUNT_SECONDS 30

struct learning {
	int fd;
	__u32 room, count;
	__u32 now;
};

static int capacity(const struct maps *maps, __u32 *entries)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(maps->fd[MAP_CONNS], &info, &len))
		return -errno;
	*entries = info.max_entries;
	return 0;
}

static bool loopback(const __u8 addr[16])
{
	static const __u8 ipv6[16] = {[15] = 1};

	return address_is_ipv4(addr) ? addr[12] == 127 : !memcmp(addr, ipv6, 16);
}

static int learn(const struct diag_socket *s, void *arg)
{
	struct synshield_tuple tuple = {.remote_port = s->remote_port, .local_port = s->local_port};
	struct synshield_conn conn = {.state = SYNSHIELD_CONN_ESTABLISHED};
	struct learning *l = arg;

	if (loopback(s->local))
		return 0;
	if (l->count++ >= l->room)
		return -ENOSPC;
	memcpy(tuple.remote, s->remote, sizeof(tuple.remote));
	memcpy(tuple.local, s->local, sizeof(tuple.local));
	conn.last_seen_jiffies = l->now;
	if (s->state == TCP_SYN_SENT)
		conn.state = SYNSHIELD_CONN_SYN_SENT;
	else if (s->state == TCP_SYN_RECV)
		conn.state = SYNSHIELD_CONN_SYN_RECEIVED;
	if (bpf_map_update_elem(l->fd, &tuple, &conn, BPF_NOEXIST) && errno != EEXIST)
		return -errno;
	return 0;
}

/* Every counter that an entry is made with; an upper bound, as not all make one. */
static __u64 entries_made(const struct maps *maps)
{
	struct synshield_stats s;

	if (maps_stats(maps, &s))
		return 0;
	return s.pass.calm + s.pass.cookie_ok + s.pass.kernel_cookie_ok + s.pass.adopted +
	       s.pass.cookie_not_due + s.pass.signed_syn;
}

/* Makes room, too, once half of it is taken. */
static int count_entries(const struct maps *maps, struct conns_watch *watch)
{
	void *keys, *values;
	size_t count;
	int err;

	watch->base = entries_made(maps);
	watch->age = 0;
	err = maps_dump(maps, MAP_CONNS, &keys, &values, &count);
	if (err)
		return err;
	if (count > ROOM(watch->capacity) / 2)
		count -= sweep_conns(maps, keys, values, count);
	watch->counted = count;
	free(keys);
	free(values);
	return 0;
}

int conns_learn(const struct maps *maps, struct conns_watch *watch)
{
	struct learning l = {.fd = maps->fd[MAP_CONNS], .now = jiffies_now()};
	int err;

	if (watch->patience) {
		watch->patience--;
		return 0;
	}
	err = capacity(maps, &watch->capacity);
	if (err)
		return err;
	l.room = ROOM(watch->capacity);
	err = diag_dump(DIAG_CONNECTIONS, learn, &l);
	if (err && err != -ENOSPC)
		return err;
	if (!err)
		err = count_entries(maps, watch);
	if (!err && watch->counted < l.room) {
		watch->told = false;
		return 1;
	}
	if (!watch->told)
		log_line("warning: room for %u connections, and more than %u are there: the shield "
			 "asks the kernel for those not tracked; --conns gives more room",
			 watch->capacity, l.room);
	watch->told = true;
	watch->patience = COUNT_SECONDS;
	return err == -ENOSPC ? 0 : err;
}

bool conns_may_have_evicted(const struct maps *maps, struct conns_watch *watch)
{
	__u32 room = ROOM(watch->capacity);

	if (++watch->age < COUNT_SECONDS &&
	    watch->counted + (entries_made(maps) - watch->base) < room)
		return false;
	return count_entries(maps, watch) || watch->counted >= room;
}
