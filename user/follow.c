/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "follow.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 16384 /* a power of 2 */
#define BLOCK 1024    /* connections that are allocated at a time */

struct follow {
	struct fsm_config config;
	struct followed *bucket[BUCKETS];
	struct followed **blocks;
	size_t count, room, forgotten;
	size_t hand; /* where the search for one to forget goes on */
	__u64 next;  /* no deadline is before */
	unsigned int ids;
};

/* --- the table --- */

struct follow *follow_new(const struct fsm_config *config, size_t room)
{
	struct follow *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->blocks = calloc(room / BLOCK + 1, sizeof(*f->blocks));
	if (!f->blocks) {
		free(f);
		return NULL;
	}
	f->config = *config;
	f->room = room;
	f->next = FSM_NEVER;
	return f;
}

void follow_free(struct follow *f)
{
	size_t i;

	if (!f)
		return;
	for (i = 0; i <= f->room / BLOCK; i++)
		free(f->blocks[i]);
	free(f->blocks);
	free(f);
}

static struct followed *at(const struct follow *f, size_t i)
{
	return &f->blocks[i / BLOCK][i % BLOCK];
}

static struct followed **bucket_of(struct follow *f, const struct synshield_tuple *t)
{
	const __u8 *p = (const __u8 *)t;
	__u32 h = 2166136261u;
	size_t i;

	for (i = 0; i < sizeof(*t); i++)
		h = (h ^ p[i]) * 16777619u;
	return &f->bucket[(h ^ h >> 16) % BUCKETS];
}

static struct followed *find(struct follow *f, const struct synshield_tuple *t)
{
	struct followed *c;

	for (c = *bucket_of(f, t); c; c = c->next) {
		if (!memcmp(&c->tuple, t, sizeof(*t)))
			return c;
	}
	return NULL;
}

const struct followed *follow_find(const struct follow *f, const struct synshield_tuple *t)
{
	return find((struct follow *)f, t);
}

static bool state_is_none(enum synshield_tcp_state state)
{
	return state == SYNSHIELD_TCP_CLOSED || state == SYNSHIELD_TCP_LISTEN;
}

enum synshield_tcp_state follow_state(const struct followed *c, enum fsm_end end)
{
	return c->dead ? SYNSHIELD_TCP_CLOSED : c->fsm.side[end].state;
}

static bool is_over(const struct followed *c)
{
	return state_is_none(follow_state(c, FSM_REMOTE)) &&
	       state_is_none(follow_state(c, FSM_LOCAL));
}

static void unlink_one(struct follow *f, struct followed *c)
{
	struct followed **p = bucket_of(f, &c->tuple);

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
}

/* A few are looked at, for one that is over. */
static struct followed *recycle(struct follow *f)
{
	struct followed *c = NULL;
	int i;

	for (i = 0; i < 64; i++) {
		c = at(f, f->hand++ % f->room);
		if (is_over(c))
			break;
	}
	f->forgotten++;
	unlink_one(f, c);
	return c;
}

static struct followed *add(struct follow *f, const struct synshield_tuple *t, __u64 now)
{
	struct followed *c, **bucket;

	if (f->count == f->room) {
		c = recycle(f);
	} else {
		struct followed **block = &f->blocks[f->count / BLOCK];

		if (!*block)
			*block = calloc(BLOCK, sizeof(**block));
		if (!*block)
			return NULL;
		c = at(f, f->count++);
	}
	bucket = bucket_of(f, t);
	*c = (struct followed){.tuple = *t, .first = now, .last = now, .next = *bucket};
	fsm_init(&c->fsm);
	*bucket = c;
	return c;
}

static bool has_ended(const struct synshield_conn *conn)
{
	return conn->remote.fin || conn->local.fin || conn->remote.rst || conn->local.rst;
}

