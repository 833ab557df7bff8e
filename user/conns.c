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
/* Between two counts, at most. */
#define COUNT_SECONDS 30

struct learning {
	int fd, lists_fd;
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

static bool denied(const struct learning *l, const __u8 remote[16])
{
	struct synshield_list_key key = {.prefixlen = 128};
	__u32 list;

	memcpy(key.addr, remote, sizeof(key.addr));
	return !bpf_map_lookup_elem(l->lists_fd, &key, &list) && list == SYNSHIELD_LIST_DENY;
}

/*
 * A denied source's connections are cut off by not being in the map, while the kernel
 * still has their sockets.  `deny` writes its list before it cleans the map: whichever
 * comes last, it or the second look, sees the other.
 */
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
	if (denied(l, tuple.remote))
		return 0;
	conn.last_seen_jiffies = l->now;
	if (s->state == TCP_SYN_SENT)
		conn.state = SYNSHIELD_CONN_SYN_SENT;
	else if (s->state == TCP_SYN_RECV)
		conn.state = SYNSHIELD_CONN_SYN_RECEIVED;
	if (bpf_map_update_elem(l->fd, &tuple, &conn, BPF_NOEXIST))
		return errno == EEXIST ? 0 : -errno;
	if (denied(l, tuple.remote))
		bpf_map_delete_elem(l->fd, &tuple);
	return 0;
}

/* How many entries there is room for before any is evicted; makes room once half is taken. */
static int count_entries(const struct maps *maps, struct conns_watch *watch)
{
	struct synshield_tracking tracking;
	__u32 room = ROOM(watch->capacity);
	void *keys, *values;
	size_t count;
	int err;

	watch->until = 0;
	watch->age = 0;
	/* before the dump: what is made meanwhile counts twice, which is safe */
	err = maps_get(maps, MAP_TRACKING, &tracking);
	if (!err)
		err = maps_dump(maps, MAP_CONNS, &keys, &values, &count);
	if (err)
		return err;
	if (count > room / 2)
		count -= sweep_conns(maps, keys, values, count);
	if (count < room)
		watch->until = tracking.made + (room - count);
	free(keys);
	free(values);
	return 0;
}

int conns_learn(const struct maps *maps, struct conns_watch *watch)
{
	struct learning l = {
		.fd = maps->fd[MAP_CONNS], .lists_fd = maps->fd[MAP_LISTS], .now = jiffies_now()};
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
	if (!err && watch->until) {
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

int conns_follow(const struct maps *maps, struct conns_watch *watch)
{
	struct synshield_tracking tracking;
	__u64 until = watch->until;
	int err;

	err = maps_get(maps, MAP_TRACKING, &tracking);
	if (err)
		return err;
	if (tracking.made >= until)
		return 0;
	if (++watch->age < COUNT_SECONDS && until - tracking.made > ROOM(watch->capacity) / 4)
		return 1;
	err = count_entries(maps, watch);
	return err ? err : !!watch->until;
}
