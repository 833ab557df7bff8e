/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * user/loop.c with a clock of the test's own: it stands still but while the loop sleeps,
 * and where a job lets it pass.
 */
#include "loop.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tap.h"

#define TICK (1ULL << WHEEL_TICK_SHIFT)
#define START (1000 * SECOND_NS)

static struct loop loop;
static __u64 now;
static unsigned int sleeps;

/* These two are what the loop gets instead of libc's. */
int clock_gettime(clockid_t clock, struct timespec *ts)
{
	ts->tv_sec = now / SECOND_NS;
	ts->tv_nsec = now % SECOND_NS;
	return 0;
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int ms)
{
	int n = syscall(SYS_epoll_pwait, epoll, events, most, 0, NULL, 0);

	if (n || !ms)
		return n;
	if (ms < 0)
		bail_out("the loop would sleep for ever");
	now += (__u32)ms * MS_NS;
	sleeps++;
	return 0;
}

/* What ran, a letter each, and when. */
static char ran[64];
static __u64 ran_at[64];
static size_t runs;

static void note_run(char who)
{
	if (runs + 1 == sizeof(ran))
		bail_out("more runs than there should be");
	ran_at[runs] = now - START;
	ran[runs++] = who;
	ran[runs] = 0;
}

static void reset(void)
{
	now = START;
	runs = sleeps = 0;
	ran[0] = 0;
	if (loop_open(&loop))
		bail_out("no epoll here");
}

static void run_letter(void *arg)
{
	note_run(*(const char *)arg);
}

static void run_end(void *arg)
{
	loop_end(&loop);
}

static void end_after(__u64 ns)
{
	static struct job end;

	memset(&end, 0, sizeof(end));
	loop_after(&loop, &end, ns, run_end, NULL);
	loop_run(&loop);
	loop_close(&loop);
}

static bool on_time(size_t i, __u64 at)
{
	return ran_at[i] >= at && ran_at[i] <= at + 2 * TICK;
}

static void row_order(void)
{
	struct job a = {}, b = {}, c = {};

	reset();
	loop_after(&loop, &a, 2500 * MS_NS, run_letter, "a");
	loop_every(&loop, &b, SECOND_NS, run_letter, "b");
	loop_after(&loop, &c, 500 * MS_NS, run_letter, "c");
	loop_after(&loop, &c, 1500 * MS_NS, run_letter, "c");
	end_after(3500 * MS_NS);
	ok(!strcmp(ran, "bbcbab"), "jobs run in the order of their times: %s", ran);
	ok(on_time(0, 0) && on_time(1, SECOND_NS) && on_time(2, 1500 * MS_NS) &&
		   on_time(3, 2 * SECOND_NS) && on_time(4, 2500 * MS_NS) &&
		   on_time(5, 3 * SECOND_NS),
	   "each within two ticks of its time; one that is set again only at the later one");
	/* the wheel may ask to be looked at once more per level before a deadline */
	ok(sleeps <= 3 * 6, "in between the loop sleeps: %u times in 3.5 s", sleeps);
}

static void run_slow(void *arg)
{
	note_run('s');
	if (runs == 1)
		now += 10 * SECOND_NS;
}

static void row_missed(void)
{
	struct job s = {};

	reset();
	loop_every(&loop, &s, SECOND_NS, run_slow, NULL);
	end_after(13 * SECOND_NS);
	ok(runs == 4 && on_time(1, 10 * SECOND_NS),
	   "rounds that were missed are not made up for: %zu runs", runs);
}

static void run_once(void *arg)
{
	struct job *j = arg;

	note_run('o');
	loop_cancel(&loop, j);
	memset(j, 0xff, sizeof(*j));
	free(j);
}

static void row_free(void)
{
	struct job *j = calloc(1, sizeof(*j)), other = {};

	if (!j)
		bail_out("no memory");
	reset();
	loop_every(&loop, j, SECOND_NS, run_once, j);
	loop_every(&loop, &other, SECOND_NS, run_letter, "x");
	loop_cancel(&loop, &other);
	end_after(3 * SECOND_NS);
	ok(!strcmp(ran, "o"), "a job may cancel and free itself; a cancelled one does not run");
	ok(!job_is_set(&other) && !loop.wheel.count, "nothing is left on the wheel");
}

static struct watch one, two;

static void serve_one(void *arg)
{
	note_run('1');
	loop_unwatch(&loop, &two);
	loop_unwatch(&loop, &two); /* not watched: nothing */
	loop_unwatch(&loop, &one);
}

static void serve_two(void *arg)
{
	note_run('2');
	loop_unwatch(&loop, &one);
	loop_unwatch(&loop, &two);
}

static void row_watch(void)
{
	int first = eventfd(1, 0), second = eventfd(1, 0);
	struct job j = {};

	reset();
	if (loop_watch(&loop, &one, first, serve_one, NULL) ||
	    loop_watch(&loop, &two, second, serve_two, NULL))
		bail_out("no eventfd here");
	loop_every(&loop, &j, SECOND_NS, run_letter, "j");
	end_after(SECOND_NS / 2);
	ok(!strcmp(ran, "1j") || !strcmp(ran, "2j"),
	   "descriptors come before times; one that is not watched any more is not served: %s",
	   ran);
	close(first);
	close(second);
	memset(&one, 0, sizeof(one));
	reset();
	ok(loop_watch(&loop, &one, -1, serve_one, NULL) < 0, "no descriptor is an error");
	loop_unwatch(&loop, &one);
	loop_close(&loop);
}

int main(void)
{
	row_order();
	row_missed();
	row_free();
	row_watch();
	return tap_done();
}