int follow_seed(struct follow *f, const struct synshield_tuple *tuple,
		const struct synshield_conn *conn, __u64 now)
{
	struct followed *c;

	/* of one that is open, the first segment will tell as much */
	if (find(f, tuple) || (conn->state == SYNSHIELD_CONN_ESTABLISHED && !has_ended(conn)))
		return 0;
	c = add(f, tuple, now);
	if (!c)
		return -ENOMEM;
	fsm_rebuild(&c->fsm, conn, now, &f->config);
	return 0;
}

size_t follow_forgotten(const struct follow *f)
{
	return f->forgotten;
}

static int compare_ids(const void *a, const void *b)
{
	const struct followed *c = *(struct followed *const *)a, *d = *(struct followed *const *)b;

	return c->id < d->id ? -1 : c->id > d->id;
}

int follow_each(struct follow *f, void (*cb)(const struct followed *c, void *arg), void *arg)
{
	struct followed **list = calloc(f->count + 1, sizeof(struct followed *));
	size_t i;

	if (!list)
		return -ENOMEM;
	for (i = 0; i < f->count; i++)
		list[i] = at(f, i);
	qsort(list, f->count, sizeof(struct followed *), compare_ids);
	for (i = 0; i < f->count; i++) {
		if (list[i]->id)
			cb(list[i], arg);
	}
	free(list);
	return 0;
}

/* --- time --- */

/* When its other end is given up: with half an interval's grace, for a fourth probe. */
static __u64 dead_at(const struct followed *c)
{
	return c->probes < FOLLOW_PROBES ? FSM_NEVER : c->probed + c->interval + c->interval / 2;
}

static __u64 deadline_of(const struct followed *c)
{
	__u64 dead = dead_at(c);

	if (c->dead)
		return FSM_NEVER;
	return dead < c->fsm.deadline ? dead : c->fsm.deadline;
}

static void expire(struct follow *f, struct followed *c, __u64 now,
		   void (*cb)(const struct follow_end *e, void *arg), void *arg)
{
	struct follow_end e = {.conn = c, .time = c->fsm.deadline};

	e.ended = fsm_timed(&c->fsm);
	if (dead_at(c) <= now) {
		e.time = c->probed + c->interval;
		e.dead = c->dead = true;
	} else if (!fsm_timeout(&c->fsm, now, c->last, &f->config)) {
		return;
	}
	c->cookie = false;
	e.remote = follow_state(c, FSM_REMOTE);
	e.local = follow_state(c, FSM_LOCAL);
	cb(&e, arg);
}

static void note_deadline(struct follow *f, const struct followed *c)
{
	if (deadline_of(c) < f->next)
		f->next = deadline_of(c);
}

void follow_expire(struct follow *f, __u64 now, void (*cb)(const struct follow_end *e, void *arg),
		   void *arg)
{
	size_t i;

	if (now < f->next)
		return;
	f->next = FSM_NEVER;
	for (i = 0; i < f->count; i++) {
		struct followed *c = at(f, i);

		if (deadline_of(c) <= now)
			expire(f, c, now, cb, arg);
		note_deadline(f, c);
	}
}

/* --- segments --- */

static bool is_syn(const struct synshield_event *e)
{
	return (e->flags & (TH_SYN | TH_ACK)) == TH_SYN;
}

/* What the verdict is about had no TCP header, or was none of this host's affair. */
static bool is_nothing(const struct synshield_event *e)
{
	switch (e->verdict & 0xffff) {
	case SYNSHIELD_REASON_not_tcp:
	case SYNSHIELD_REASON_other_station:
	case SYNSHIELD_REASON_fragment:
	case SYNSHIELD_REASON_beyond_reach:
	case SYNSHIELD_REASON_not_local:
	case SYNSHIELD_REASON_bad_ip:
		return e->end == SYNSHIELD_REMOTE;
	default:
		return !e->tuple.remote_port && !e->tuple.local_port;
	}
}

