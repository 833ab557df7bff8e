/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "args.h"
#include "caps.h"
#include "daemon.h"
#include "log.h"
#include "probe.h"
#include "readers.h"

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

/* What it takes to be protected; then everything that only this takes is given up. */
static int start(struct daemon *d, int count, char **ifnames, const struct metrics_address *where)
{
	int err;

	err = exporter_open(&d->exporter, &d->loop, &exporter_wish, where, &d->shields, &d->count);
	if (!err)
		err = daemon_start(d, count, ifnames, &wish);
	return err ? err : caps_drop();
}

static int run_daemon(int count, char **ifnames, const struct metrics_address *where)
{
	struct daemon d;
	int err = daemon_open(&d);

	if (err)
		return err;
	err = start(&d, count, ifnames, where);
	if (!err) {
		notify_manager("READY=1");
		err = daemon_run(&d);
		notify_manager("STOPPING=1");
	}
	daemon_close(&d);
	return err;
}

static int run(const struct command *cmd, int argc, char **argv)
{
	struct metrics_address where;
	int count, err;

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
	probe_ct_lookup(); /* as it is when the programs are loaded, and with all capabilities */
	if (!err)
		err = run_daemon(count, argv, &where);
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
