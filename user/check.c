/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "args.h"
#include "config.h"
#include "listfile.h"
#include "log.h"

static const struct arg check_args[] = {{}};

static int check(const struct command *cmd, int argc, char **argv)
{
	const char *file = argc ? argv[0] : CONFIG_FILE;
	char **names = NULL;
	struct config config;
	size_t count, i;
	int err;

	if (argc > 1)
		return args_wrong(cmd, "one file at a time, not '%s' too", argv[1]);
	err = config_load(&config, file, command_run.args);
	if (!err)
		err = config_interfaces(&config, &names, &count);
	for (i = 0; !err && i < count; i++) {
		if (!if_nametoindex(names[i]))
			log_line("%s: warning: %s: no such interface in this network namespace now",
				 config.name, names[i]);
	}
	if (!err)
		printf("%s: ok, %zu interface%s\n", config.name, count, count == 1 ? "" : "s");
	free(names);
	config_free(&config);
	return err ? EXIT_FAILED : EXIT_OK;
}

const struct command command_check = {
	.name = "check",
	.usage = "[FILE]",
	.summary = "say what is wrong with a configuration file, and apply nothing",
	.about = "Reads FILE (default " CONFIG_FILE
		 "; '-': standard input) as 'run' would, with the\n"
		 "files of prefixes that it names, and says every error with its line. Needs no\n"
		 "root, and changes nothing.",
	.args = check_args,
	.run = check,
};
