/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "hints.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "locals.h"

/* From how many on it is more than the usual coming and going. */
#define FIN_WAIT_2_MANY 100
#define HALF_OPEN_MANY 64
#define COOKIES_MANY 100
/* A repeated SYN is the second of two. */
#define SYNS_REPEATED 2
/* The range of a client whose sysctls are not known: Linux's default. */
#define PORTS_USUAL 28232

/* --- what it comes to --- */

static void say(struct hint *h, const char *name, const char *means, const char *mend,
		const char *fmt, ...) __attribute__((format(printf, 5, 6)));

static void say(struct hint *h, const char *name, const char *means, const char *mend,
		const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(h->seen, sizeof(h->seen), fmt, ap);
	va_end(ap);
	h->name = name;
	h->means = means;
	h->mend = mend;
}

static const char *s_if(__u64 n)
{
	return n == 1 ? "" : "s";
}

/* A SYN flood: cookies that nobody brings back, or requests from everywhere. */
static int find_flood(const struct hints_summary *s, struct hint *h)
{
	__u64 half_open = s->local[SYNSHIELD_TCP_SYN_RECEIVED];
	bool random =
		2 * s->half_open_sources >= half_open || s->half_open_sources >= HINTS_SOURCES_MAX;
	static const char means[] = "a SYN flood: nobody answers at addresses that were made up";
	static const char mend[] =
		"modes auto and always answer with cookies, which need no memory; "
		"'synshield status' shows which listeners do";

	if (s->cookies >= COOKIES_MANY && s->completed < s->cookies / 4) {
		say(h, "syn-flood", means, mend,
		    "%llu SYNs were answered with a cookie, and %llu handshakes completed",
		    s->cookies, s->completed);
		return 1;
	}
	if (half_open < HALF_OPEN_MANY)
		return 0;
	if (random) {
		say(h, "syn-flood", means, mend,
		    "%llu half-open handshakes, from %s%llu addresses in %llu prefixes", half_open,
		    s->half_open_sources < HINTS_SOURCES_MAX ? "" : "at least ",
		    s->half_open_sources, s->half_open_prefixes);
		return 1;
	}
	say(h, "half-open", "few clients open and do not go on: a scan, or the SYN-ACKs are lost",
	    "see that they have a route back; 'synshield deny add' shuts out who means harm",
	    "%llu half-open handshakes, from %llu address%s", half_open, s->half_open_sources,
	    s->half_open_sources == 1 ? "" : "es");
	return 1;
}

static int find_close_wait(const struct hints_summary *s, struct hint *h)
{
	const struct hints_group *g = &s->close_wait;

	if (!g->count)
		return 0;
	say(h, "close-wait", "the remote end has closed, and the application here has not",
	    "it has to close() once it has read the end: look for leaked sockets ('ss -tnp state "
	    "close-wait' names the process)",
	    "%llu connection%s idle in CLOSE_WAIT for more than %d s; %llu"
	    " of local port %u",
	    g->count, s_if(g->count), HINTS_CLOSE_WAIT_IDLE, g->most, g->port);
	return 1;
}

static int find_fin_wait_2(const struct hints_summary *s, struct hint *h)
{
	const struct hints_group *g = &s->fin_wait_2;
	char text[ADDRESS_TEXT];

	if (g->count < FIN_WAIT_2_MANY || g->count < s->local[SYNSHIELD_TCP_ESTABLISHED] / 4)
		return 0;
	say(h, "fin-wait-2", "this host has closed, and the remote ends do not",
	    "the peers hang in CLOSE_WAIT, or went away; net.ipv4.tcp_fin_timeout bounds how long "
	    "the kernel waits",
	    "%llu connections in FIN_WAIT_2; %llu with %s", g->count, g->most,
	    address_text(text, g->addr, g->port));
	return 1;
}

static int find_local_ports(const struct hints_summary *s, struct hint *h)
{
	const struct hints_group *g = &s->local_ports;
	char text[ADDRESS_TEXT];

	if (!s->local_range || g->most < s->local_range / 2)
		return 0;
	say(h, "time-wait-local",
	    "this host opens, and closes first: each port is in TIME_WAIT for 2 MSL before it can "
	    "go there again",
	    "keep connections open and use them again, let the server close first, or widen "
	    "net.ipv4.ip_local_port_range (and tcp_tw_reuse=1)",
	    "%llu of %u local ports to %s in TIME_WAIT", g->most, s->local_range,
	    address_text(text, g->addr, g->port));
	return 1;
}

static int find_remote_ports(const struct hints_summary *s, struct hint *h)
{
	const struct hints_group *g = &s->remote_ports;
	char text[ADDRESS_TEXT], *colon;

	if (g->most < PORTS_USUAL / 2)
		return 0;
	address_text(text, g->addr, 0);
	colon = strrchr(text, ':');
	if (colon)
		*colon = 0;
	say(h, "time-wait-remote",
	    "that client (a proxy?) opens, and closes first: it runs out of ports, not this host",
	    "have it keep connections open and use them again, or take more addresses",
	    "%llu ports of %s in TIME_WAIT for local port %u (its range may be %u)", g->most, text,
	    g->port, PORTS_USUAL);
	return 1;
}

static int find_unanswered(const struct hints_summary *s, struct hint *h)
{
	const struct hints_group *g = &s->unanswered;
	char text[ADDRESS_TEXT];

	if (!g->count)
		return 0;
	say(h, "syn-unanswered",
	    "the remote host is down, or a firewall drops: a closed port would "
	    "answer with a RST",
	    "see whether the address is right and the way there and back is open",
	    "%llu SYN%s of this host repeated without an answer; %llu to %s", g->count,
	    s_if(g->count), g->most, address_text(text, g->addr, g->port));
	return 1;
}

