/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The command top. */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "interfaces.h"
#include "jiffies.h"
#include "log.h"
#include "topprint.h"
#include "topscreen.h"

#define SECOND 1000000000ULL
#define INTERVAL_MIN 100
#define INTERVAL_MAX 60000

static bool as_json, batch;
static unsigned int interval_ms = 1000, rounds;

static const struct arg top_args[] = {
	{.name = "interval",
	 .letter = 'i',
	 .type = ARG_NUMBER,
	 .to = &interval_ms,
	 .meta = "MS",
	 .min = INTERVAL_MIN,
	 .max = INTERVAL_MAX,
	 .help = "look every MS milliseconds (default 1000)"},
	{.name = "count",
	 .letter = 'n',
	 .type = ARG_NUMBER,
	 .to = &rounds,
	 .meta = "N",
	 .min = 1,
	 .max = 1000000,
	 .help = "end after N intervals"},
	{.name = "batch",
	 .letter = 'b',
	 .type = ARG_FLAG,
	 .to = &batch,
	 .help = "plain text, as on a pipe"},
	{.name = "json",
	 .letter = 'j',
	 .type = ARG_FLAG,
	 .to = &as_json,
	 .help = "one JSON object, in a line, for each interval"},
	{},
};

static volatile sig_atomic_t interrupted;
static sigset_t waiting; /* signals that are blocked but while it waits */

static void interrupt(int sig)
{
	interrupted = 1;
}

/* They are heeded between two drawings only: the terminal is always left as it was found. */
static void catch_signals(void)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction action = {.sa_handler = interrupt};
	sigset_t blocked;
	size_t i;

	sigemptyset(&blocked);
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		sigaction(ends[i], &action, NULL);
		sigaddset(&blocked, ends[i]);
	}
	sigaddset(&blocked, SIGWINCH); /* ncurses' own handler takes it */
	sigprocmask(SIG_BLOCK, &blocked, &waiting);
}

static __u64 monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

/* Until then, a key or a signal.  -EIO: the terminal is gone. */
static int wait_until(__u64 then_ns, bool keys)
{
	struct pollfd in = {.fd = keys ? STDIN_FILENO : -1, .events = POLLIN};
	__u64 now = monotonic_ns(), left = then_ns > now ? then_ns - now : 0;
	struct timespec timeout = {.tv_sec = left / SECOND, .tv_nsec = left % SECOND};

	if (ppoll(&in, 1, &timeout, &waiting) < 0 && errno != EINTR)
		return -errno;
	return in.revents & (POLLHUP | POLLERR | POLLNVAL) ? -EIO : 0;
}

/* -- on a pipe -- */

static int print(struct top *top, bool blocks)
{
	__u64 due = monotonic_ns();
	unsigned int n = 0;
	int err;

	err = top_refresh(top);
	while (!err && !interrupted) {
		due += top->interval_ms * 1000000ULL;
		while (!interrupted && monotonic_ns() < due)
			wait_until(due, false);
		if (interrupted)
			break;
		err = top_refresh(top);
		if (!err && as_json)
			topprint_json(top);
		else if (!err)
			err = topprint_text(top, blocks);
		if (fflush(stdout) || ferror(stdout) || ++n == rounds)
			break;
	}
	return err;
}

/* -- on a terminal -- */

static void change_interval(struct top *top, unsigned int ms)
{
	if (ms >= INTERVAL_MIN && ms <= INTERVAL_MAX)
		top->interval_ms = ms;
}

static void sort_next(struct top *top)
{
	size_t i;

	top->sort = (top->sort + 1) % TOP_SORTS;
	for (i = 0; i < top->count; i++)
		top_sort(&top->interfaces[i]->rates, top->sort);
}

/* False: quit. */
static bool obey(struct top *top, int key)
{
	if (key >= '1' && key <= '9')
		change_interval(top, (key - '0') * 1000);
	switch (key) {
	case 'q':
		return false;
	case ' ':
		top->paused = !top->paused;
		break;
	case 'i':
	case '\t':
		top->shown = (top->shown + 1) % top->count;
		break;
	case 's':
		sort_next(top);
		break;
	case '+':
		change_interval(top, top->interval_ms * 2);
		break;
	case '-':
		change_interval(top, top->interval_ms / 2);
		break;
	case 'h':
	case '?':
		top->help = !top->help;
		break;
	}
	return true;
}

/* All keys that there are.  0; 1: quit. */
static int take_keys(struct top *top)
{
	int key;

	while ((key = topscreen_key()) >= 0) {
		if (!obey(top, key))
			return 1;
	}
	return 0;
}

static int show(struct top *top)
{
	__u64 looked = monotonic_ns(), due;
	unsigned int n = 0;
	int err, done = 0;

	err = top_refresh(top);
	while (!err && !done && !interrupted) {
		err = topscreen_draw(top);
		due = looked + (top->paused ? 3600 * SECOND : top->interval_ms * 1000000ULL);
		if (!err)
			err = wait_until(due, true);
		done = take_keys(top);
		if (err || done || interrupted || top->paused || monotonic_ns() < due)
			continue;
		looked = monotonic_ns();
		err = top_refresh(top);
		done = ++n == rounds;
	}
	return err == -EIO ? 0 : err;
}

static int begin(struct top *top, int argc, char **argv)
{
	char(*names)[IF_NAMESIZE] = NULL;
	size_t count = 0, i;
	int code, err = 0;

	code = interfaces_chosen(argc, argv, &names, &count);
	if (code)
		return code;
	*top = (struct top){.named = argc > 0, .interval_ms = interval_ms};
	for (i = 0; i < count && !err; i++)
		err = top_add(top, names[i]);
	free(names);
	return err ? EXIT_FAILED : EXIT_OK;
}

static int top_command(const struct command *cmd, int argc, char **argv)
{
	bool blocks, screen;
	struct top top = {};
	int err;

	err = begin(&top, argc, argv);
	if (err)
		return err;
	setlocale(LC_CTYPE, "");
	blocks = !strcmp(nl_langinfo(CODESET), "UTF-8");
	jiffies_calibrate();
	screen = !batch && !as_json && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	catch_signals();
	err = screen ? topscreen_open(blocks) : 0;
	if (!err)
		err = screen ? show(&top) : print(&top, blocks);
	topscreen_close();
	top_free(&top);
	if (err && err != -ENOTTY)
		log_errno(err, "top");
	return err ? EXIT_FAILED : EXIT_OK;
}

const struct command command_top = {
	.name = "top",
	.usage = "[IFACE...] [--interval MS] [--count N] [--batch] [--json]",
	.summary = "live: rates, drops by reason, connections by state, listeners",
	.about =
		"Shows how the interfaces fare, anew every second. Without IFACE: all that are\n"
		"running, also those that are attached later. Nothing but read; one that is\n"
		"detached meanwhile is shown so, until it is back. 'h' explains keys and words.\n\n"
		"On a pipe, or with --batch: a block of text for each interval, without colours.\n"
		"NO_COLOR turns them off on a terminal; without a UTF-8 locale all is ASCII.\n"
		"Connections are counted a bit at a time (a twentieth of the time on one CPU at\n"
		"most): how old a count is, is said where it is more than two seconds.",
	.args = top_args,
	.run = top_command,
};
