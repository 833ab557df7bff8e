/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "args.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cidr.h"
#include "options.h"
#include "synshield/synshield.h"

const char *args_pin_dir;
static bool args_help_wanted;

#define ARGS_NOTED 64
static const struct arg *args_noted[ARGS_NOTED]; /* on the command line */
static size_t args_noted_count;

const struct arg args_common[] = {
	{.name = "pin-dir",
	 .type = ARG_TEXT,
	 .to = &args_pin_dir,
	 .meta = "DIR",
	 .help = "where the maps and links are pinned, on a bpffs\n"
		 "($SYNSHIELD_PIN_DIR; default " SYNSHIELD_PIN_ROOT ")"},
	{.name = "help",
	 .letter = 'h',
	 .type = ARG_FLAG,
	 .to = &args_help_wanted,
	 .help = "this text"},
	{},
};

int args_wrong(const struct command *cmd, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "synshield %s: %s; see 'synshield %s --help'\n", cmd->name, text,
		cmd->name);
	return EXIT_USAGE;
}

int args_prefix(const struct command *cmd, const char *name, const char *text,
		unsigned char addr[16], unsigned char *bits)
{
	struct synshield_list_key key;
	char why[CIDR_WHY];

	if (!text)
		return 0;
	if (cidr_parse(text, &key, why))
		return args_wrong(cmd, "--%s '%s': %s", name, text, why);
	memcpy(addr, key.addr, 16);
	*bits = key.prefixlen;
	return 0;
}

static const struct arg *args_find_in(const struct arg *table, const char *name, size_t len,
				      char letter)
{
	const struct arg *a;

	for (a = table; a && a->name; a++) {
		if (name && strlen(a->name) == len && !strncmp(a->name, name, len))
			return a;
		if (letter && a->letter == letter)
			return a;
	}
	return NULL;
}

static const struct arg *args_find(const struct command *cmd, const char *name, size_t len,
				   char letter)
{
	const struct arg *a = args_find_in(cmd->args, name, len, letter);

	return a ? a : args_find_in(args_common, name, len, letter);
}

static void args_list_words(const char *const *words, char *buf, size_t size)
{
	size_t used = 0;
	int i;

	buf[0] = 0;
	for (i = 0; words[i] && used < size; i++)
		used += snprintf(buf + used, size - used, "%s%s", i ? ", " : "", words[i]);
}

/* What a text means to a switch. */
union args_value {
	bool flag;
	int choice;
	unsigned int number;
};

static int args_read(const struct arg *a, const char *text, union args_value *v, char why[ARGS_WHY])
{
	static const char *const flags[] = {"off", "on", NULL};
	const char *const *words = a->type == ARG_FLAG ? flags : a->choices;
	char list[128], *end;
	unsigned long n;

	if (a->type == ARG_TEXT) {
		if (!*text)
			snprintf(why, ARGS_WHY, "takes %s, not an empty word", a->meta);
		else if (a->valid && !a->valid(text))
			snprintf(why, ARGS_WHY, "takes %s, not '%.64s'", a->forms, text);
		else
			return 0;
		return -EINVAL;
	}
	if (a->type == ARG_NUMBER) {
		errno = 0;
		n = strtoul(text, &end, 10);
		snprintf(why, ARGS_WHY, "takes a number from %u to %u, not '%.64s'", a->min, a->max,
			 text);
		v->number = n;
		return *text < '0' || *text > '9' || *end || errno || n < a->min || n > a->max
			       ? -EINVAL
			       : 0;
	}
	for (n = 0; words[n] && strcmp(words[n], text); n++)
		;
	args_list_words(words, list, sizeof(list));
	snprintf(why, ARGS_WHY, "takes one of %s, not '%.64s'", list, text);
	if (a->type == ARG_FLAG)
		v->flag = n;
	else
		v->choice = n;
	return words[n] ? 0 : -EINVAL;
}

int args_check(const struct arg *a, const char *text, char why[ARGS_WHY])
{
	union args_value v;

	return args_read(a, text, &v, why);
}

