/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "backlog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "host.h"
#include "log.h"

#define NAME "ipv4/tcp_max_syn_backlog"

static __u32 read_backlog(void)
{
	return host_sysctl(NAME, 0, 0);
}

static int write_backlog(__u32 value)
{
	int fd = open("/proc/sys/net/" NAME, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (dprintf(fd, "%u\n", value) < 0)
		err = -errno;
	close(fd);
	return err;
}

void backlog_recall(struct backlog *b, const struct maps *maps)
{
	struct synshield_daemon done;

	if (b->set || maps_get(maps, MAP_DAEMON, &done))
		return;
	if (!done.backlog_set || done.backlog_set != read_backlog())
		return;
	b->before = done.backlog_before;
	b->set = done.backlog_set;
}

static void restore(struct backlog *b)
{
	int err = write_backlog(b->before);

	if (err)
		log_errno(err, "warning: cannot set net.ipv4.tcp_max_syn_backlog to %u again",
			  b->before);
	b->set = 0;
}

static void raise_to(struct backlog *b, __u32 wanted)
{
	int err;

	if (!b->set)
		b->before = read_backlog();
	err = write_backlog(wanted);
	if (!err) {
		b->set = wanted;
		return;
	}
	log_errno(err, "warning: max-syn-backlog: cannot raise net.ipv4.tcp_max_syn_backlog to %u",
		  wanted);
	b->refused = wanted;
}

void backlog_follow(struct backlog *b, __u32 wanted)
{
	if (b->refused != wanted)
		b->refused = 0;
	if (b->set && b->set != read_backlog()) {
		if (wanted)
			log_line("warning: max-syn-backlog: net.ipv4.tcp_max_syn_backlog was "
				 "changed by others: it stays at %u",
				 read_backlog());
		b->set = 0;
		b->refused = wanted;
	}
	if (b->refused || wanted == b->set)
		return;
	if (wanted > (b->set ? b->before : read_backlog()))
		raise_to(b, wanted);
	else if (b->set)
		restore(b);
}

void backlog_note(const struct backlog *b, const struct maps *maps)
{
	struct synshield_daemon done;
	__u32 before = b->set ? b->before : 0;

	if (maps_get(maps, MAP_DAEMON, &done) ||
	    (done.backlog_set == b->set && done.backlog_before == before))
		return;
	done.backlog_before = before;
	done.backlog_set = b->set;
	maps_put(maps, MAP_DAEMON, &done);
}