int hints_find(const struct hints_summary *s, struct hint hints[HINTS_MAX])
{
	int n = 0;

	n += find_flood(s, &hints[n]);
	n += find_close_wait(s, &hints[n]);
	n += find_fin_wait_2(s, &hints[n]);
	n += find_local_ports(s, &hints[n]);
	n += find_remote_ports(s, &hints[n]);
	n += find_unanswered(s, &hints[n]);
	return n;
}

/* --- adding up --- */

#define SECOND 1000000000ULL
#define MEMBERS 4096 /* of a group that are told apart; a power of 2 */
#define PROBES 16
#define DISTINCT 16384 /* a power of 2, and more than HINTS_SOURCES_MAX */

struct member {
	__u8 addr[16];
	__u16 port;
	__u32 count;
};

/* Where there are too many members those with fewest connections are forgotten. */
struct members {
	__u64 count;
	struct member at[MEMBERS];
};

/* A set of hashes. */
struct distinct {
	__u32 count;
	__u64 at[DISTINCT];
};

struct hints_tally {
	__u64 local[SYNSHIELD_TCP_STATES_MAX];
	struct members close_wait, fin_wait_2, unanswered, local_ports, remote_ports;
	struct distinct sources, prefixes;
};

static __u64 hash(const __u8 addr[16], __u16 port)
{
	__u64 words[2], h;

	memcpy(words, addr, 16);
	h = words[0] * 0x9e3779b97f4a7c15ULL ^ (words[1] + port) * 0xbf58476d1ce4e5b9ULL;
	h ^= h >> 29;
	h *= 0x94d049bb133111ebULL;
	return (h ^ h >> 32) | 1; /* never 0 */
}

static void count_member(struct members *m, const __u8 addr[16], __u16 port)
{
	static const __u8 none[16];
	struct member *least = NULL, *p;
	__u64 h;
	int i;

	m->count++;
	if (!addr)
		addr = none;
	h = hash(addr, port) >> 1;
	for (i = 0; i < PROBES; i++) {
		p = &m->at[(h + i) % MEMBERS];
		if (p->count && p->port == port && !memcmp(p->addr, addr, 16)) {
			p->count++;
			return;
		}
		if (!least || p->count < least->count)
			least = p;
	}
	*least = (struct member){.port = port, .count = 1};
	memcpy(least->addr, addr, 16);
}

static void count_distinct(struct distinct *d, __u64 value)
{
	__u32 i = value >> 1;

	if (d->count >= HINTS_SOURCES_MAX)
		return;
	for (;; i++) {
		__u64 *p = &d->at[i % DISTINCT];

		if (*p == value)
			return;
		if (!*p) {
			*p = value;
			d->count++;
			return;
		}
	}
}

static void count_half_open(struct hints_tally *t, const __u8 remote[16])
{
	__u8 prefix[16] = {};

	count_distinct(&t->sources, hash(remote, 0));
	memcpy(prefix, remote, address_is_ipv4(remote) ? 15 : 8);
	count_distinct(&t->prefixes, hash(prefix, 0));
}

static void count_time_wait(struct hints_tally *t, const struct conn_view *v)
{
	if (v->local == SYNSHIELD_TCP_TIME_WAIT && v->opener == CONN_OPENED_LOCAL)
		count_member(&t->local_ports, v->tuple.remote, v->tuple.remote_port);
	if (v->remote == SYNSHIELD_TCP_TIME_WAIT && v->opener == CONN_OPENED_REMOTE)
		count_member(&t->remote_ports, v->tuple.remote, v->tuple.local_port);
}

struct hints_tally *hints_tally_new(void)
{
	return calloc(1, sizeof(struct hints_tally));
}

void hints_tally_free(struct hints_tally *t)
{
	free(t);
}

void hints_tally_add(struct hints_tally *t, const struct conn_view *v)
{
	t->local[v->local]++;
	count_time_wait(t, v);
	switch (v->local) {
	case SYNSHIELD_TCP_SYN_RECEIVED:
		count_half_open(t, v->tuple.remote);
		break;
	case SYNSHIELD_TCP_SYN_SENT:
		if (v->local_segments >= SYNS_REPEATED)
			count_member(&t->unanswered, v->tuple.remote, v->tuple.remote_port);
		break;
	case SYNSHIELD_TCP_CLOSE_WAIT:
		if (v->idle > HINTS_CLOSE_WAIT_IDLE * SECOND)
			count_member(&t->close_wait, NULL, v->tuple.local_port);
		break;
	case SYNSHIELD_TCP_FIN_WAIT_2:
		if (v->opener == CONN_OPENED_LOCAL)
			count_member(&t->fin_wait_2, v->tuple.remote, v->tuple.remote_port);
		else
			count_member(&t->fin_wait_2, v->tuple.local, v->tuple.local_port);
		break;
	default:
		break;
	}
}

static struct hints_group sum_members(const struct members *m)
{
	struct hints_group g = {.count = m->count};
	int i;

	for (i = 0; i < MEMBERS; i++) {
		if (m->at[i].count <= g.most)
			continue;
		g.most = m->at[i].count;
		g.port = m->at[i].port;
		memcpy(g.addr, m->at[i].addr, 16);
	}
	return g;
}

void hints_tally_sum(const struct hints_tally *t, struct hints_summary *s)
{
	memcpy(s->local, t->local, sizeof(s->local));
	s->close_wait = sum_members(&t->close_wait);
	s->fin_wait_2 = sum_members(&t->fin_wait_2);
	s->unanswered = sum_members(&t->unanswered);
	s->local_ports = sum_members(&t->local_ports);
	s->remote_ports = sum_members(&t->remote_ports);
	s->half_open_sources = t->sources.count;
	s->half_open_prefixes = t->prefixes.count;
}