void args_take(const struct arg *a, const char *text)
{
	char why[ARGS_WHY];
	union args_value v;

	if (args_read(a, text, &v, why))
		return;
	switch (a->type) {
	case ARG_FLAG:
		*(bool *)a->to = v.flag;
		break;
	case ARG_TEXT:
		*(const char **)a->to = text;
		break;
	case ARG_NUMBER:
		*(unsigned int *)a->to = v.number;
		break;
	case ARG_CHOICE:
		*(int *)a->to = v.choice;
		break;
	}
}

static int args_store(const struct command *cmd, const struct arg *a, const char *value)
{
	char why[ARGS_WHY];

	if (args_check(a, value, why)) {
		args_wrong(cmd, "--%s %s", a->name, why);
		return -EINVAL;
	}
	args_take(a, value);
	return 0;
}

const struct arg *args_row(const struct arg *table, const char *name)
{
	return args_find_in(table, name, strlen(name), 0);
}

static void args_note(const struct arg *a)
{
	if (!args_given(a) && args_noted_count < ARGS_NOTED)
		args_noted[args_noted_count++] = a;
}

bool args_given(const struct arg *a)
{
	size_t i;

	for (i = 0; i < args_noted_count; i++) {
		if (args_noted[i] == a)
			return true;
	}
	return false;
}

/* Takes argv[*i], and the next word where the switch has a value. */
static int args_switch(const struct command *cmd, int argc, char **argv, int *i)
{
	const char *word = argv[*i], *value = NULL;
	const struct arg *a;

	if (word[1] == '-') {
		value = strchr(word, '=');
		a = args_find(cmd, word + 2, value ? (size_t)(value - word - 2) : strlen(word + 2),
			      0);
		if (value)
			value++;
	} else {
		a = word[2] ? NULL : args_find(cmd, NULL, 0, word[1]);
	}
	if (!a) {
		args_wrong(cmd, "unknown option '%s'", word);
		return -EINVAL;
	}
	if (a->type == ARG_FLAG && value) {
		args_wrong(cmd, "--%s takes no value", a->name);
		return -EINVAL;
	}
	args_note(a);
	if (a->bare && !value) {
		*(unsigned int *)a->to = a->bare;
		return 0;
	}
	if (a->type != ARG_FLAG && !value) {
		if (*i + 1 >= argc) {
			args_wrong(cmd, "--%s needs %s", a->name, a->meta);
			return -EINVAL;
		}
		value = argv[++*i];
	}
	return args_store(cmd, a, a->type == ARG_FLAG ? "on" : value);
}

int args_parse(const struct command *cmd, int *argc, char **argv)
{
	int i, err, words = 0;
	bool only_words = false;

	args_pin_dir = getenv("SYNSHIELD_PIN_DIR");
	for (i = 0; i < *argc; i++) {
		if (only_words || argv[i][0] != '-' || !argv[i][1]) {
			argv[words++] = argv[i];
		} else if (!strcmp(argv[i], "--")) {
			only_words = true;
		} else {
			err = args_switch(cmd, *argc, argv, &i);
			if (err)
				return err;
		}
	}
	*argc = words;
	if (!args_pin_dir || !*args_pin_dir)
		args_pin_dir = SYNSHIELD_PIN_ROOT;
	if (!args_help_wanted)
		return 0;
	args_help(cmd);
	return 1;
}

static void args_help_rows(const struct arg *a)
{
	char left[64], list[128];
	const char *p, *end;

	for (; a && a->name; a++) {
		snprintf(left, sizeof(left), "%c%c --%s%s%s%s", a->letter ? '-' : ' ',
			 a->letter ? a->letter : ' ', a->name,
			 a->bare   ? "[="
			 : a->meta ? " "
				   : "",
			 a->meta ? a->meta : "", a->bare ? "]" : "");
		printf("  %-24s", left);
		for (p = a->help; (end = strchr(p, '\n')); p = end + 1)
			printf("%.*s\n%26s", (int)(end - p), p, "");
		printf("%s", p);
		if (a->choices) {
			args_list_words(a->choices, list, sizeof(list));
			printf(": %s", list);
		}
		putchar('\n');
	}
}

void args_help(const struct command *cmd)
{
	printf("usage: synshield %s %s\n\n%s\n\noptions:\n", cmd->name, cmd->usage, cmd->about);
	args_help_rows(cmd->args);
	args_help_rows(args_common);
	if (cmd->settings)
		options_help(stdout);
}
