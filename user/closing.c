/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "closing.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "jiffies.h"
#include "keepalive.h"
#include "log.h"
#include "scan.h"
#include "sockets.h"
#include "sweep.h"
#include "table.h"
#include "view.h"

/* Work at a time, so that the daemon's other duties go on. */
#define READ_MAX 16384
#define DUE_MAX 4096 /* deadlines in DUE_NS */
#define DUE_NS (SECOND_NS / 10)
#define DUE_BREAK 256
#define START_EVENTS 1000000
#define WALK_MAX 16384 /* buckets */
/*
 * Slices of a scan at a time: when it is wanted at once, and before the daemon is ready.
 * Any other goes through a million connections in 100 s, which takes less than 1 % of a CPU.
 */
#define HURRIED_SLICES 64
#define START_SLICES 64
#define SCAN_SECONDS 60
#define SLICES_NS (SECOND_NS / 10)
/* Rest after a hurried scan, for each connection: ten times what it takes. */
#define HURRIED_NS 5000
#define FLUSH_NS (SECOND_NS / 10)
/* Until it is asked again whether the kernel has let go of a socket. */
#define PART_MIN (SWEEP_OVER * SECOND_NS + SECOND_NS / 10)
#define PART_MAX (60 * SECOND_NS)
#define UNPROVEN (SWEEP_IDLE * SECOND_NS + SECOND_NS)

/* So many deadlines may still be seen to until then. */
struct due_window {
	__u64 until;
	unsigned int left;
};

struct closing {
	struct loop *loop;
	struct timer_kind deadlines;
	struct watch reports;
	struct job flushing, scanning;
	struct due_window due, late;
	size_t armed; /* deadlines that are set */
	char ifname[IF_NAMESIZE];
	int ifindex;
	struct maps maps;
	struct ring_buffer *events;
	int sockets;
	struct fsm_config config;
	struct keepalive *alive;
	struct table table;
	struct view view;
	struct scan scan;
	bool wanted;	  /* another scan, soon: reports were lost */
	bool hurried;	  /* so was the one that runs */
	bool walking;	  /* after it: what is in `conns` no more? */
	size_t walk;	  /* the bucket to look into next */
	__u64 scanned_ns; /* when a scan began last */
	__u64 flushed_ns;
	__u64 lost; /* tracking.events_lost, when seen last */
	__u64 now;
	__u64 now_jiffies;
	unsigned int budget; /* of closing_read() */
	bool full;
};

static void read_clocks(struct closing *c)
{
	c->now = boottime_ns();
	c->now_jiffies = jiffies_now();
}

/* The two clocks are some ticks apart at most. */
static __u64 heard_ns(const struct closing *c, const struct synshield_conn *conn)
{
	__s32 ago = (__u32)c->now_jiffies - conn->last_seen_jiffies;
	__u64 ns = ago > 0 ? ago * (SECOND_NS / jiffies_hz()) : 0;

	return ns < c->now ? c->now - ns : 0;
}

static int find_conn(const struct closing *c, const struct synshield_tuple *tuple,
		     struct synshield_conn *conn)
{
	return bpf_map_lookup_elem(c->maps.fd[MAP_CONNS], tuple, conn) ? -errno : 0;
}

/* -- one connection -- */

static bool is_gone(const struct fsm *f)
{
	enum synshield_tcp_state remote = f->side[FSM_REMOTE].state,
				 local = f->side[FSM_LOCAL].state;

	return (remote == SYNSHIELD_TCP_CLOSED || remote == SYNSHIELD_TCP_LISTEN) &&
	       (local == SYNSHIELD_TCP_CLOSED || local == SYNSHIELD_TCP_LISTEN);
}

static bool same_states(const struct fsm *a, const struct fsm *b)
{
	return (is_gone(a) && is_gone(b)) ||
	       (a->side[FSM_REMOTE].state == b->side[FSM_REMOTE].state &&
		a->side[FSM_LOCAL].state == b->side[FSM_LOCAL].state);
}

/* Does the time that is left count from when the state was entered?  See user/fsm.c. */
static bool is_from_entry(enum synshield_tcp_state state)
{
	return state == SYNSHIELD_TCP_SYN_SENT || state == SYNSHIELD_TCP_SYN_RECEIVED ||
	       state == SYNSHIELD_TCP_TIME_WAIT;
}

