/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the BPF programs report of connections, in the ring buffer `events`. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <netinet/tcp.h>

#include "closing_parts.h"

/* What `conns` says of a connection whose first report this is: see track() in bpf/conns.h. */
static void conn_of_event(const struct closing *c, const struct synshield_event *e,
			  struct synshield_conn *conn)
{
	__u32 end_seq = e->seq + e->payload + !!(e->flags & TH_SYN) + !!(e->flags & TH_FIN);
	__u32 ack = e->flags & TH_ACK ? e->ack : 0;
	struct synshield_sent sent = {.syn = !!(e->flags & TH_SYN),
				      .fin = !!(e->flags & TH_FIN),
				      .fin_first = !!(e->flags & TH_FIN)};
	bool remote = e->end == SYNSHIELD_REMOTE;

	*conn = (struct synshield_conn){
		.state = e->kind == SYNSHIELD_EVENT_PROVEN ? SYNSHIELD_CONN_PROVEN
							   : SYNSHIELD_CONN_ESTABLISHED,
		.last_seen_jiffies = c->now_jiffies,
		.remote_next = remote ? end_seq : ack,
		.local_next = remote ? ack : end_seq,
	};
	if (remote)
		conn->remote = sent;
	else
		conn->local = sent;
}

static bool is_far(__u32 number, __u32 from)
{
	return number - from + (1U << 29) > 1U << 30;
}

/*
 * Nothing is reported of data: after gigabytes of it a number may seem to be one of the
 * past.  `conns` knows better.
 */
static void catch_up(const struct closing *c, struct tracked *t, const struct synshield_event *e)
{
	const struct fsm_side *x = &t->fsm.side[e->end == SYNSHIELD_LOCAL],
			      *y = &t->fsm.side[e->end != SYNSHIELD_LOCAL];
	struct synshield_conn conn;

	if (e->flags & TH_SYN || !x->syn_acked || !y->syn_acked)
		return;
	if ((is_far(e->seq, x->next) || (e->flags & TH_ACK && is_far(e->ack, y->next))) &&
	    !closing_find_conn(c, &t->tuple, &conn))
		fsm_sync(&t->fsm, conn.remote_next, conn.local_next);
}

/* A SYN or SYN-ACK of a handshake that has timed out: the kernel may try for longer. */
static bool comes_late(const struct tracked *t, const struct synshield_event *e)
{
	return !t->live && e->flags & TH_SYN &&
	       e->seq + e->payload + 1 == t->fsm.side[e->end == SYNSHIELD_LOCAL].next;
}

static void step(struct closing *c, struct tracked *t, const struct synshield_event *e)
{
	const struct fsm_segment segment = {
		.from = e->end == SYNSHIELD_LOCAL ? FSM_LOCAL : FSM_REMOTE,
		.flags = e->flags,
		.seq = e->seq,
		.ack = e->ack,
		.len = e->payload,
	};
	struct fsm before = t->fsm;
	unsigned int done;

	catch_up(c, t, e);
	done = fsm_segment(&t->fsm, &segment, e->time_ns, &c->config);
	if (e->end == SYNSHIELD_LOCAL)
		t->proven = 0; /* the kernel's socket sends */
	closing_settle(c, t, &before, e->time_ns, done);
}

static void take(struct closing *c, const struct synshield_event *e)
{
	struct tracked *t = table_find(&c->table, &e->tuple);
	bool fresh = e->kind != SYNSHIELD_EVENT_SEGMENT;
	struct synshield_conn conn;

	if (!fresh && (!t || !t->known) && !(e->flags & TH_SYN)) {
		/* what it begins with was not heard */
		if (closing_find_conn(c, &e->tuple, &conn))
			return;
		fresh = true;
	} else if (fresh) {
		conn_of_event(c, e, &conn);
	}
	if (!t)
		t = closing_add(c, &e->tuple, e->time_ns);
	if (!t)
		return;
	if (fresh) {
		if (e->kind != SYNSHIELD_EVENT_SEGMENT) {
			t->known = t->live = 0;
			t->since_ns = e->time_ns;
		}
		closing_rebuild(c, t, &conn);
		return;
	}
	if (!t->known) {
		fsm_init(&t->fsm);
		t->known = 1;
		t->live = t->dead = 0;
		t->since_ns = e->time_ns;
	} else if (comes_late(t, e)) {
		return;
	}
	step(c, t, e);
}

int closing_on_report(void *arg, void *data, size_t size)
{
	struct closing *c = arg;

	if (size >= sizeof(struct synshield_event))
		take(c, data);
	return --c->budget ? 0 : -EAGAIN;
}

void closing_read(struct closing *c, unsigned int most)
{
	c->budget = most;
	ring_buffer__consume(c->events);
}

void closing_on_reports(void *arg)
{
	struct closing *c = arg;

	closing_clocks(c);
	closing_read(c, READ_MAX);
}
