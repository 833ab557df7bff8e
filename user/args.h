/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef ARGS_H
#define ARGS_H

#include <stdbool.h>

enum arg_type {
	ARG_FLAG,   /* to: bool */
	ARG_TEXT,   /* to: const char * */
	ARG_NUMBER, /* to: unsigned int, within min and max */
	ARG_CHOICE, /* to: int, index into choices */
};

/* One --switch of a subcommand; tables end with a zeroed row. */
struct arg {
	const char *name;
	char letter;
	enum arg_type type;
	void *to;
	const char *meta;
	unsigned int min, max;
	unsigned int bare; /* a number's when none is given: --NAME[=N]; 0: one has to be */
	const char *const *choices;
	const char *help;
	const char *forms;		 /* of a text: what it may be, */
	bool (*valid)(const char *text); /* and whether it is; NULL: anything */
	bool line_only;			 /* of run: not in a configuration file */
};

#define ARGS_WHY 256

enum synshield_exit {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_RUNNING = 3,
};

struct command {
	const char *name;
	const char *usage;   /* what follows the name */
	const char *summary; /* one line */
	const char *about;   /* for --help */
	const struct arg *args;
	bool settings;	/* takes [PORT:]KEY=VALUE: --help lists them */
	bool any_iface; /* IFACE need not be running */
	int (*run)(const struct command *cmd, int argc, char **argv);
};

/* the switches that every subcommand has */
extern const struct arg args_common[];

/* --pin-dir, of every subcommand; $SYNSHIELD_PIN_DIR; else the default */
extern const char *args_pin_dir;

/*
 * Reads the switches, leaves the other words in argv[0..*argc).  Returns 0;
 * 1 if --help was asked for and shown; -EINVAL after saying what is wrong.
 */
int args_parse(const struct command *cmd, int *argc, char **argv);
void args_help(const struct command *cmd);

/* A row by its name; NULL: there is none. */
const struct arg *args_row(const struct arg *table, const char *name);
/*
 * The same switches from a file, where a flag is on or off.  -EINVAL: why says what is wrong
 * with the text.  to of an ARG_TEXT points to it then.
 */
int args_check(const struct arg *a, const char *text, char why[ARGS_WHY]);
void args_take(const struct arg *a, const char *text);
/* Was it on the command line? */
bool args_given(const struct arg *a);

/* "synshield CMD: ...; see ..." on stderr; returns EXIT_USAGE */
int args_wrong(const struct command *cmd, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* A prefix that --NAME may say (NULL: it did not); 0, or EXIT_USAGE after saying what is wrong. */
int args_prefix(const struct command *cmd, const char *name, const char *text,
		unsigned char addr[16], unsigned char *bits);

extern const struct command command_run, command_status, command_stats, command_set, command_allow,
	command_conns, command_trace, command_capture, command_replay, command_deny, command_detach,
	command_doctor, command_metrics, command_check, command_config, command_top;

#endif