static void disarm(struct closing *c, struct tracked *t)
{
	if (!timer_is_set(&t->timer))
		return;
	timer_cancel(c->loop, &t->timer);
	c->armed--;
}

static void arm(struct closing *c, struct tracked *t, __u64 at)
{
	disarm(c, t);
	if (at == FSM_NEVER)
		return;
	timer_set(c->loop, &t->timer, &c->deadlines, at);
	c->armed++;
}

static void flush(void *arg)
{
	struct closing *c = arg;

	view_flush(&c->view);
	c->flushed_ns = boottime_ns();
}

/* What is shown of it has changed: written at once, but no more often than every FLUSH_NS. */
static void touch(struct closing *c, struct tracked *t)
{
	__u64 next = c->flushed_ns + FLUSH_NS;

	view_touch(&c->view, t);
	if (!job_is_set(&c->flushing))
		loop_after(c->loop, &c->flushing, next > c->now ? next - c->now : 0, flush, c);
}

/* Something was heard of it then: what comes first, its deadline or a look at the other end? */
static void arm_live(struct closing *c, struct tracked *t, __u64 heard)
{
	__u64 look = keepalive_due(c->alive, t, heard);

	arm(c, t, look < t->fsm.deadline ? look : t->fsm.deadline);
}

static struct tracked *add(struct closing *c, const struct synshield_tuple *tuple, __u64 since)
{
	struct tracked *t = table_add(&c->table, tuple);

	if (!t) {
		if (!c->full)
			log_line("%s: warning: no room to follow more than %zu connections: the "
				 "states of others are not shown",
				 c->ifname, c->table.count);
		c->full = c->wanted = true;
		return NULL;
	}
	t->since_ns = t->moved_ns = since;
	t->mark = c->scan.number;
	return t;
}

static void remove_one(struct closing *c, struct tracked *t)
{
	disarm(c, t);
	if (!t->shown && !t->dirty) {
		table_remove(&c->table, t);
		return;
	}
	t->known = t->live = 0;
	t->dead = 1;
	touch(c, t);
}

/*
 * Its state has ended.  It is followed until the kernel, too, has let go of it, and then
 * leaves `conns`, which holds what the kernel has.
 */
static void part(struct closing *c, struct tracked *t, __u64 heard)
{
	__u64 idle = c->now > heard ? c->now - heard : 0;

	if (idle >= SWEEP_OVER * SECOND_NS &&
	    sockets_ask(c->sockets, c->ifindex, &t->tuple) == SOCKET_NONE &&
	    sweep_one(&c->maps, &t->tuple)) {
		remove_one(c, t);
		return;
	}
	arm(c, t, c->now + (idle < PART_MIN ? PART_MIN : idle > PART_MAX ? PART_MAX : idle));
}

static void end(struct closing *c, struct tracked *t, const struct fsm *before, __u64 when)
{
	t->remote = before->side[FSM_REMOTE].state;
	t->local = before->side[FSM_LOCAL].state;
	t->live = t->proven = 0;
	t->moved_ns = when;
	if (t->shown)
		touch(c, t);
}

/* The machine was stepped, by a segment. */
static void settle(struct closing *c, struct tracked *t, const struct fsm *before, __u64 when,
		   unsigned int done)
{
	if (done & FSM_OPENED)
		t->since_ns = when;
	if (is_gone(&t->fsm)) {
		if (t->live)
			end(c, t, before, when);
		arm(c, t, when + PART_MIN);
		return;
	}
	if (!t->live || !same_states(before, &t->fsm))
		t->moved_ns = when;
	else if (before->deadline == t->fsm.deadline)
		return;
	t->live = 1;
	if (t->proven)
		arm(c, t, when + UNPROVEN);
	else
		arm_live(c, t, when);
	touch(c, t);
}

/*
 * A connection that is merely idle goes on as long as the kernel has its socket; half
 * closed, as long as an application has it.
 */
static bool is_kept(const struct closing *c, const struct tracked *t,
		    enum synshield_tcp_state state)
{
	int socket;

