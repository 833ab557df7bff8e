/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "interfaces.h"
#include "log.h"
#include "pin.h"
#include "shield.h"

static bool all;

static const struct arg detach_args[] = {
	{.name = "all", .type = ARG_FLAG, .to = &all, .help = "from every interface that has it"},
	{},
};

static int detach_one(const char *ifname)
{
	char path[PATH_MAX];
	int err;

	/* '/' would lead out of the pin directory */
	if (strlen(ifname) >= IF_NAMESIZE || !*ifname || *ifname == '.' || strchr(ifname, '/'))
		return interfaces_not_running(ifname);
	/* not its lock: a start or detach that was killed may have left the rest */
	pin_path(path, ifname, NULL);
	if (access(path, F_OK))
		return interfaces_not_running(ifname);
	err = shield_remove(ifname);
	if (err)
		return EXIT_FAILED;
	printf("%s: detached\n", ifname);
	return EXIT_OK;
}

static int detach_named(int count, char **ifnames)
{
	int i, code, worst = EXIT_OK;

	for (i = 0; i < count; i++) {
		code = detach_one(ifnames[i]);
		if (worst != EXIT_FAILED && code != EXIT_OK)
			worst = code;
	}
	return worst;
}

static int detach_all(void)
{
	char(*names)[IF_NAMESIZE] = NULL;
	size_t count = 0, i;
	int code, worst;

	worst = interfaces_chosen(0, NULL, &names, &count);
	for (i = 0; i < count; i++) {
		code = detach_one(names[i]);
		worst = code ? code : worst;
	}
	free(names);
	return worst;
}

static int detach(const struct command *cmd, int argc, char **argv)
{
	int root, code;

	if (all && argc)
		return args_wrong(cmd, "--all takes no names");
	if (!all && !argc)
		return args_wrong(cmd, "which interface?");
	root = pin_open_root(false);
	if (root < 0 && root != -ENOENT)
		return EXIT_FAILED;
	/* without a root, these say that nothing runs */
	code = all ? detach_all() : detach_named(argc, argv);
	if (root >= 0)
		close(root);
	return code;
}

const struct command command_detach = {
	.name = "detach",
	.usage = "IFACE... | --all",
	.summary = "remove the shield from interfaces, with all it pinned",
	.about =
		"Detaches the programs and removes the pins, also while a daemon runs: it notices\n"
		"and ends. Connections go on; they are the kernel's.",
	.args = detach_args,
	.run = detach,
};
