/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "surmise.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 65536
#define PORTS 65536

/* What befell SYNs to a port. */
#define PORT_ASKED 1
#define PORT_ANSWERED 2
#define PORT_REFUSED 4

struct surmise {
	bool told; /* local is the operator's */
	struct synshield_list_key *locals;
	size_t local_count, local_room;
	__u32 *by_addr; /* index + 1 in locals, by hash; a power of 2 */
	size_t slots;
	__u8 port[PORTS];
	struct surmise_conn *bucket[BUCKETS];
	size_t count;
};

static __u32 hash(const void *data, size_t len)
{
	const __u8 *p = data;
	__u32 h = 2166136261u;

	while (len--)
		h = (h ^ *p++) * 16777619u;
	return h ^ h >> 16;
}

struct surmise *surmise_new(const struct synshield_list_key *local)
{
	struct surmise *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->local_room = local ? 1 : SYNSHIELD_LOCALS_MAX;
	s->slots = 4 * SYNSHIELD_LOCALS_MAX;
	s->locals = calloc(s->local_room, sizeof(*s->locals));
	s->by_addr = calloc(s->slots, sizeof(*s->by_addr));
	if (!s->locals || !s->by_addr) {
		surmise_free(s);
		return NULL;
	}
	if (local) {
		s->told = true;
		s->locals[s->local_count++] = *local;
	}
	return s;
}

void surmise_free(struct surmise *s)
{
	struct surmise_conn *c;
	size_t i;

	if (!s)
		return;
	for (i = 0; i < BUCKETS; i++) {
		while ((c = s->bucket[i])) {
			s->bucket[i] = c->next;
			free(c);
		}
	}
	free(s->locals);
	free(s->by_addr);
	free(s);
}

/* --- addresses --- */

/* Where the address is, or would be. */
static __u32 *slot_of(const struct surmise *s, const __u8 addr[16])
{
	__u32 i = hash(addr, 16);

	for (;; i++) {
		__u32 *slot = &s->by_addr[i & (s->slots - 1)];

		if (!*slot || !memcmp(s->locals[*slot - 1].addr, addr, 16))
			return slot;
	}
}

static bool is_local(const struct surmise *s, const __u8 addr[16])
{
	return s->told ? cidr_holds(&s->locals[0], addr) : *slot_of(s, addr);
}

static int add_local(struct surmise *s, const __u8 addr[16])
{
	__u32 *slot = slot_of(s, addr);

	if (*slot)
		return 0;
	if (s->local_count == s->local_room)
		return -ENOSPC;
	s->locals[s->local_count].prefixlen = 128;
	memcpy(s->locals[s->local_count].addr, addr, 16);
	*slot = ++s->local_count;
	return 0;
}

/*
 * The server is the end that a SYN goes to, or a SYN-ACK comes from, unless the other
 * end is known to be one: this host may be a client, too.
 */
int surmise_addresses(struct surmise *s, const struct frame *f)
{
	const __u8 *server = f->target, *client = f->source;

	if (s->told || f->kind != FRAME_TCP || !(f->flags & TH_SYN) || f->flags & TH_RST)
		return 0;
	if (f->flags & TH_ACK) {
		server = f->source;
		client = f->target;
	}
	return is_local(s, client) ? 0 : add_local(s, server);
}

/* Of a conversation whose opening is not there, the end with the lower port. */
static int surmise_server(struct surmise *s, const struct frame *f)
{
	if (s->told || is_local(s, f->source) || is_local(s, f->target))
		return 0;
	return add_local(s, f->source_port < f->target_port ? f->source : f->target);
}

enum surmise_way surmise_way(const struct surmise *s, const struct frame *f)
{
	if (is_local(s, f->target))
		return WAY_IN;
	return is_local(s, f->source) ? WAY_OUT : WAY_NONE;
}

size_t surmise_locals(const struct surmise *s, const struct synshield_list_key **locals)
{
	*locals = s->locals;
	return s->local_count;
}

/* --- connections --- */

void surmise_tuple(const struct frame *f, enum surmise_way way, struct synshield_tuple *t)
{
	bool out = way == WAY_OUT;

	memcpy(t->remote, out ? f->target : f->source, 16);
	memcpy(t->local, out ? f->source : f->target, 16);
	t->remote_port = out ? f->target_port : f->source_port;
	t->local_port = out ? f->source_port : f->target_port;
}

struct surmise_conn *surmise_find(const struct surmise *s, const struct synshield_tuple *t)
{
	struct surmise_conn *c = s->bucket[hash(t, sizeof(*t)) % BUCKETS];

	while (c && memcmp(&c->tuple, t, sizeof(*t)))
		c = c->next;
	return c;
}

static struct surmise_conn *add_conn(struct surmise *s, const struct synshield_tuple *t)
{
	struct surmise_conn **bucket = &s->bucket[hash(t, sizeof(*t)) % BUCKETS];
	struct surmise_conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->tuple = *t;
	c->next = *bucket;
	*bucket = c;
	s->count++;
	return c;
}

static void note_port(struct surmise *s, const struct frame *f, enum surmise_way way,
		      const struct surmise_conn *c)
{
	switch (f->flags & (TH_SYN | TH_ACK | TH_RST)) {
	case TH_SYN:
		if (way == WAY_IN)
			s->port[f->target_port] |= PORT_ASKED;
		break;
	case TH_SYN | TH_ACK:
		if (way == WAY_OUT)
			s->port[f->source_port] |= PORT_ANSWERED;
		break;
	case TH_RST | TH_ACK:
		if (way == WAY_OUT && c->opens && !c->spoken)
			s->port[f->source_port] |= PORT_REFUSED;
		break;
	}
}

int surmise_conns(struct surmise *s, const struct frame *f)
{
	enum surmise_way way;
	struct synshield_tuple t;
	struct surmise_conn *c;
	int err;

	if (f->kind != FRAME_TCP)
		return 0;
	err = surmise_server(s, f);
	if (err)
		return err;
	way = surmise_way(s, f);
	if (way == WAY_NONE)
		return 0;
	surmise_tuple(f, way, &t);
	c = surmise_find(s, &t);
	if (!c) {
		c = add_conn(s, &t);
		if (!c)
			return -ENOMEM;
		c->opens = f->flags & TH_SYN;
	}
	note_port(s, f, way, c);
	if (way == WAY_OUT && !(f->flags & TH_RST))
		c->spoken = true;
	return 0;
}

/* Nothing says that it was closed. */
bool surmise_is_open(const struct surmise *s, __u16 port)
{
	__u8 p = s->port[port];

	return p & PORT_ANSWERED || (p & PORT_ASKED && !(p & PORT_REFUSED));
}

size_t surmise_count(const struct surmise *s)
{
	return s->count;
}
