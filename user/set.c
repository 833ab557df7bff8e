/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "interfaces.h"
#include "listeners.h"
#include "log.h"
#include "pin.h"
#include "settings.h"

static const struct arg set_args[] = {{}};

static void note_silent_ports(const struct maps *maps, const char *ifname,
			      const struct option_list *given)
{
	struct listener_row *rows;
	size_t count, i, j;

	if (listeners_read(maps, &rows, &count))
		return;
	for (i = 0; i < given->count; i++) {
		__u32 port = given->values[i].port;
		bool said = false;

		for (j = 0; j < i; j++)
			said |= given->values[j].port == port;
		for (j = 0; j < count; j++)
			said |= rows[j].key.port == port;
		if (port && !said)
			log_line("%s: note: nothing listens on port %u now; the setting waits",
				 ifname, port);
	}
	free(rows);
}

static int change(const char *ifname, const struct option_list *given)
{
	struct maps maps;
	int root, err;

	root = pin_open_root(false);
	if (root == -ENOENT)
		return interfaces_not_running(ifname);
	if (root < 0)
		return EXIT_FAILED;
	err = maps_open(&maps, ifname);
	if (err == -ENOENT) {
		close(root);
		return interfaces_not_running(ifname);
	}
	if (!err) {
		err = settings_change(&maps, ifname, given);
		if (!err)
			note_silent_ports(&maps, ifname, given);
		maps_close(&maps);
	}
	close(root);
	return err ? EXIT_FAILED : EXIT_OK;
}

static int set(const struct command *cmd, int argc, char **argv)
{
	struct option_list given = {};
	int i, code = EXIT_OK;

	if (!argc || strchr(argv[0], '='))
		return args_wrong(cmd, "which interface? It comes first");
	if (argc < 2)
		return args_wrong(cmd, "what shall be set? Give [PORT:]KEY=VALUE");
	for (i = 1; i < argc && code == EXIT_OK; i++) {
		if (options_parse(&given, argv[i]))
			code = EXIT_USAGE;
	}
	if (code == EXIT_OK)
		code = strlen(argv[0]) < IF_NAMESIZE ? change(argv[0], &given)
						     : interfaces_not_running(argv[0]);
	options_free(&given);
	return code;
}

const struct command command_set = {
	.name = "set",
	.usage = "IFACE [PORT:]KEY=VALUE...",
	.summary = "change settings of a running shield, at once",
	.about =
		"Changes settings while the shield runs, with a daemon or without; nothing is\n"
		"attached anew. If one word is wrong nothing is changed. 'synshield status' shows\n"
		"what is set.",
	.args = set_args,
	.settings = true,
	.run = set,
};
