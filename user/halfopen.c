/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "halfopen.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "deeds.h"
#include "diag.h"
#include "jiffies.h"
#include "listeners.h"
#include "log.h"
#include "sockets.h"

/* An entry is read anew every second that SYNs come: one that is older is not short of room. */
#define FRESH_SECONDS 2
#define SAY_SECONDS 60

/* Requests of the listeners that are short of room. */
struct requests {
	struct listener_row *rows;
	size_t row_count;
	struct synshield_tuple *tuples;
	size_t count, room;
};

void halfopen_init(struct halfopen *h)
{
	*h = (struct halfopen){.sockets = -1};
}

void halfopen_close(struct halfopen *h)
{
	if (h->sockets >= 0)
		close(h->sockets);
	halfopen_init(h);
}

/* Half of what starts an attack; observe and off change nothing. */
static bool is_short(const struct synshield_listener *l, __u64 now)
{
	if (l->mode != SYNSHIELD_MODE_AUTO && l->mode != SYNSHIELD_MODE_ALWAYS)
		return false;
	if (l->cookies_until_jiffies > now)
		return true;
	return l->checked_jiffies + FRESH_SECONDS * jiffies_hz() >= now &&
	       l->half_open > l->half_open_limit / 2;
}

static int find_listeners(struct requests *r, const struct maps *maps)
{
	__u64 now = jiffies_now();
	size_t i, kept = 0;
	int err;

	err = listeners_read(maps, &r->rows, &r->row_count);
	for (i = 0; !err && i < r->row_count; i++) {
		if (is_short(&r->rows[i].value, now))
			r->rows[kept++] = r->rows[i]; /* in their order */
	}
	r->row_count = kept;
	return err;
}

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct synshield_listener_key));
}

static int collect(const struct diag_socket *s, void *arg)
{
	struct synshield_listener_key key = {.port = s->local_port};
	struct requests *r = arg;
	struct synshield_tuple *t;

	memcpy(key.addr, s->local, sizeof(key.addr));
	if (!bsearch(&key, r->rows, r->row_count, sizeof(*r->rows), compare_keys))
		return 0;
	if (r->count == r->room) {
		size_t room = r->room ? r->room * 2 : 256;

		t = reallocarray(r->tuples, room, sizeof(*t));
		if (!t)
			return -ENOMEM;
		r->tuples = t;
		r->room = room;
	}
	t = &r->tuples[r->count++];
	*t = (struct synshield_tuple){.remote_port = s->remote_port, .local_port = s->local_port};
	memcpy(t->remote, s->remote, sizeof(t->remote));
	memcpy(t->local, s->local, sizeof(t->local));
	return 0;
}

/*
 * `conns` knows of the third segment before the kernel does: what is half-open there a
 * moment before it is ended is so in the kernel, too.
 */
static int end_old(struct halfopen *h, struct closing *closing, const struct requests *r,
		   int ifindex, __u64 most, __u64 *ended)
{
	size_t i;
	int err;

	for (i = 0; i < r->count; i++) {
		if (closing_half_open_ns(closing, &r->tuples[i]) < most)
			continue;
		err = sockets_end(h->sockets, ifindex, &r->tuples[i], 1U << TCP_SYN_RECV);
		if (err == -ENOENT)
			continue;
		if (err)
			return err;
		closing_forget(closing, &r->tuples[i]);
		++*ended;
	}
	return 0;
}

static int refuse(struct halfopen *h, const char *ifname)
{
	if (!h->refused)
		log_line("%s: warning: half-open-timeout: this kernel ends no handshakes for "
			 "others (it lacks CONFIG_INET_DIAG_DESTROY): they take the kernel's time",
			 ifname);
	h->refused = true;
	return 0;
}

static int prepare(struct halfopen *h)
{
	if (h->sockets >= 0)
		return 0;
	h->sockets = sockets_open();
	if (h->sockets < 0)
		return h->sockets;
	return sockets_can_end(h->sockets);
}

static void say(struct halfopen *h, const char *ifname, __u32 seconds)
{
	__u64 now = jiffies_now();

	if (!h->ended || now - h->said_jiffies < SAY_SECONDS * jiffies_hz())
		return;
	log_line("%s: short of room for half-open handshakes: ended %llu that were older than %u s",
		 ifname, (unsigned long long)h->ended, seconds);
	h->ended = 0;
	h->said_jiffies = now;
}

int halfopen_follow(struct halfopen *h, struct closing *closing, const struct maps *maps,
		    const char *ifname, int ifindex, const struct synshield_settings *settings)
{
	struct synshield_daemon done = {0};
	struct requests r = {0};
	int err;

	if (!settings->half_open_timeout || h->refused)
		return 0;
	err = prepare(h);
	if (!err)
		err = find_listeners(&r, maps);
	if (!err && r.row_count)
		err = diag_dump(1U << DIAG_NEW_SYN_RECV | 1U << TCP_SYN_RECV, collect, &r);
	if (!err)
		err = end_old(h, closing, &r, ifindex, settings->half_open_timeout * SECOND_NS,
			      &done.half_open_ended);
	if (done.half_open_ended)
		deeds_add(maps, &done);
	h->ended += done.half_open_ended;
	say(h, ifname, settings->half_open_timeout);
	free(r.rows);
	free(r.tuples);
	return err == -EOPNOTSUPP ? refuse(h, ifname) : err;
}
