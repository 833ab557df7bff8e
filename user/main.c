/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "commands.h"
#include "log.h"

static void usage(FILE *out)
{
	const struct command *const *cmd;

	fprintf(out, "usage: synshield COMMAND [ARGUMENT...]\n\n"
		     "Answers SYN floods with cookies from the network driver (XDP), so that real\n"
		     "clients notice nothing.\n\ncommands:\n");
	for (cmd = commands; *cmd; cmd++)
		fprintf(out, "  %-10s%s\n", (*cmd)->name, (*cmd)->summary);
	fprintf(out, "  %-10s%s\n\n", "help", "this text; 'help COMMAND' is 'COMMAND --help'");
	fprintf(out, "exit codes: 0 done, 1 failed, 2 wrong usage, 3 not running\n");
}

static const struct command *find_command(const char *name)
{
	const struct command *const *cmd;

	for (cmd = commands; *cmd; cmd++) {
		if (!strcmp((*cmd)->name, name))
			return *cmd;
	}
	log_line("unknown command '%s'; see 'synshield --help'", name);
	return NULL;
}

static int help(int argc, char **argv)
{
	const struct command *cmd;

	if (!argc) {
		usage(stdout);
		return EXIT_OK;
	}
	cmd = find_command(argv[0]);
	if (!cmd)
		return EXIT_USAGE;
	args_help(cmd);
	return EXIT_OK;
}

int main(int argc, char **argv)
{
	const struct command *cmd;
	int err;

	if (argc < 2) {
		log_line("what shall be done? See 'synshield --help'");
		return EXIT_USAGE;
	}
	argc -= 2;
	argv++;
	if (!strcmp(argv[0], "--version") || !strcmp(argv[0], "-V")) {
		printf("synshield %s\n", SYNSHIELD_VERSION);
		return EXIT_OK;
	}
	if (!strcmp(argv[0], "--help") || !strcmp(argv[0], "-h") || !strcmp(argv[0], "help"))
		return help(argc, argv + 1);
	cmd = find_command(argv[0]);
	if (!cmd)
		return EXIT_USAGE;
	argv++;
	err = args_parse(cmd, &argc, argv);
	if (err)
		return err > 0 ? EXIT_OK : EXIT_USAGE;
	log_capture_libraries();
	return cmd->run(cmd, argc, argv);
}