	if (state != SYNSHIELD_TCP_ESTABLISHED && state != SYNSHIELD_TCP_FIN_WAIT_2)
		return false;
	socket = sockets_ask(c->sockets, c->ifindex, &t->tuple);
	if (socket < 0)
		return true;
	return state == SYNSHIELD_TCP_ESTABLISHED ? socket != SOCKET_NONE : socket == SOCKET_HELD;
}

/* True if its time is up; otherwise its deadline is one to come. */
static bool runs_out(struct closing *c, struct tracked *t, __u64 heard)
{
	struct fsm before = t->fsm;
	enum synshield_tcp_state timed = fsm_timed(&before);

	if (!fsm_timeout(&t->fsm, c->now, heard, &c->config))
		return false;
	if (!is_kept(c, t, timed))
		return true;
	t->fsm = before;
	t->fsm.deadline = c->now + (timed == SYNSHIELD_TCP_ESTABLISHED ? c->config.established
								       : c->config.fin_wait_2);
	return false;
}

/* From `conns`, as it is now. */
static void rebuild(struct closing *c, struct tracked *t, const struct synshield_conn *conn)
{
	__u64 heard = heard_ns(c, conn), deadline = t->fsm.deadline;
	bool recalled = t->live && !t->known;
	struct fsm before;

	fsm_rebuild(&t->fsm, conn, heard, &c->config);
	before = t->fsm;
	/* the time that is left of these counts from when they were entered */
	if (recalled && t->remote == t->fsm.side[FSM_REMOTE].state &&
	    t->local == t->fsm.side[FSM_LOCAL].state) {
		if (is_from_entry(fsm_timed(&t->fsm)) && deadline < t->fsm.deadline)
			t->fsm.deadline = deadline;
	} else {
		t->moved_ns = heard;
	}
	t->known = 1;
	t->dead = t->probes = 0;
	t->proven = conn->state == SYNSHIELD_CONN_PROVEN;
	if (is_gone(&t->fsm) || runs_out(c, t, heard)) {
		end(c, t, &before, t->moved_ns);
		arm(c, t, c->now + PART_MIN);
		return;
	}
	t->live = 1;
	if (t->proven)
		arm(c, t, heard + UNPROVEN);
	else
		arm_live(c, t, heard);
	touch(c, t);
}

/* -- reports -- */

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
	    !find_conn(c, &t->tuple, &conn))
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
	settle(c, t, &before, e->time_ns, done);
}