/* Numbers are told from the ISN on, as far as it is known. */
static void set_bases(struct followed *c, const struct synshield_event *e)
{
	int x = e->end == SYNSHIELD_LOCAL ? FSM_LOCAL : FSM_REMOTE;

	if (e->flags & TH_SYN) {
		if (is_syn(e) && c->base[x] != e->seq)
			c->based[!x] = false;
		c->base[x] = e->seq;
		c->based[x] = true;
	} else if (!c->based[x] && !(e->flags & TH_RST)) {
		c->base[x] = e->seq - 1;
		c->based[x] = true;
	}
	if (e->flags & TH_ACK && !c->based[!x]) {
		c->base[!x] = e->ack - 1;
		c->based[!x] = true;
	}
}

static void set_numbers(struct follow_step *s, const struct followed *c)
{
	const struct synshield_event *e = s->event;
	int x = e->end == SYNSHIELD_LOCAL ? FSM_LOCAL : FSM_REMOTE;

	s->seq = c->based[x] ? e->seq - c->base[x] : e->seq;
	s->ack = e->flags & TH_ACK ? e->ack - c->base[!x] : 0;
}

static void feed(struct follow *f, struct followed *c, enum fsm_end from, __u8 flags, __u32 seq,
		 __u32 ack, __u32 len, __u64 now)
{
	struct fsm_segment s = {.from = from, .flags = flags, .seq = seq, .ack = ack, .len = len};
	enum fsm_end client;

	if (fsm_segment(&c->fsm, &s, now, &f->config) & FSM_OPENED)
		c->client = 0;
	if (!c->client && fsm_client(&c->fsm, &client))
		c->client = client + 1;
	note_deadline(f, c);
}

/* The SYN and the cookie that it got, of which nobody knew anything until this came back. */
static void catch_up(struct follow *f, struct followed *c, const struct synshield_event *e,
		     __u64 now)
{
	fsm_init(&c->fsm);
	feed(f, c, FSM_REMOTE, TH_SYN, e->seq - 1, 0, 0, now);
	feed(f, c, FSM_LOCAL, TH_SYN | TH_ACK, e->ack - 1, e->seq, 0, now);
	c->cookie = false;
}

/* RFC 9293 section 3.8.4: the number before the next one, so that the other end answers. */
static bool is_probe(const struct followed *c, const struct synshield_event *e, enum fsm_end from)
{
	const struct fsm_side *x = &c->fsm.side[from];

	return (e->flags & (TH_SYN | TH_FIN | TH_RST | TH_ACK)) == TH_ACK && !e->payload &&
	       x->known && c->fsm.side[!from].syn_acked && e->seq + 1 == x->next;
}

/* Whether the ends hear each other, before the segment is fed. */
static void note_probe(struct followed *c, struct follow_step *s)
{
	enum fsm_end from = s->event->end == SYNSHIELD_LOCAL ? FSM_LOCAL : FSM_REMOTE;

	s->probe = !is_over(c) && is_probe(c, s->event, from);
	if (!s->probe || from != c->prober) {
		/* who was taken to be dead and speaks goes on where it was */
		c->dead = c->dead && from == c->prober && !(s->event->flags & TH_SYN);
		c->probes = c->dead ? c->probes : 0;
	}
	if (!s->probe)
		return;
	c->interval = c->probes++ ? s->time - c->probed : 0;
	c->probed = s->time;
	c->prober = from;
}

static bool proves(const struct follow_step *s)
{
	return s->judged && s->action == SYNSHIELD_PASS &&
	       (s->reason == SYNSHIELD_REASON_cookie_ok ||
		s->reason == SYNSHIELD_REASON_kernel_cookie_ok);
}

static void pass(struct follow *f, struct followed *c, struct follow_step *s)
{
	const struct synshield_event *e = s->event;

	if (proves(s) && !s->observed)
		catch_up(f, c, e, s->time);
	feed(f, c, e->end == SYNSHIELD_LOCAL ? FSM_LOCAL : FSM_REMOTE, e->flags, e->seq, e->ack,
	     e->payload, s->time);
	s->remote = follow_state(c, FSM_REMOTE);
	s->local = follow_state(c, FSM_LOCAL);
}

