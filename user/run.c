/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "args.h"
#include "backlog.h"
#include "caps.h"
#include "exporter.h"
#include "jiffies.h"
#include "log.h"
#include "netlink.h"
#include "probe.h"
#include "readers.h"
#include "shield.h"
#include "warnings.h"

#define TICK_MS 100
#define TICKS_PER_SECOND (1000 / TICK_MS)
#define TICKS_PER_MINUTE (60 * TICKS_PER_SECOND)

struct daemon {
	struct shield *shields;
	size_t count;
	int epoll, timer, signal;
	struct mnl_socket *events;
	bool moved; /* addresses or links changed: to be read anew */
	unsigned int ticks;
	struct backlog backlog;
	struct exporter exporter;
};

static struct shield_wish wish;
static const char *group;
static struct exporter_wish exporter_wish;

static const char *const xdp_choices[] = {"auto", "native", "generic", NULL};
static const char *const tc_choices[] = {"auto", "tcx", "clsact", NULL};

static const struct arg run_args[] = {
	{.name = "xdp",
	 .type = ARG_CHOICE,
	 .to = &wish.xdp,
	 .meta = "MODE",
	 .choices = xdp_choices,
	 .help = "where XDP runs"},
	{.name = "solo",
	 .type = ARG_FLAG,
	 .to = &wish.solo,
	 .help = "attach alone, not through libxdp's dispatcher"},
	{.name = "tc",
	 .type = ARG_CHOICE,
	 .to = &wish.tc,
	 .meta = "KIND",
	 .choices = tc_choices,
	 .help = "how TC is attached"},
	{.name = "conns",
	 .type = ARG_NUMBER,
	 .to = &wish.conns,
	 .meta = "N",
	 .min = 1024,
	 .max = 1U << 26,
	 .help = "room for N tracked connections, rounded up to a power of 2\n"
		 "(default: what 1/256 of the memory holds, at 128 bytes each)"},
	{.name = "events",
	 .type = ARG_NUMBER,
	 .to = &wish.events,
	 .meta = "BYTES",
	 .min = 4096,
	 .max = 1U << 28,
	 .help = "ring buffer between the programs and the daemon, rounded up to a power of 2\n"
		 "of pages (default 1048576); what it has no room for is counted, and found\n"
		 "later in the table of connections"},
	{.name = "group",
	 .type = ARG_TEXT,
	 .to = &group,
	 .meta = "NAME",
	 .help = "whose members may look: status, stats, conns and the like, and the maps\n"
		 "(default: only root); changes, trace and the cookie keys stay root's"},
	{.name = "metrics",
	 .type = ARG_TEXT,
	 .to = &exporter_wish.listen,
	 .meta = "ADDR:PORT",
	 .help = "serve metrics for Prometheus at http://ADDR:PORT/metrics; PORT alone is that of\n"
		 "127.0.0.1 and [::1] (default: not at all)"},
	{.name = "metrics-file",
	 .type = ARG_TEXT,
	 .to = &exporter_wish.file,
	 .meta = "FILE",
	 .help = "write them to FILE every 15 s, for node_exporter's textfile collector, which\n"
		 "reads *.prom"},
	{.name = "verbose",
	 .letter = 'v',
	 .type = ARG_FLAG,
	 .to = &log_verbose,
	 .help = "say more, libbpf's messages too"},
	{},
};

/* Type=notify: see sd_notify(3) */
static void notify_manager(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (!len || len >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, len);
	if (path[0] == '@')
		to.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to,
	       offsetof(struct sockaddr_un, sun_path) + len);
	close(fd);
}

static int watch_fd(const struct daemon *d, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

static int open_sources(struct daemon *d)
{
	const struct itimerspec tick = {.it_interval.tv_nsec = TICK_MS * 1000000,
					.it_value.tv_nsec = TICK_MS * 1000000};
	sigset_t set;
	int err;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	d->signal = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	d->epoll = epoll_create1(EPOLL_CLOEXEC);
	d->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	d->events = netlink_listen();
	if (d->signal < 0 || d->epoll < 0 || d->timer < 0 || !d->events)
		return log_errno(-errno, "cannot set up the daemon");
	err = timerfd_settime(d->timer, 0, &tick, NULL) ? -errno : 0;
	err = err ? err : watch_fd(d, d->signal);
	err = err ? err : watch_fd(d, d->timer);
	err = err ? err : watch_fd(d, mnl_socket_get_fd(d->events));
	return err ? log_errno(err, "cannot set up the daemon") : 0;
}

static void close_sources(struct daemon *d)
{
	if (d->events)
		mnl_socket_close(d->events);
	if (d->timer >= 0)
		close(d->timer);
	if (d->epoll >= 0)
		close(d->epoll);
	if (d->signal >= 0)
		close(d->signal);
}

/* Routes come and go by the thousand; only the local table's are of interest. */
static bool moves_addresses(const struct nlmsghdr *nlh)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type != RTM_NEWROUTE && nlh->nlmsg_type != RTM_DELROUTE)
		return true;
	return rtm->rtm_type == RTN_LOCAL;
}