static void take(struct closing *c, const struct synshield_event *e)
{
	struct tracked *t = table_find(&c->table, &e->tuple);
	bool fresh = e->kind != SYNSHIELD_EVENT_SEGMENT;
	struct synshield_conn conn;

	if (!fresh && (!t || !t->known) && !(e->flags & TH_SYN)) {
		/* what it begins with was not heard */
		if (find_conn(c, &e->tuple, &conn))
			return;
		fresh = true;
	} else if (fresh) {
		conn_of_event(c, e, &conn);
	}
	if (!t)
		t = add(c, &e->tuple, e->time_ns);
	if (!t)
		return;
	if (fresh) {
		if (e->kind != SYNSHIELD_EVENT_SEGMENT) {
			t->known = t->live = 0;
			t->since_ns = e->time_ns;
		}
		rebuild(c, t, &conn);
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

static int on_event(void *arg, void *data, size_t size)
{
	struct closing *c = arg;

	if (size >= sizeof(struct synshield_event))
		take(c, data);
	return --c->budget ? 0 : -EAGAIN;
}

static void read_some(struct closing *c, unsigned int most)
{
	c->budget = most;
	ring_buffer__consume(c->events);
}

static void read_reports(void *arg)
{
	struct closing *c = arg;

	read_clocks(c);
	read_some(c, READ_MAX);
}

/* -- scans -- */

/* It has ended.  Was nothing heard of it since that would bring it back? */
static bool stays_ended(const struct closing *c, const struct tracked *t, const struct fsm *f,
			__u64 heard)
{
	struct fsm now = *f;

	fsm_timeout(&now, c->now, heard, &c->config);
	if (is_gone(&now))
		return true;
	return t->remote == f->side[FSM_REMOTE].state && t->local == f->side[FSM_LOCAL].state &&
	       is_from_entry(fsm_timed(f));
}

/* Is what is known of it what `conns` tells? */
static bool agrees(const struct closing *c, struct tracked *t, const struct synshield_conn *conn)
{
	__u64 heard = heard_ns(c, conn);
	struct fsm f;

	fsm_rebuild(&f, conn, heard, &c->config);
	if (!t->live)
		return keepalive_is_dead(t, conn) || stays_ended(c, t, &f, heard);
	if (same_states(&f, &t->fsm)) {
		fsm_sync(&t->fsm, conn->remote_next, conn->local_next);
		return true;
	}
	log_detail("%s: port %u, remote port %u: was %s, %s; is %s, %s", c->ifname,
		   t->tuple.local_port, t->tuple.remote_port,
		   fsm_state_name(t->fsm.side[FSM_REMOTE].state),
		   fsm_state_name(t->fsm.side[FSM_LOCAL].state),
		   fsm_state_name(f.side[FSM_REMOTE].state),
		   fsm_state_name(f.side[FSM_LOCAL].state));
	return false;
}

static void compare(const struct synshield_tuple *tuple, const struct synshield_conn *conn,
		    void *arg)
{
	struct closing *c = arg;
	struct tracked *t = table_find(&c->table, tuple);

	if (!t)
		t = add(c, tuple, heard_ns(c, conn));
	if (!t)
		return;
	t->mark = c->scan.number;
	if (!t->known || !agrees(c, t, conn))
		rebuild(c, t, conn);
}

static __u64 events_lost(const struct closing *c)
{
	struct synshield_tracking tracking;

	return maps_get(&c->maps, MAP_TRACKING, &tracking) ? c->lost : tracking.events_lost;
}

static void begin_scan(struct closing *c)
{
	c->lost = events_lost(c);
	c->scanned_ns = c->now;
	c->hurried = c->wanted;
	c->wanted = c->full = false;
	scan_begin(&c->scan);
}

/* What the scan has not met and is not in `conns`: evicted, or removed by another. */
static void remove_missing(struct closing *c, size_t buckets)
{
	struct synshield_conn conn;
	struct tracked *t, *next;

	for (; buckets-- && c->walk < c->table.buckets; c->walk++) {
		for (t = c->table.bucket[c->walk]; t; t = next) {
			next = t->next;
			if (t->mark == c->scan.number || t->dead)
				continue;
			if (find_conn(c, &t->tuple, &conn) == -ENOENT)
				remove_one(c, t);
		}
	}
	c->walking = c->walk < c->table.buckets;
}

static void scan_some(struct closing *c, unsigned int slices)
{
	int done;

	while (slices-- && c->scan.running) {
		/* `conns` tells of what was reported before, too */
		read_some(c, READ_MAX);
		read_clocks(c);
		done = scan_slice(&c->scan, compare, c);
		if (done < 0)
			log_errno(done, "%s: warning: cannot read the map conns", c->ifname);
		if (done == 1) {
			c->walking = true;
			c->walk = 0;
		}
	}
	if (c->walking)
		remove_missing(c, WALK_MAX);
}

/* Between two scans, in ns: one that is wanted does not wait, but takes its share of time only. */
static __u64 scan_pause(const struct closing *c)
{
	if (!c->wanted)
		return SCAN_SECONDS * SECOND_NS;
	return SECOND_NS + c->table.count * HURRIED_NS;
}

static bool is_scanning(const struct closing *c)
{
	return c->scan.running || c->walking;
}

static void follow_scan(void *arg)
{
	struct closing *c = arg;
	__u64 lost = events_lost(c);

	read_clocks(c);
	if (lost != c->lost) {
		log_detail("%s: %llu reports were lost", c->ifname,
			   (unsigned long long)(lost - c->lost));
		c->lost = lost;
		c->wanted = true;
	}
	if (!is_scanning(c) && c->now - c->scanned_ns >= scan_pause(c))
		begin_scan(c);
	scan_some(c, c->hurried ? HURRIED_SLICES : 1);
	loop_after(c->loop, &c->scanning, is_scanning(c) ? SLICES_NS : SECOND_NS, follow_scan, c);
}

void closing_rescan(struct closing *c)
{
	c->wanted = true;
}

/* -- deadlines -- */

static void expire(struct closing *c, struct tracked *t, const struct synshield_conn *conn)
{
	__u64 heard = heard_ns(c, conn), look;
	struct fsm before = t->fsm;

	look = keepalive_look(c->alive, t, conn, c->now, heard);
	if (look == KEEPALIVE_DEAD) {
		fsm_end(&t->fsm);
		keepalive_report(c->alive, t, &before);
	}
	if (look == KEEPALIVE_DEAD || runs_out(c, t, heard)) {
		end(c, t, &before, c->now);
		part(c, t, heard);
		return;
	}
	arm(c, t, look < t->fsm.deadline ? look : t->fsm.deadline);
	if (before.deadline != t->fsm.deadline)
		touch(c, t);
}

/* A cookie came back.  Did the kernel take the connection? */
static void confirm(struct closing *c, struct tracked *t, const struct synshield_conn *conn)
{
	if (conn->state == SYNSHIELD_CONN_PROVEN &&
	    sockets_ask(c->sockets, c->ifindex, &t->tuple) == SOCKET_NONE) {
		if (sweep_one(&c->maps, &t->tuple))
			remove_one(c, t);
		else
			arm(c, t, c->now + UNPROVEN);
		return;
	}
	t->proven = 0;
	arm_live(c, t, heard_ns(c, conn));
}

static void due(struct closing *c, struct tracked *t)
{
	struct synshield_conn conn;
	int err = find_conn(c, &t->tuple, &conn);

	if (err == -ENOENT)
		remove_one(c, t);
	else if (err)
		arm(c, t, c->now + SECOND_NS);
	else if (!t->live && t->probes == KEEPALIVE_PROBES && !keepalive_is_dead(t, &conn))
		rebuild(c, t, &conn); /* it was thought to be dead */
	else if (!t->live)
		part(c, t, heard_ns(c, &conn));
	else if (t->proven)
		confirm(c, t, &conn);
	else
		expire(c, t, &conn);
}

/*
 * What is too much at a time comes later, so that the daemon's other duties, on the same
 * wheel, do not wait behind a million connections that end at once.
 */
static bool put_off(struct closing *c, struct tracked *t)
{
	if (c->now >= c->due.until)
		c->due = (struct due_window){.until = c->now + DUE_NS, .left = DUE_MAX};
	if (c->due.left) {
		c->due.left--;
		return false;
	}
	if (c->late.until < c->due.until || !c->late.left) {
		c->late.until =
			c->late.until < c->due.until ? c->due.until : c->late.until + DUE_NS;
		c->late.left = DUE_MAX;
	}
	c->late.left--;
	arm(c, t, c->late.until);
	return true;
}

/* To ask for sockets takes time, in which reports come. */
static void on_due(struct loop *l, struct timer *timer)
{
	struct tracked *t = (struct tracked *)((char *)timer - offsetof(struct tracked, timer));
	struct closing *c =
		(struct closing *)((char *)timer->kind - offsetof(struct closing, deadlines));

	c->armed--;
	read_clocks(c);
	if (put_off(c, t))
		return;
	due(c, t);
	if (c->due.left % DUE_BREAK == 0)
		read_some(c, READ_MAX);
}

/* -- half-open -- */

__u64 closing_half_open_ns(struct closing *c, const struct synshield_tuple *tuple)
{
	const struct tracked *t = table_find(&c->table, tuple);
	struct synshield_conn conn;

	read_clocks(c);
	if (!t || find_conn(c, tuple, &conn) || conn.state != SYNSHIELD_CONN_SYN_RECEIVED)
		return 0;
	return c->now > t->since_ns ? c->now - t->since_ns : 0;
}

void closing_forget(struct closing *c, const struct synshield_tuple *tuple)
{
	struct tracked *t = table_find(&c->table, tuple);

	bpf_map_delete_elem(c->maps.fd[MAP_CONNS], tuple);
	if (t && !t->dead)
		remove_one(c, t);
}

/* -- the daemon's side -- */

static void read_config(struct fsm_config *config, const struct synshield_settings *s)
{
	fsm_defaults(config);
	config->sparse = true;
	config->msl = s->msl * SECOND_NS;
	config->syn_sent = s->syn_sent_timeout * SECOND_NS;
	config->syn_received = s->syn_received_timeout * SECOND_NS;
	config->established = s->established_timeout * SECOND_NS;
	config->fin_wait_2 = s->fin_wait_timeout * SECOND_NS;
	config->close_wait = s->close_wait_timeout * SECOND_NS;
	config->fin_wait_1 = config->closing = config->last_ack = s->last_ack_timeout * SECOND_NS;
}

void closing_follow(struct closing *c, const struct synshield_settings *settings)
{
	struct fsm_config before = c->config;
	bool moved = keepalive_follow(c->alive, settings);
	struct tracked *t;
	size_t i;

	read_clocks(c);
	keepalive_tick(c->alive, c->now);
	read_config(&c->config, settings);
	if (!memcmp(&before, &c->config, sizeof(before)) && !moved)
		return;
	for (i = 0; i < c->table.buckets; i++) {
		for (t = c->table.bucket[i]; t; t = t->next) {
			if (!t->known || !t->live)
				continue;
			fsm_retime(&t->fsm, &before, &c->config);
			if (!t->proven)
				arm_live(c, t, 0); /* looks at what it is at once */
			touch(c, t);
		}
	}
}

static void set_counts(struct synshield_state_counts *to,
		       const __u32 counts[SYNSHIELD_TCP_STATES_MAX])
{
#define X(name) to->name = counts[SYNSHIELD_TCP_##name];
	SYNSHIELD_TCP_STATES(X)
#undef X
}

void closing_now(const struct closing *c, struct synshield_daemon *now)
{
	now->followed = c->table.count;
	now->timers = c->armed;
	set_counts(&now->remote, c->view.remote);
	set_counts(&now->local, c->view.local);
}

static int open_all(struct closing *c, struct bloom *bloom)
{
	__u32 capacity;
	int err;

	c->sockets = sockets_open();
	if (c->sockets < 0)
		return c->sockets;
	err = keepalive_open(&c->alive, &c->maps, c->ifname, c->ifindex, c->sockets);
	if (!err)
		err = maps_capacity(&c->maps, MAP_CONNS, &capacity);
	if (!err)
		err = table_open(&c->table, capacity);
	if (err)
		return err;
	c->events = ring_buffer__new(c->maps.fd[MAP_EVENTS], on_event, c, NULL);
	if (!c->events)
		return -errno;
	view_init(&c->view, &c->table, &c->maps);
	scan_init(&c->scan, &c->maps, bloom);
	read_clocks(c);
	return loop_watch(c->loop, &c->reports, ring_buffer__epoll_fd(c->events), read_reports, c);
}

int closing_open(struct closing **made, struct loop *loop, const struct maps *maps,
		 struct bloom *bloom, const char *ifname, int ifindex,
		 const struct synshield_settings *settings)
{
	struct closing *c = calloc(1, sizeof(*c));
	int err;

	*made = c;
	if (!c)
		return -ENOMEM;
	c->loop = loop;
	c->deadlines.due = on_due;
	c->maps = *maps;
	c->ifindex = ifindex;
	snprintf(c->ifname, sizeof(c->ifname), "%s", ifname);
	read_config(&c->config, settings);
	c->sockets = -1;
	err = open_all(c, bloom);
	if (!err)
		keepalive_follow(c->alive, settings);
	if (!err)
		err = view_load(&c->view);
	if (err) {
		closing_close(c);
		*made = NULL;
		return err;
	}
	/* what was reported while no daemon was there, and then what of it was lost */
	read_some(c, START_EVENTS);
	c->wanted = true;
	begin_scan(c);
	scan_some(c, START_SLICES);
	flush(c);
	loop_after(c->loop, &c->scanning, SLICES_NS, follow_scan, c);
	return 0;
}

static void cancel_all(struct closing *c)
{
	struct tracked *t;
	size_t i;

	for (i = 0; i < c->table.buckets; i++) {
		for (t = c->table.bucket[i]; t; t = t->next)
			disarm(c, t);
	}
	loop_cancel(c->loop, &c->flushing);
	loop_cancel(c->loop, &c->scanning);
	loop_unwatch(c->loop, &c->reports);
}

void closing_close(struct closing *c)
{
	if (!c)
		return;
	cancel_all(c);
	if (c->table.bucket)
		view_flush(&c->view);
	ring_buffer__free(c->events);
	keepalive_close(c->alive);
	table_close(&c->table);
	if (c->sockets >= 0)
		close(c->sockets);
	free(c);
}
