/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enforce.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"
#include "pin.h"
#include "stops.h"
#include "sweep.h"

#define BATCH 1024
#define SETTLE_US 50000
/* The mark of lists that are changed, and connections that are not cut off yet. */
#define CUTTING "cutting"

/* What the maps hold; on an error, which is said, they are closed. */
static int read_lists(struct enforcement *e, bool to_read)
{
	void *keys, *values;
	size_t count;
	int err;

	err = to_read ? 0 : listed_open(&e->listed, &e->maps);
	if (!err)
		err = maps_dump(&e->maps, MAP_LISTS, &keys, &values, &count);
	if (!err) {
		err = lists_from_map(&e->before, keys, values, count);
		free(keys);
		free(values);
	}
	if (!err)
		return 0;
	log_errno(err, "%s: cannot read the map lists", e->ifname);
	listed_close(&e->listed);
	maps_close(&e->maps);
	return err == -ENOENT ? -EIO : err;
}

static void begin(struct enforcement *e, const char *ifname)
{
	memset(e, 0, sizeof(*e));
	snprintf(e->ifname, sizeof(e->ifname), "%s", ifname);
	e->unfinished = pin_marked(ifname, CUTTING);
}

int enforce_open(struct enforcement *e, const char *ifname)
{
	int err;

	begin(e, ifname);
	err = maps_open(&e->maps, ifname);
	return err ? err : read_lists(e, false);
}

int enforce_open_to_read(struct enforcement *e, const char *ifname)
{
	int err;

	begin(e, ifname);
	err = maps_open_to_read(&e->maps, ifname);
	return err ? err : read_lists(e, true);
}

int enforce_take(struct enforcement *e, const struct maps *maps, const char *ifname)
{
	int err;

	begin(e, ifname);
	err = maps_copy(&e->maps, maps);
	return err ? log_errno(err, "%s: cannot read the map lists", ifname) : read_lists(e, false);
}

void enforce_close(struct enforcement *e)
{
	if (e->marked)
		pin_unmark(e->ifname, CUTTING);
	lists_free(&e->before);
	lists_free(&e->after);
	list_diff_free(&e->diff);
	listed_close(&e->listed);
	maps_close(&e->maps);
}

int enforce_plan(struct enforcement *e, enum list_verb verb, enum synshield_list list,
		 struct list_wishes *wishes)
{
	int err;

	err = lists_plan(&e->before, verb, list, wishes, &e->after, &e->tally);
	if (!err)
		err = lists_diff(&e->before, &e->after, &e->diff);
	return err ? log_errno(err, "%s: cannot prepare the change", e->ifname) : 0;
}

int enforce_plan_both(struct enforcement *e, const struct list_wishes wishes[])
{
	int err;

	err = lists_make(wishes, &e->after);
	if (!err)
		err = lists_diff(&e->before, &e->after, &e->diff);
	return err ? log_errno(err, "%s: cannot prepare the change", e->ifname) : 0;
}

/* -- the map -- */

static size_t batch_at(size_t at, size_t end)
{
	return end - at < BATCH ? end - at : BATCH;
}

static int put_rows(struct enforcement *e)
{
	struct synshield_list_key keys[BATCH];
	__u32 values[BATCH], count;
	size_t i, n;

	while (e->put < e->diff.puts) {
		const struct list_row *rows = &e->diff.put[e->put];

		n = batch_at(e->put, e->diff.puts);
		for (i = 0; i < n; i++) {
			keys[i] = rows[i].key;
			values[i] = rows[i].list;
		}
		e->put += n;
		count = n;
		if (bpf_map_update_batch(e->maps.fd[MAP_LISTS], keys, values, &count, NULL))
			return -errno;
	}
	return 0;
}

static int drop_rows(struct enforcement *e)
{
	const struct synshield_list_key *keys;
	__u32 count;

	while (e->dropped < e->diff.drops) {
		keys = &e->diff.drop[e->dropped];
		count = batch_at(e->dropped, e->diff.drops);
		e->dropped += count;
		if (bpf_map_delete_batch(e->maps.fd[MAP_LISTS], keys, &count, NULL))
			return -errno;
	}
	return 0;
}

static void raise_generation(struct synshield_settings *settings)
{
	if (!++settings->generation)
		settings->generation = 1;
}

/* Before prefixes go, too: who is killed in between has not left what was learned in force. */
static int forget_learned(const struct enforcement *e)
{
	struct synshield_settings settings;
	int err;

	err = maps_get(&e->maps, MAP_SETTINGS, &settings);
	if (err)
		return err;
	raise_generation(&settings);
	return maps_put(&e->maps, MAP_SETTINGS, &settings);
}

/*
 * The sources of prefixes that have gone may have connections that were not tracked: what
 * the daemon has learned holds no more, which a new generation says.
 */
