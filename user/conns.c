/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "conns.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "diag.h"
#include "jiffies.h"
#include "log.h"
#include "others.h"
#include "sweep.h"

/* By default, of the machine's memory: */
#define CPU_KEEPS 128 /* the kernel's LOCAL_FREE_TARGET */
#define MEMORY_SHARE 256
#define CONN_BYTES 128 /* key, value, links, bucket */
#define CAPACITY_MIN 16384
#define CAPACITY_MAX 4194304
/* Between two counts, at most. */
#define COUNT_SECONDS 30

struct learning {
	const struct locals *locals;
	struct conns_watch *watch;
	struct bloom *bloom;
	int fd, lists_fd;
	__u32 room, count;
	__u32 now;
};

static __u32 power_of_2(__u32 least)
{
	__u32 n = 1;

	while (n < least && n <= UINT32_MAX / 2)
		n *= 2;
	return n;
}

__u32 conns_capacity(__u32 wanted)
{
	__u64 memory, fit;

	if (wanted)
		return power_of_2(wanted);
	memory = (__u64)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
	fit = memory / MEMORY_SHARE / CONN_BYTES;
	if (fit <= CAPACITY_MIN)
		return CAPACITY_MIN;
	if (fit >= CAPACITY_MAX)
		return CAPACITY_MAX;
	return power_of_2(fit / 2 + 1); /* rounded down */
}

/*
 * An LRU map begins to evict somewhat before it is full: each CPU keeps up to CPU_KEEPS
 * free entries to itself, or half of its share if that is less.
 */
__u32 conns_room(__u32 capacity)
{
	int cpus = libbpf_num_possible_cpus();
	__u32 kept = cpus > 0 ? (__u32)cpus * CPU_KEEPS : capacity;

	if (kept > capacity / 2)
		kept = capacity / 2;
	return kept > capacity / 4 ? capacity - kept : capacity / 4 * 3;
}

/*
 * What a socket's state tells of the segments that were sent.  The kernel acknowledges
 * a FIN at once.
 */
static const struct synshield_conn learned[] = {
	[TCP_ESTABLISHED] = {.state = SYNSHIELD_CONN_ESTABLISHED},
	[TCP_SYN_SENT] = {.state = SYNSHIELD_CONN_SYN_SENT, .local = {.syn = 1}},
	[TCP_SYN_RECV] = {.state = SYNSHIELD_CONN_SYN_RECEIVED, .remote = {.syn = 1}},
	[TCP_FIN_WAIT1] = {.state = SYNSHIELD_CONN_ESTABLISHED,
			   .local = {.fin = 1, .fin_first = 1}},
	[TCP_FIN_WAIT2] = {.state = SYNSHIELD_CONN_ESTABLISHED,
			   .local = {.fin = 1, .fin_first = 1},
			   .remote = {.fin_acked = 1}},
	[TCP_TIME_WAIT] = {.state = SYNSHIELD_CONN_ESTABLISHED,
			   .local = {.fin = 1, .fin_first = 1, .fin_acked = 1},
			   .remote = {.fin = 1, .fin_acked = 1}},
	[TCP_CLOSE_WAIT] = {.state = SYNSHIELD_CONN_ESTABLISHED,
			    .local = {.fin_acked = 1},
			    .remote = {.fin = 1, .fin_first = 1}},
	[TCP_LAST_ACK] = {.state = SYNSHIELD_CONN_ESTABLISHED,
			  .local = {.fin = 1, .fin_acked = 1},
			  .remote = {.fin = 1, .fin_first = 1}},
	[TCP_CLOSING] = {.state = SYNSHIELD_CONN_ESTABLISHED,
			 .local = {.fin = 1, .fin_first = 1, .fin_acked = 1},
			 .remote = {.fin = 1, .fin_first = 1}},
};

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
	struct learning *l = arg;
	struct synshield_conn conn;

	if (loopback(s->local) || s->state >= sizeof(learned) / sizeof(*learned))
		return 0;
	if (!l->watch->bound)
		l->watch->bound = others_bound(&l->locals->devices, l->locals->ifindex, s);
	if (l->count++ >= l->room)
		return -ENOSPC;
	memcpy(tuple.remote, s->remote, sizeof(tuple.remote));
	memcpy(tuple.local, s->local, sizeof(tuple.local));
	if (denied(l, tuple.remote))
		return 0;
	conn = learned[s->state];
	conn.last_seen_jiffies = l->now;
	bloom_enter(l->bloom, &tuple);
	if (bpf_map_update_elem(l->fd, &tuple, &conn, BPF_NOEXIST))
		return errno == EEXIST ? 0 : -errno;
	if (denied(l, tuple.remote))
		bpf_map_delete_elem(l->fd, &tuple);
	return 0;
}

/* How many entries there is room for before any is evicted; makes room once half is taken. */
static int count_entries(const struct maps *maps, const struct locals *locals,
			 struct conns_watch *watch)
{
	struct synshield_tracking tracking;
	__u32 room = conns_room(watch->capacity);
	struct conns_dump dump;
	int err;

	watch->until = 0;
	watch->age = 0;
	/* before the dump: what is made meanwhile counts twice, which is safe */
	err = maps_get(maps, MAP_TRACKING, &tracking);
	if (!err)
		err = conns_dump(maps, &dump);
	if (err)
		return err;
	if (dump.count > room / 2)
		sweep_conns(maps, locals, &dump, &watch->bound);
	watch->counted = tracking.made;
	if (dump.count < room)
		watch->until = tracking.made + (room - dump.count);
	conns_dump_free(&dump);
	return 0;
}

int conns_learn(const struct maps *maps, const struct locals *locals, struct bloom *bloom,
		struct conns_watch *watch)
{
	struct learning l = {.locals = locals,
			     .watch = watch,
			     .bloom = bloom,
			     .fd = maps->fd[MAP_CONNS],
			     .lists_fd = maps->fd[MAP_LISTS],
			     .now = jiffies_now()};
	int err;

	if (watch->patience) {
		watch->patience--;
		return 0;
	}
	err = maps_capacity(maps, MAP_CONNS, &watch->capacity);
	if (err)
		return err;
	l.room = conns_room(watch->capacity);
	watch->bound = 0;
	err = diag_dump(DIAG_CONNECTIONS, learn, &l);
	if (err && err != -ENOSPC)
		return err;
	if (!err)
		err = count_entries(maps, locals, watch);
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

/* To count is a walk through the map: only where it may give back what new entries have taken. */
static bool is_count_due(struct conns_watch *watch, __u64 made)
{
	__u64 left = watch->until - made;

	if (++watch->age < COUNT_SECONDS && left > conns_room(watch->capacity) / 4)
		return false;
	return made - watch->counted > left / 8;
}

int conns_follow(const struct maps *maps, const struct locals *locals, struct conns_watch *watch)
{
	struct synshield_tracking tracking;
	int err;

	err = maps_get(maps, MAP_TRACKING, &tracking);
	if (err)
		return err;
	if (tracking.made >= watch->until)
		return 0;
	if (!is_count_due(watch, tracking.made))
		return 1;
	err = count_entries(maps, locals, watch);
	return err ? err : !!watch->until;
}