static void read_events(struct daemon *d)
{
	static char buf[32768];
	ssize_t n;

	for (;;) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
		int left;

		n = mnl_socket_recvfrom(d->events, buf, sizeof(buf));
		if (n < 0 && errno != ENOBUFS)
			return;
		if (n < 0) { /* some were lost: read everything */
			d->moved = true;
			continue;
		}
		for (left = n; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
			d->moved |= moves_addresses(nlh);
	}
}

static void follow_addresses(struct daemon *d)
{
	bool again = false;
	size_t i;

	for (i = 0; i < d->count; i++) {
		int err = shield_follow_addresses(&d->shields[i]);

		if (err) {
			again = true;
			log_errno(err, "%s: warning: cannot follow the host's addresses",
				  d->shields[i].ifname);
		}
	}
	d->moved = again;
}

static void drop(struct daemon *d, size_t i, int why)
{
	struct shield *s = &d->shields[i];
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
	shield_release(s);
	memmove(s, s + 1, (d->count - i - 1) * sizeof(*s));
	d->count--;
}

/* The host has one for all interfaces: the largest that is asked for. */
static void follow_backlog(struct daemon *d, bool ends)
{
	__u32 wanted = 0;
	size_t i;

	for (i = 0; i < d->count; i++) {
		backlog_recall(&d->backlog, &d->shields[i].maps);
		if (!ends && d->shields[i].max_syn_backlog > wanted)
			wanted = d->shields[i].max_syn_backlog;
	}
	backlog_follow(&d->backlog, wanted);
	for (i = 0; i < d->count; i++)
		backlog_note(&d->backlog, &d->shields[i].maps);
}

static void every_second(struct daemon *d)
{
	size_t i;
	int err;

	for (i = d->count; i--;) {
		err = shield_second(&d->shields[i]);
		if (err)
			drop(d, i, err);
	}
	follow_backlog(d, false);
	exporter_second(&d->exporter);
}

static void tick(struct daemon *d)
{
	uint64_t expired;
	size_t i;

	if (read(d->timer, &expired, sizeof(expired)) != sizeof(expired))
		return;
	d->ticks++;
	exporter_run(&d->exporter); /* its own time-outs */
	for (i = 0; i < d->count; i++) {
		closing_tick(d->shields[i].closing);
		attacks_poll(&d->shields[i].attacks, d->shields[i].ifname, &d->shields[i].maps);
	}
	if (d->ticks % TICKS_PER_SECOND == 0)
		every_second(d);
	if (d->ticks % TICKS_PER_MINUTE == 0) {
		jiffies_calibrate();
		d->moved = true; /* should an event ever be missed */
	}
}

static void read_reports(struct daemon *d, int fd)
{
	size_t i;

	if (fd == exporter_fd(&d->exporter, 0) || fd == exporter_fd(&d->exporter, 1)) {
		exporter_run(&d->exporter);
		return;
	}

	for (i = 0; i < d->count; i++) {
		if (closing_fd(d->shields[i].closing) == fd)
			closing_read(d->shields[i].closing);
	}
}

static bool stopped(const struct daemon *d)
{
	struct signalfd_siginfo info;

	return read(d->signal, &info, sizeof(info)) == sizeof(info);
}

static int loop(struct daemon *d)
{
	struct epoll_event ev;
	int n;

	while (d->count) {
		n = epoll_wait(d->epoll, &ev, 1, -1);
		if (n < 0 && errno != EINTR)
			return log_errno(-errno, "cannot wait for events");
		if (n <= 0)
			continue;
		if (ev.data.fd == d->signal && stopped(d))
			return 0;
		if (ev.data.fd == d->timer)
			tick(d);
		else if (ev.data.fd == mnl_socket_get_fd(d->events))
			read_events(d);
		else
			read_reports(d, ev.data.fd);
		if (d->moved)
			follow_addresses(d);
	}
	return 0;
}

static int open_exporter(struct daemon *d, const struct metrics_address *where)
{
	int i, fd, err;

	err = exporter_open(&d->exporter, &exporter_wish, where, &d->shields, &d->count);
	for (i = 0; i < METRICS_HTTP_FDS && !err; i++) {
		fd = exporter_fd(&d->exporter, i);
		err = fd < 0 ? 0 : watch_fd(d, fd);
	}
	return err;
}