/* A SYN that gets a cookie: the client waits, the listener knows nothing of it. */
static void answer_cookie(struct followed *c, struct follow_step *s)
{
	c->cookie = true;
	c->client = FSM_REMOTE + 1;
	c->based[FSM_LOCAL] = false;
	s->remote = SYNSHIELD_TCP_SYN_SENT;
	s->local = SYNSHIELD_TCP_LISTEN;
	s->answer = ANSWER_COOKIE;
	s->answer_flags = TH_SYN | TH_ACK;
	s->answer_ack = s->seq + 1;
	s->answer_remote = SYNSHIELD_TCP_ESTABLISHED;
	s->answer_local = SYNSHIELD_TCP_LISTEN;
}

/*
 * What the driver's RST does to a remote end that has a state yet: it heeds only the number
 * that it expects (RFC 5961), which old data does not acknowledge.
 */
static void answer_closing(struct follow *f, struct followed *c, struct follow_step *s)
{
	const struct synshield_event *e = s->event;

	if (e->flags & TH_ACK && e->ack == c->fsm.side[FSM_LOCAL].next)
		feed(f, c, FSM_LOCAL, TH_RST, e->ack, 0, 0, s->time);
	s->answer_remote = follow_state(c, FSM_REMOTE);
	s->answer_local = follow_state(c, FSM_LOCAL);
}

/* RFC 9293 section 3.10.7.1. */
static void answer_rst(struct follow *f, struct followed *c, struct follow_step *s)
{
	const struct synshield_event *e = s->event;

	s->answer = ANSWER_RST;
	s->answer_remote = s->answer_local = SYNSHIELD_TCP_CLOSED;
	if (is_over(c)) /* nobody knows of it, or listens */
		s->local = c->fsm.side[FSM_LOCAL].state = SYNSHIELD_TCP_CLOSED;
	else
		answer_closing(f, c, s);
	if (e->flags & TH_ACK) {
		s->answer_flags = TH_RST;
		s->answer_seq = s->ack;
		return;
	}
	s->answer_flags = TH_RST | TH_ACK;
	s->answer_ack = s->seq + e->payload + !!(e->flags & TH_SYN) + !!(e->flags & TH_FIN);
	c->based[FSM_LOCAL] = false;
	if (is_syn(e) && is_over(c)) {
		s->remote = SYNSHIELD_TCP_SYN_SENT;
		c->client = FSM_REMOTE + 1;
	}
}

/* It did not get to the kernel: the local end knows nothing of it. */
static void refuse(struct follow *f, struct followed *c, struct follow_step *s)
{
	s->remote = follow_state(c, FSM_REMOTE);
	s->local = follow_state(c, FSM_LOCAL);
	if (s->action != SYNSHIELD_REPLY)
		return;
	if (s->reason == SYNSHIELD_REASON_cookie || s->reason == SYNSHIELD_REASON_kernel_cookie)
		answer_cookie(c, s);
	else
		answer_rst(f, c, s);
}

int follow_segment(struct follow *f, const struct synshield_event *e, __u64 time, bool observed,
		   struct follow_step *s)
{
	struct followed *c;

	*s = (struct follow_step){.event = e, .time = time};
	if (is_nothing(e))
		return 1;
	c = find(f, &e->tuple);
	if (!c)
		c = add(f, &e->tuple, time);
	if (!c)
		return -ENOMEM;
	s->conn = c;
	s->judged = e->end == SYNSHIELD_REMOTE;
	s->action = e->verdict >> 16;
	s->reason = e->verdict & 0xffff;
	s->observed = s->judged && observed;
	if (!c->id)
		c->id = ++f->ids;
	c->last = time;
	c->segments[e->end == SYNSHIELD_LOCAL ? FSM_LOCAL : FSM_REMOTE]++;
	set_bases(c, e);
	set_numbers(s, c);
	note_probe(c, s);
	if (!s->judged || s->observed || s->action == SYNSHIELD_PASS)
		pass(f, c, s);
	else
		refuse(f, c, s);
	return 0;
}
