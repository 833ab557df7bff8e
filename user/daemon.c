/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "daemon.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "jiffies.h"
#include "log.h"
#include "netlink.h"
#include "notify.h"
#include "reload.h"
#include "upkeep.h"
#include "warnings.h"

/* -- addresses -- */

static void follow_addresses(void *arg)
{
	struct daemon *d = arg;
	size_t i;

	for (i = 0; i < d->count; i++) {
		int err = upkeep_addresses(d->shields[i]);

		if (!err)
			continue;
		log_errno(err, "%s: warning: cannot follow the host's addresses",
			  d->shields[i]->ifname);
		loop_after(&d->loop, &d->addresses, SECOND_NS, follow_addresses, d);
	}
}

/* Routes come and go by the thousand; only the local table's are of interest. */
static bool moves_addresses(const struct nlmsghdr *nlh)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type != RTM_NEWROUTE && nlh->nlmsg_type != RTM_DELROUTE)
		return true;
	return rtm->rtm_type == RTN_LOCAL;
}

static void read_events(void *arg)
{
	static char buf[32768];
	struct daemon *d = arg;
	bool moved = false;
	ssize_t n;

	for (;;) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
		int left;

		n = mnl_socket_recvfrom(d->events, buf, sizeof(buf));
		if (n < 0 && errno != ENOBUFS)
			break;
		moved |= n < 0; /* some were lost: read everything */
		for (left = n; n > 0 && mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
			moved |= moves_addresses(nlh);
	}
	if (moved)
		loop_after(&d->loop, &d->addresses, 0, follow_addresses, d);
}

/* -- interfaces -- */

static void release(struct shield *s)
{
	shield_release(s);
	free(s);
}

static void drop(struct daemon *d, size_t i, int why)
{
	struct shield *s = d->shields[i];
	bool ours = !pin_dir_removed(s->dir_fd);
	int root;

	if (why == -ENODEV) {
		log_line("%s: the interface is gone", s->ifname);
		root = pin_open_root(false);
		if (root >= 0) {
			if (ours)
				pin_remove_dir(s->ifname);
			close(root);
		}
	} else if (ours) {
		log_line("%s: its programs were detached, but not by 'synshield detach': no longer "
			 "protected; run again to attach anew",
			 s->ifname);
	} else {
		log_line("%s: detached", s->ifname);
	}
	release(s);
	memmove(&d->shields[i], &d->shields[i + 1], (d->count - i - 1) * sizeof(*d->shields));
	d->count--;
}

static void drop_detached(struct daemon *d)
{
	size_t i;
	int err;

	for (i = d->count; i--;) {
		err = shield_attached(d->shields[i]);
		if (err)
			drop(d, i, err);
	}
	if (!d->count)
		loop_end(&d->loop);
}

/* The host has one for all interfaces: the largest that is asked for. */
static void follow_backlog(struct daemon *d, bool ends)
{
	__u32 wanted = 0;
	size_t i;

	for (i = 0; i < d->count; i++) {
		backlog_recall(&d->backlog, &d->shields[i]->maps);
		if (!ends && d->shields[i]->max_syn_backlog > wanted)
			wanted = d->shields[i]->max_syn_backlog;
	}
	backlog_follow(&d->backlog, wanted);
	for (i = 0; i < d->count; i++)
		backlog_note(&d->backlog, &d->shields[i]->maps);
}

static void every_second(void *arg)
{
	struct daemon *d = arg;

	drop_detached(d);
	follow_backlog(d, false);
}

static void every_minute(void *arg)
{
	jiffies_calibrate();
	follow_addresses(arg); /* should an event ever be missed */
}

/* -- systemd -- */

/* "eth0 under attack on port 443, eth1 protected" */
static void tell_status(void *arg)
{
	const struct daemon *d = arg;
	char text[512];
	size_t i, used = 0;

	for (i = 0; i < d->count && used < sizeof(text); i++) {
		const struct shield *s = d->shields[i];
		size_t n = s->attacks.count;

		used += snprintf(text + used, sizeof(text) - used, "%s%s %s", i ? ", " : "",
				 s->ifname, n ? "under attack on port " : "protected");
		if (n && used < sizeof(text))
			used += snprintf(text + used, sizeof(text) - used, "%u",
					 s->attacks.rows[0].key.port);
		if (n > 1 && used < sizeof(text))
			used += snprintf(text + used, sizeof(text) - used, " and %zu more", n - 1);
	}
	if (d->count)
		notify_status(text);
}