static int start_one(struct daemon *d, const char *ifname)
{
	struct shield *s = &d->shields[d->count];
	int err;

	err = shield_start(s, ifname, &wish);
	if (err)
		return err;
	d->count++;
	err = watch_fd(d, closing_fd(s->closing));
	if (err)
		return log_errno(err, "%s: cannot wait for its reports", ifname);
	log_line("%s: %s: XDP %s, %s; TC %s", ifname, s->fresh ? "protected" : "taken over",
		 shield_xdp_text(&s->note), s->note.dispatcher ? "in libxdp's dispatcher" : "alone",
		 shield_tc_text(&s->note));
	warnings_log(ifname, &s->note, &s->maps);
	return 0;
}

/* All or none: what this start has attached goes when another interface fails. */
static int start_all(struct daemon *d, int count, char **ifnames)
{
	int root, i, err = 0;

	root = pin_open_root(true);
	if (root < 0)
		return root;
	for (i = 0; i < count && !err; i++)
		err = start_one(d, ifnames[i]);
	while (err && d->count) {
		struct shield *s = &d->shields[--d->count];

		if (s->fresh) {
			log_line("%s: detached again", s->ifname);
			shield_remove(s->ifname);
		}
		shield_release(s);
	}
	close(root);
	return err;
}

static int sort_words(const struct command *cmd, int argc, char **argv)
{
	int i, j, names = 0;

	for (i = 0; i < argc; i++) {
		if (strchr(argv[i], '=')) {
			if (options_parse(&wish.options, argv[i]))
				return -EINVAL;
			continue;
		}
		for (j = 0; j < names; j++) {
			if (!strcmp(argv[j], argv[i])) {
				args_wrong(cmd, "interface %s is named twice", argv[i]);
				return -EINVAL;
			}
		}
		argv[names++] = argv[i];
	}
	if (!names)
		args_wrong(cmd, "which interface?");
	return names ? names : -EINVAL;
}

static int check_metrics(const struct command *cmd, struct metrics_address *where)
{
	if (!exporter_wish.listen || !metrics_address_parse(where, exporter_wish.listen))
		return 0;
	return args_wrong(cmd, "--metrics takes PORT, ADDRESS:PORT or [ADDRESS]:PORT, not '%s'",
			  exporter_wish.listen);
}

static int check_interfaces(int count, char **ifnames)
{
	int i;

	for (i = 0; i < count; i++) {
		if (strlen(ifnames[i]) < IF_NAMESIZE && if_nametoindex(ifnames[i]))
			continue;
		log_line("%s: no such interface in this network namespace; 'ip link' lists them",
			 ifnames[i]);
		return -ENODEV;
	}
	return 0;
}

static void say_goodbye(const struct daemon *d)
{
	size_t i;

	for (i = 0; i < d->count; i++)
		log_line("stopped; %s stays protected; 'synshield detach %s' removes",
			 d->shields[i].ifname, d->shields[i].ifname);
}

static int run(const struct command *cmd, int argc, char **argv)
{
	struct daemon d = {.epoll = -1, .timer = -1, .signal = -1};
	struct metrics_address where;
	int count, err;
	size_t i;

	count = sort_words(cmd, argc, argv);
	if (count < 0 || check_metrics(cmd, &where)) {
		options_free(&wish.options);
		return EXIT_USAGE;
	}
	err = caps_require();
	if (!err)
		err = check_interfaces(count, argv);
	if (!err && group)
		err = readers_choose(group);
	d.shields = calloc(count, sizeof(*d.shields));
	if (!d.shields)
		err = -ENOMEM;
	jiffies_calibrate();
	probe_ct_lookup(); /* as it is when the programs are loaded, and with all capabilities */
	/* listens before it reads: nothing that changes in between is missed */
	if (!err)
		err = open_sources(&d);
	if (!err)
		err = open_exporter(&d, &where);
	if (!err)
		err = start_all(&d, count, argv);
	if (!err)
		err = caps_drop();
	if (!err) {
		notify_manager("READY=1");
		every_second(&d);
		err = loop(&d);
		follow_backlog(&d, true);
		notify_manager("STOPPING=1");
		say_goodbye(&d);
	}
	exporter_close(&d.exporter);
	for (i = 0; i < d.count; i++)
		shield_release(&d.shields[i]);
	free(d.shields);
	close_sources(&d);
	options_free(&wish.options);
	return err ? EXIT_FAILED : EXIT_OK;
}

const struct command command_run = {
	.name = "run",
	.usage = "IFACE... [[PORT:]KEY=VALUE...] [OPTION...]",
	.summary = "attach to interfaces and run the daemon, in the foreground",
	.about =
		"Attaches to the interfaces, or takes over what is attached to them already: then\n"
		"keys, connections and settings stay, the programs are replaced in one step.\n"
		"The shield goes on when the daemon ends; 'synshield detach' removes it.",
	.args = run_args,
	.any_iface = true,
	.settings = true,
	.run = run,
};
