/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "args.h"
#include "commands.h"
#include "fsm.h"
#include "generate.h"
#include "options.h"

/* -- the words of a command, as its usage says -- */

static bool begins(const char *word, const char *with)
{
	return !strncmp(word, with, strlen(with));
}

/* "add|del CIDR... [-f FILE]": verbs are what a line of the usage begins with, in small letters. */
static void put_verbs(FILE *out, const struct command *cmd)
{
	const char *line = cmd->usage, *p;

	while (line) {
		if (begins(line, "       synshield "))
			line = strchr(line + strlen("       synshield "), ' ') + 1;
		for (p = line; islower((unsigned char)*p) || *p == '|' || *p == '-'; p++)
			putc(*p == '|' ? ' ' : *p, out);
		if (p > line)
			putc(' ', out);
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
}

static void put_word(FILE *out, const struct command *cmd, const char *word)
{
	if (begins(word, "IFACE"))
		fputs(cmd->any_iface ? "@devices " : "@running ", out);
	else if (begins(word, "FILE"))
		fputs("@files ", out);
	else if (begins(word, "FILTER..."))
		fputs("@filters ", out);
}

static void put_words(FILE *out, const struct command *cmd)
{
	const char *p = cmd->usage;
	bool value = false; /* the word is that of a switch */

	while (*p) {
		size_t len = strcspn(p, " \n");
		const char *word = p + strspn(p, "[");

		if (*word == '-')
			value = !memchr(p, ']', len);
		else if (value)
			value = false;
		else
			put_word(out, cmd, word);
		p += len + strspn(p + len, " \n");
	}
	if (cmd->settings)
		fputs("@settings ", out);
}

/* -- switches and their values -- */

static void put_switches(FILE *out, const struct arg *a)
{
	for (; a->name; a++) {
		if (a->letter)
			fprintf(out, "-%c ", a->letter);
		fprintf(out, "--%s ", a->name);
	}
}

static void put_values(FILE *out, const struct arg *a)
{
	int i;

	if (a->choices) {
		for (i = 0; a->choices[i]; i++)
			fprintf(out, "%s ", a->choices[i]);
	} else if (begins(a->meta, "FILE")) {
		fputs("@files", out);
	} else if (begins(a->meta, "DIR")) {
		fputs("@directories", out);
	} else if (begins(a->meta, "IFACE")) {
		fputs("@running", out);
	}
}

static void put_valued(FILE *out, const char *cmd, const struct arg *a)
{
	for (; a->name; a++) {
		if (a->type == ARG_FLAG || a->bare)
			continue;
		fprintf(out, "\t['%s --%s']='", cmd, a->name);
		put_values(out, a);
		fputs("'\n", out);
		if (!a->letter)
			continue;
		fprintf(out, "\t['%s -%c']='", cmd, a->letter);
		put_values(out, a);
		fputs("'\n", out);
	}
}

/* -- settings -- */

static void put_setting(FILE *out, const struct option_desc *d, bool port)
{
	__u32 i;

	fprintf(out, "\t['%s%s']='", port ? "PORT:" : "", d->name);
	if (port)
		fputs("inherit ", out);
	if (d->type == OPTION_LIMIT)
		fputs("off ", out);
	for (i = d->min; d->type == OPTION_CHOICE && i <= d->max; i++)
		fprintf(out, "%s ", d->names[i]);
	fputs("'\n", out);
}

/* -- the tables -- */

static void put_table(FILE *out, const char *name,
		      void (*put)(FILE *out, const struct command *cmd))
{
	const struct command *const *cmd;

	fprintf(out, "declare -gA _synshield_%s=(\n", name);
	for (cmd = commands; *cmd; cmd++) {
		fprintf(out, "\t[%s]='", (*cmd)->name);
		put(out, *cmd);
		fputs("'\n", out);
	}
	fputs(")\n", out);
}

static void put_command_switches(FILE *out, const struct command *cmd)
{
	put_switches(out, cmd->args);
	put_switches(out, args_common);
}

void completion_tables(FILE *out)
{
	const struct command *const *cmd;
	size_t i;

	fputs("_synshield_commands='", out);
	for (cmd = commands; *cmd; cmd++)
		fprintf(out, "%s ", (*cmd)->name);
	fputs("help'\n_synshield_states='", out);
	for (i = 0; i < SYNSHIELD_TCP_STATES_MAX; i++)
		fprintf(out, "%s ", fsm_state_name(i));
	fputs("'\n", out);
	put_table(out, "verbs", put_verbs);
	put_table(out, "words", put_words);
	put_table(out, "switches", put_command_switches);
	fputs("declare -gA _synshield_values=(\n", out);
	for (cmd = commands; *cmd; cmd++) {
		put_valued(out, (*cmd)->name, (*cmd)->args);
		put_valued(out, (*cmd)->name, args_common);
	}
	fputs(")\ndeclare -gA _synshield_settings=(\n", out);
	for (i = 0; i < options_count; i++) {
		put_setting(out, &options[i], false);
		if (options[i].per_port)
			put_setting(out, &options[i], true);
	}
	fputs(")\n", out);
}
