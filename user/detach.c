/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "interfaces.h"
#include "log.h"
#include "pin.h"
#include "shield.h"

static const struct arg detach_args[] = {{}};

static int detach_one(const char *ifname)
{
	int fd, err;

	/* '/' would lead out of the pin directory */
	fd = strlen(ifname) < IF_NAMESIZE && *ifname && *ifname != '.' && !strchr(ifname, '/')
		     ? pin_open_dir(ifname)
		     : -ENOENT;
	if (fd == -ENOENT)
		return interfaces_not_running(ifname);
	if (fd < 0)
		return EXIT_FAILED;
	close(fd);
	err = shield_remove(ifname);
	if (err)
		return EXIT_FAILED;
	printf("%s: detached\n", ifname);
	return EXIT_OK;
}

static int detach(const struct command *cmd, int argc, char **argv)
{
	int root, i, code, worst = EXIT_OK;

	if (!argc)
		return args_wrong(cmd, "which interface?");
	root = pin_open_root(false);
	if (root == -ENOENT)
		return interfaces_not_running(argv[0]);
	if (root < 0)
		return EXIT_FAILED;
	for (i = 0; i < argc; i++) {
		code = detach_one(argv[i]);
		if (worst != EXIT_FAILED && code != EXIT_OK)
			worst = code;
	}
	close(root);
	return worst;
}

const struct command command_detach = {
	.name = "detach",
	.usage = "IFACE...",
	.summary = "remove the shield from interfaces, with all it pinned",
	.about =
		"Detaches the programs and removes the pins, also while a daemon runs: it notices\n"
		"and ends. Connections go on; they are the kernel's.",
	.args = detach_args,
	.run = detach,
};
