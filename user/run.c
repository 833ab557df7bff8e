/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "caps.h"
#include "config.h"
#include "daemon.h"
#include "log.h"
#include "notify.h"
#include "probe.h"
#include "readers.h"
#include "stops.h"

static struct shield_wish wish;
static const char *group, *config_file;
static struct config config;
static struct exporter_wish exporter_wish;

static bool is_metrics_address(const char *text)
{
	struct metrics_address where;

	return !metrics_address_parse(&where, text);
}

static const char *const xdp_choices[] = {"auto", "native", "generic", NULL};
static const char *const tc_choices[] = {"auto", "tcx", "clsact", NULL};

static const struct arg run_args[] = {
	{.name = "config",
	 .type = ARG_TEXT,
	 .to = &config_file,
	 .meta = "FILE",
	 .line_only = true,
	 .help = "take interfaces, settings and these options from FILE; words of the\n"
		 "command line go over it (default, without IFACE: " CONFIG_FILE ")"},
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
	 .forms = "PORT, ADDRESS:PORT or [ADDRESS]:PORT",
	 .valid = is_metrics_address,
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
	if (names || config_file)
		return names;
	if (!access(CONFIG_FILE, F_OK)) {
		config_file = CONFIG_FILE;
		return 0;
	}
	args_wrong(cmd, "which interface? Give it, or write " CONFIG_FILE);
	return -EINVAL;
}

/* The switches before the first section, where the command line has not the same. */
static void take_head(void)
{
	size_t i;

	for (i = 0; i < config.head_count; i++) {
		if (!args_given(config.head[i].arg))
			args_take(config.head[i].arg, config.head[i].text);
	}
}

/* The file, where there is one; without interfaces on the command line those of the file. */
static int read_config(int *count, char **argv, char ***ifnames)
{
	size_t n = *count, i;
	int err;

	err = config_load(&config, config_file, run_args);
	if (err)
		return err;
	take_head();
	wish.config = &config;
	wish.config_head = run_args;
	wish.config_all = !n;
	for (i = 0; i < n && !err; i++) {
		if (!config_has(&config, argv[i]))
			err = -ENODEV;
	}
	if (err)
		log_line("%s: has no section [%s]: write it", config.name, argv[i - 1]);
	if (n || err)
		return err;
	err = config_interfaces(&config, ifnames, &n);
	*count = n;
	return err;
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
	STOP("started");
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

/* To try again does not help, and a service manager does not: see the unit. */
static bool is_final(int err)
{
	return err == -EPROTO; /* another version's shield is attached */
}

static int run(const struct command *cmd, int argc, char **argv)
{
	struct metrics_address where;
	char **of_file = NULL;
	bool wrong = false;
	int count, err;

	count = sort_words(cmd, argc, argv);
	if (count < 0) {
		options_free(&wish.options);
		return EXIT_USAGE;
	}
	err = caps_require();
	if (!err && config_file) {
		err = read_config(&count, argv, &of_file);
		wrong = err;
	}
	if (!err)
		err = check_interfaces(count, of_file ? of_file : argv);
	if (!err && group)
		err = readers_choose(group);
	if (!err && exporter_wish.listen)
		err = metrics_address_parse(&where, exporter_wish.listen);
	probe_ct_lookup(); /* as it is when the programs are loaded, and with all capabilities */
	if (!err)
		err = run_daemon(count, of_file ? of_file : argv, &where);
	free(of_file);
	config_free(&config);
	options_free(&wish.options);
	if (wrong || is_final(err))
		return EXIT_USAGE;
	return err ? EXIT_FAILED : EXIT_OK;
}

const struct command command_run = {
	.name = "run",
	.usage = "[IFACE...] [[PORT:]KEY=VALUE...] [OPTION...]",
	.summary = "attach to interfaces and run the daemon, in the foreground",
	.about =
		"Attaches to the interfaces, or takes over what is attached to them already: then\n"
		"keys, connections and settings stay, the programs are replaced in one step. With "
		"a\n"
		"configuration file the settings become what the file says; SIGHUP reads it anew.\n"
		"The shield goes on when the daemon ends; 'synshield detach' removes it.",
	.args = run_args,
	.any_iface = true,
	.settings = true,
	.run = run,
};
