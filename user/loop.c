/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "loop.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

int loop_open(struct loop *l)
{
	memset(l, 0, sizeof(*l));
	l->now = boottime_ns();
	wheel_init(&l->wheel, l->now);
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	return l->epoll < 0 ? -errno : 0;
}

void loop_close(struct loop *l)
{
	if (l->epoll >= 0)
		close(l->epoll);
	l->epoll = -1;
}

/* -- descriptors -- */

int loop_watch(struct loop *l, struct watch *w, int fd, void (*ready)(void *arg), void *arg)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = w};

	*w = (struct watch){.fd = fd, .ready = ready, .arg = arg};
	if (!epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev))
		return 0;
	w->ready = NULL;
	return -errno;
}

void loop_unwatch(struct loop *l, struct watch *w)
{
	int i;

	if (!w->ready)
		return;
	epoll_ctl(l->epoll, EPOLL_CTL_DEL, w->fd, NULL);
	w->ready = NULL;
	/* this round may be about to call it */
	for (i = 0; i < l->ready_count; i++) {
		if (l->ready[i].data.ptr == w)
			l->ready[i].data.ptr = NULL;
	}
}

static void serve(struct loop *l)
{
	int i;

	for (i = 0; i < l->ready_count; i++) {
		const struct watch *w = l->ready[i].data.ptr;

		if (w)
			w->ready(w->arg);
	}
	l->ready_count = 0;
}

/* -- times -- */

void timer_set(struct loop *l, struct timer *t, const struct timer_kind *kind, __u64 at)
{
	t->kind = kind;
	wheel_set(&l->wheel, &t->node, at);
}

void timer_cancel(struct loop *l, struct timer *t)
{
	wheel_cancel(&l->wheel, &t->node);
}

/* Its run() may cancel the job, and free what it is part of: so that comes last. */
static void run_job(struct loop *l, struct timer *t)
{
	struct job *j = (struct job *)((char *)t - offsetof(struct job, timer));
	__u64 next = t->node.expires + j->every;

	if (j->every)
		timer_set(l, t, t->kind, next > l->now ? next : l->now + j->every);
	j->run(j->arg);
}

static const struct timer_kind jobs = {.due = run_job};

static void set_job(struct loop *l, struct job *j, __u64 at)
{
	timer_set(l, &j->timer, &jobs, at);
}

void loop_every(struct loop *l, struct job *j, __u64 every, void (*run)(void *arg), void *arg)
{
	loop_cancel(l, j);
	*j = (struct job){.every = every, .run = run, .arg = arg};
	set_job(l, j, l->now);
}

void loop_after(struct loop *l, struct job *j, __u64 after, void (*run)(void *arg), void *arg)
{
	loop_cancel(l, j);
	*j = (struct job){.run = run, .arg = arg};
	set_job(l, j, boottime_ns() + after);
}

void loop_cancel(struct loop *l, struct job *j)
{
	timer_cancel(l, &j->timer);
}

static void run_due(struct loop *l)
{
	struct wheel_node *node;
	struct timer *t;

	l->now = boottime_ns();
	while ((node = wheel_take(&l->wheel, l->now))) {
		t = (struct timer *)((char *)node - offsetof(struct timer, node));
		t->kind->due(l, t);
	}
}

/* For epoll_wait(), which is not to wake up before there is something to do. */
static int sleep_ms(const struct loop *l)
{
	__u64 next = wheel_next(&l->wheel), now = boottime_ns(), ms;

	if (next == WHEEL_NEVER)
		return -1;
	ms = next > now ? (next - now + MS_NS - 1) / MS_NS : 0;
	return ms < INT_MAX ? ms : INT_MAX;
}

/* -- rounds -- */

int loop_run(struct loop *l)
{
	int n;

	while (!l->ended) {
		n = epoll_wait(l->epoll, l->ready, LOOP_EVENTS, sleep_ms(l));
		if (n < 0 && errno != EINTR)
			return -errno;
		l->ready_count = n > 0 ? n : 0;
		serve(l);
		if (!l->ended)
			run_due(l);
	}
	return 0;
}

void loop_end(struct loop *l)
{
	l->ended = true;
}
