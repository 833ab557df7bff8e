/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the daemon waits for: descriptors that become readable, and times.  All its times,
 * its own duties' and those of every connection, are on one timing wheel, and it sleeps
 * until the next of them.
 *
 * To add something to the daemon takes one line in daemon_start():
 *
 *	loop_every(&d->loop, &d->textfile, 15 * SECOND_NS, write_textfile, d);
 *	err = loop_watch(&d->loop, &d->metrics, metrics_fd(m), metrics_serve, m);
 *
 * where textfile is a struct job and metrics a struct watch, in what lives as long as the
 * loop, or cancels them.
 */
#ifndef LOOP_H
#define LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/epoll.h>

#include "clock.h"
#include "wheel.h"

#define LOOP_EVENTS 16

struct watch {
	int fd;
	void (*ready)(void *arg);
	void *arg;
};

struct loop;
struct timer;

/* Timers of one kind, and who is told when one of them is due: it is not set then. */
struct timer_kind {
	void (*due)(struct loop *l, struct timer *t);
};

struct timer {
	struct wheel_node node;
	const struct timer_kind *kind;
};

/* Something to be done at its time.  All zero: it is not set. */
struct job {
	struct timer timer;
	__u64 every; /* 0: once */
	void (*run)(void *arg);
	void *arg;
};

struct loop {
	int epoll;
	struct wheel wheel;
	__u64 now; /* CLOCK_BOOTTIME, when this round began */
	struct epoll_event ready[LOOP_EVENTS];
	int ready_count;
	bool ended;
};

/* 0 or -errno */
int loop_open(struct loop *l);
void loop_close(struct loop *l);

/*
 * Rounds until loop_end(): what is readable first, then all that is due, then sleep.
 * 0 or -errno.
 */
int loop_run(struct loop *l);
void loop_end(struct loop *l);

/*
 * Calls ready() in each round that finds the descriptor readable, so it need not take all
 * at once.  The descriptor stays the caller's.  0 or -errno.
 */
int loop_watch(struct loop *l, struct watch *w, int fd, void (*ready)(void *arg), void *arg);
/* Before the descriptor is closed.  Also if it is not watched (all zero). */
void loop_unwatch(struct loop *l, struct watch *w);

/* In the next round, and then every so many ns; rounds that were missed are left out. */
void loop_every(struct loop *l, struct job *j, __u64 every, void (*run)(void *arg), void *arg);
/* Once, so many ns from now; moves it if it is set. */
void loop_after(struct loop *l, struct job *j, __u64 after, void (*run)(void *arg), void *arg);
/* Also in its own run(), and if it is not set. */
void loop_cancel(struct loop *l, struct job *j);

static inline bool timer_is_set(const struct timer *t)
{
	return wheel_is_set(&t->node);
}

static inline bool job_is_set(const struct job *j)
{
	return timer_is_set(&j->timer);
}

/* For those that have many; also moves one that is set. */
void timer_set(struct loop *l, struct timer *t, const struct timer_kind *kind, __u64 at);
void timer_cancel(struct loop *l, struct timer *t);

#endif
