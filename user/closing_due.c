/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What becomes of connections at their times. */
#include <errno.h>

#include "closing_parts.h"
#include "sockets.h"

#define DUE_MAX 4096 /* in DUE_NS */
#define DUE_NS (SECOND_NS / 10)
#define DUE_BREAK 256 /* until reports are read */

static void expire(struct closing *c, struct tracked *t, const struct synshield_conn *conn)
{
	__u64 heard = closing_heard_ns(c, conn), look;
	struct fsm before = t->fsm;

	look = keepalive_look(c->alive, t, conn, c->now, heard);
	if (look == KEEPALIVE_DEAD) {
		fsm_end(&t->fsm);
		keepalive_report(c->alive, t, &before);
	}
	if (look == KEEPALIVE_DEAD || closing_runs_out(c, t, heard)) {
		closing_end(c, t, &before, c->now);
		closing_part(c, t, heard);
		return;
	}
	closing_arm(c, t, look < t->fsm.deadline ? look : t->fsm.deadline);
	if (before.deadline != t->fsm.deadline)
		closing_touch(c, t);
}

/* A cookie came back.  Did the kernel take the connection? */
static void confirm(struct closing *c, struct tracked *t, const struct synshield_conn *conn)
{
	if (conn->state == SYNSHIELD_CONN_PROVEN &&
	    sockets_ask(c->sockets, c->ifindex, &t->tuple) == SOCKET_NONE) {
		if (sweep_one(&c->maps, &t->tuple))
			closing_remove(c, t);
		else
			closing_arm(c, t, c->now + UNPROVEN);
		return;
	}
	t->proven = 0;
	closing_arm_live(c, t, closing_heard_ns(c, conn));
}

static void due(struct closing *c, struct tracked *t)
{
	struct synshield_conn conn;
	int err = closing_find_conn(c, &t->tuple, &conn);

	if (err == -ENOENT)
		closing_remove(c, t);
	else if (err)
		closing_arm(c, t, c->now + SECOND_NS);
	else if (!t->live && t->probes == KEEPALIVE_PROBES && !keepalive_is_dead(t, &conn))
		closing_rebuild(c, t, &conn); /* it was thought to be dead */
	else if (!t->live)
		closing_part(c, t, closing_heard_ns(c, &conn));
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
	closing_arm(c, t, c->late.until);
	return true;
}

/* To ask for sockets takes time, in which reports come. */
void closing_on_due(struct loop *l, struct timer *timer)
{
	struct tracked *t = (struct tracked *)((char *)timer - offsetof(struct tracked, timer));
	struct closing *c =
		(struct closing *)((char *)timer->kind - offsetof(struct closing, deadlines));

	c->armed--;
	closing_clocks(c);
	if (put_off(c, t))
		return;
	due(c, t);
	if (c->due.left % DUE_BREAK == 0)
		closing_read(c, READ_MAX);
}