/* Among the other duties: who hangs in one of them, or does not wake up, is not alive. */
static void tell_alive(void *arg)
{
	notify_manager("WATCHDOG=1");
}

/* -- from start to end -- */

static void read_signal(void *arg)
{
	struct daemon *d = arg;
	struct signalfd_siginfo info;

	if (read(d->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		reload(d->wish, d->shields, d->count);
	else
		loop_end(&d->loop);
}

static int open_signals(struct daemon *d)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	d->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (d->signals < 0)
		return -errno;
	return loop_watch(&d->loop, &d->signal_watch, d->signals, read_signal, d);
}

static int open_events(struct daemon *d)
{
	d->events = netlink_listen();
	if (!d->events)
		return -errno;
	return loop_watch(&d->loop, &d->event_watch, mnl_socket_get_fd(d->events), read_events, d);
}

int daemon_open(struct daemon *d)
{
	int err;

	memset(d, 0, sizeof(*d));
	d->signals = -1;
	jiffies_calibrate();
	err = loop_open(&d->loop);
	if (!err)
		err = open_signals(d);
	if (!err)
		err = open_events(d);
	if (!err)
		return 0;
	daemon_close(d);
	return log_errno(err, "cannot set up the daemon");
}

static int start_one(struct daemon *d, const char *ifname, const struct shield_wish *wish)
{
	struct shield *s = calloc(1, sizeof(*s));
	int err = s ? shield_start(s, &d->loop, ifname, wish) : -ENOMEM;

	if (err) {
		free(s);
		return err;
	}
	d->shields[d->count++] = s;
	log_line("%s: %s: XDP %s, %s; TC %s", ifname, s->fresh ? "protected" : "taken over",
		 shield_xdp_text(&s->note), s->note.dispatcher ? "in libxdp's dispatcher" : "alone",
		 shield_tc_text(&s->note));
	warnings_log(ifname, &s->note, &s->maps);
	return 0;
}

/* What a file has changed of an interface that was taken over stays only if all could start. */
static void undo(struct shield *s)
{
	if (s->fresh) {
		log_line("%s: detached again", s->ifname);
		shield_remove(s->ifname);
	} else {
		change_undo(&s->change);
	}
}

static void finish_changes(struct daemon *d)
{
	bool settle = false;
	size_t i;

	for (i = 0; i < d->count; i++)
		settle |= !d->shields[i]->fresh && change_has_lists(&d->shields[i]->change);
	if (settle)
		enforce_settle();
	for (i = 0; i < d->count; i++) {
		if (!d->shields[i]->fresh)
			change_finish(&d->shields[i]->change);
		change_close(&d->shields[i]->change);
	}
}

static int start_all(struct daemon *d, int count, char **ifnames, const struct shield_wish *wish)
{
	int root, i, err = 0;

	root = pin_open_root(true);
	if (root < 0)
		return root;
	for (i = 0; i < count && !err; i++)
		err = start_one(d, ifnames[i], wish);
	while (err && d->count) {
		undo(d->shields[--d->count]);
		release(d->shields[d->count]);
	}
	finish_changes(d);
	close(root);
	return err;
}

int daemon_start(struct daemon *d, int count, char **ifnames, const struct shield_wish *wish)
{
	int err;

	d->wish = wish;
	d->shields = calloc(count, sizeof(*d->shields));
	if (!d->shields)
		return log_errno(-ENOMEM, "cannot start");
	err = start_all(d, count, ifnames, wish);
	if (err)
		return err;
	loop_every(&d->loop, &d->second, SECOND_NS, every_second, d);
	loop_every(&d->loop, &d->minute, 60 * SECOND_NS, every_minute, d);
	loop_every(&d->loop, &d->status, SECOND_NS / 2, tell_status, d);
	if (notify_watchdog_ns())
		loop_every(&d->loop, &d->watchdog, notify_watchdog_ns() / 2, tell_alive, d);
	return 0;
}

int daemon_run(struct daemon *d)
{
	int err = loop_run(&d->loop);
	size_t i;

	if (err)
		log_errno(err, "cannot wait for events");
	follow_backlog(d, true);
	for (i = 0; i < d->count; i++)
		log_line("stopped; %s stays protected; 'synshield detach %s' removes",
			 d->shields[i]->ifname, d->shields[i]->ifname);
	return err;
}

void daemon_close(struct daemon *d)
{
	exporter_close(&d->exporter);
	while (d->count)
		release(d->shields[--d->count]);
	free(d->shields);
	if (d->events)
		mnl_socket_close(d->events);
	if (d->signals >= 0)
		close(d->signals);
	loop_close(&d->loop);
}