static int write_settings(const struct enforcement *e, const struct lists *now)
{
	struct synshield_settings settings;
	__u32 listed = lists_count(now, SYNSHIELD_LIST_NONE);
	int err;

	err = maps_get(&e->maps, MAP_SETTINGS, &settings);
	if (err)
		return err;
	if (!e->put && !e->dropped && settings.listed == listed)
		return 0;
	settings.listed = listed;
	if (e->dropped)
		raise_generation(&settings);
	return maps_put(&e->maps, MAP_SETTINGS, &settings);
}

static void say_failure(const struct enforcement *e, int err)
{
	if (err == -ENOSPC)
		log_line("%s: no room: both lists together take %d prefixes, what is replaced "
			 "included until it is gone; nothing was changed",
			 e->ifname, SYNSHIELD_LISTS_MAX);
	else if (err == -ENOMEM)
		log_line("%s: the kernel has no memory for so many prefixes; nothing was changed",
			 e->ifname);
	else
		log_errno(err, "%s: cannot write the lists, nothing was changed", e->ifname);
}

int enforce_commit(struct enforcement *e)
{
	int err;

	if (e->diff.puts || e->diff.drops) {
		err = pin_mark(e->ifname, CUTTING);
		if (err)
			return err;
		e->marked = true;
	}
	err = listed_add(&e->listed, &e->after);
	STOP("lists-marked");
	if (!err)
		err = put_rows(e);
	STOP("lists-put");
	if (!err && e->diff.drops)
		err = forget_learned(e);
	if (!err)
		err = drop_rows(e);
	STOP("lists-dropped");
	if (!err)
		err = write_settings(e, &e->after);
	STOP("lists-counted");
	if (!err) {
		listed_fit(&e->listed, &e->after);
		STOP("lists-fitted");
		return 0;
	}
	say_failure(e, err);
	enforce_undo(e);
	return err;
}

static const struct list_row *row_of(const struct lists *lists, const struct list_row *like)
{
	return bsearch(like, lists->rows, lists->count, sizeof(*like), lists_compare);
}

/* New ones go first: a full map may have no room for the old ones else. */
void enforce_undo(struct enforcement *e)
{
	int fd = e->maps.fd[MAP_LISTS], err = 0;
	const struct list_row *old;
	struct list_row key = {};
	size_t i;

	for (i = 0; i < e->put; i++) {
		old = row_of(&e->before, &e->diff.put[i]);
		if (!old && bpf_map_delete_elem(fd, &e->diff.put[i].key) && errno != ENOENT)
			err = -errno;
		if (old && bpf_map_update_elem(fd, &old->key, &old->list, BPF_ANY))
			err = -errno;
	}
	for (i = 0; i < e->dropped; i++) {
		key.key = e->diff.drop[i];
		old = row_of(&e->before, &key);
		if (old && bpf_map_update_elem(fd, &old->key, &old->list, BPF_ANY))
			err = -errno;
	}
	e->marked &= !e->unfinished;
	if (!err)
		err = write_settings(e, &e->before);
	if (!err)
		listed_fit(&e->listed, &e->before);
	if (err)
		log_errno(err,
			  "%s: and cannot undo what was begun: 'allow list' and 'deny list' show "
			  "what is in force",
			  e->ifname);
}

/* -- connections -- */

/*
 * Without CPUs that are left alone by the tick, this is synchronize_rcu(): every program
 * that runs has begun after the lists were written.  With them, longer than any lasts.
 */
void enforce_settle(void)
{
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		usleep(SETTLE_US);
}

static bool is_cut(const struct enforcement *e, const __u8 remote[16])
{
	const struct list_row *row = lists_find(&e->after, remote);

	if (!row || row->list != SYNSHIELD_LIST_DENY)
		return false;
	return row->given || e->unfinished || !lists_deny(&e->before, remote);
}

static bool is_open(const struct synshield_conn *conn)
{
	return (conn->state == SYNSHIELD_CONN_PROVEN ||
		conn->state == SYNSHIELD_CONN_ESTABLISHED) &&
	       !conn_is_over(conn);
}

long enforce_cut(struct enforcement *e)
{
	struct conns_dump dump;
	long cut = 0;
	size_t i;
	int err;

	e->marked |= e->unfinished;
	if (!lists_count(&e->after, SYNSHIELD_LIST_DENY))
		return 0;
	err = conns_dump(&e->maps, &dump);
	if (err)
		return log_errno(err,
				 "%s: the lists are changed, but the map conns cannot be read: "
				 "connections of denied sources may go on",
				 e->ifname);
	for (i = 0; i < dump.count; i++) {
		if (is_cut(e, dump.tuples[i].remote) &&
		    !bpf_map_delete_elem(e->maps.fd[MAP_CONNS], &dump.tuples[i]) &&
		    is_open(&dump.conns[i]))
			cut++;
	}
	conns_dump_free(&dump);
	return cut;
}
