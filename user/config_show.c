/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The command config: what the maps hold, as a file that says so. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cidr.h"
#include "config.h"
#include "interfaces.h"
#include "log.h"
#include "pin.h"
#include "shield.h"

#define PREFIXES_MAX 1000 /* that are written line by line */
#define COLUMN 26	  /* where the values begin */

static bool show_all;

static const struct arg config_args[] = {
	{.name = "all",
	 .letter = 'a',
	 .type = ARG_FLAG,
	 .to = &show_all,
	 .help = "also what is as by default, each with what it means"},
	{},
};

static void comment(const char *text)
{
	const char *end;

	for (; (end = strchr(text, '\n')); text = end + 1)
		printf("; %.*s\n", (int)(end - text), text);
	printf("; %s\n", text);
}

static void setting(const struct option_desc *d, __u32 value, bool port)
{
	const char *word = options_word(d, value, port);

	printf("%-*s = ", COLUMN, d->name);
	if (word)
		puts(word);
	else
		printf("%u\n", value);
}

static void show_settings(const struct synshield_settings *s)
{
	size_t i;

	for (i = 0; i < options_count; i++) {
		__u32 value = options_get_settings(&options[i], s);

		if (!show_all && value == options[i].def)
			continue;
		if (show_all) {
			putchar('\n');
			comment(options[i].help);
			printf("; (");
			options_print_range(stdout, &options[i]);
			printf(")\n");
		}
		setting(&options[i], value, false);
	}
}

/* -- ports -- */

struct port_row {
	__u32 port;
	struct synshield_policy policy;
};

static int compare_ports(const void *a, const void *b)
{
	const struct port_row *l = a, *r = b;

	return (l->port > r->port) - (l->port < r->port);
}

static void show_port(const char *ifname, const struct port_row *row)
{
	size_t i;

	printf("\n[%s:%u]\n", ifname, row->port);
	for (i = 0; i < options_count; i++) {
		const struct option_desc *d = &options[i];
		__u32 value = d->per_port ? options_get_policy(d, &row->policy) : 0;

		if (value)
			setting(d, value, true);
	}
}

static int show_ports(const struct maps *maps, const char *ifname)
{
	struct synshield_policy *policies;
	struct port_row *rows;
	void *keys, *values;
	size_t count, i;
	int err;

	err = maps_dump(maps, MAP_POLICY, &keys, &values, &count);
	if (err)
		return err;
	policies = values;
	rows = calloc(count + 1, sizeof(*rows));
	for (i = 0; rows && i < count; i++)
		rows[i] = (struct port_row){((__u32 *)keys)[i], policies[i]};
	if (rows)
		qsort(rows, count, sizeof(*rows), compare_ports);
	for (i = 0; rows && i < count; i++)
		show_port(ifname, &rows[i]);
	err = rows ? 0 : -ENOMEM;
	free(rows);
	free(keys);
	free(values);
	return err;
}

/* -- lists -- */

static void show_list(const struct lists *lists, const struct config_word *w)
{
	size_t i, shown = 0;
	char text[CIDR_TEXT];

	for (i = 0; i < lists->count; i++) {
		if (lists->rows[i].list == w->list) {
			printf("%-*s = %s\n", COLUMN, w->name,
			       cidr_text(text, &lists->rows[i].key));
			shown++;
		}
	}
	if (!shown && show_all) /* which says that there are none */
		printf("%-*s =\n", COLUMN, w->name);
}

/* A file that names prefixes of one list is taken to name all of both. */
static void show_both(const struct lists *lists, const char *ifname)
{
	size_t i, count = lists_count(lists, SYNSHIELD_LIST_NONE);

	if (show_all && count <= PREFIXES_MAX)
		printf("\n; what is named here is all that is on the lists\n");
	if (count > PREFIXES_MAX) {
		printf("\n; Left out: %zu allowed and %zu denied prefixes, which stay as long as "
		       "this file\n; names none. To have them in it:\n",
		       lists_count(lists, SYNSHIELD_LIST_ALLOW),
		       lists_count(lists, SYNSHIELD_LIST_DENY));
		for (i = 0; i < CONFIG_WORDS; i++) {
			if (!config_words[i].file)
				printf(";   synshield %s list -i %s > %s.txt, and here %s-file = "
				       "%s.txt\n",
				       config_words[i].name, ifname, config_words[i].name,
				       config_words[i].name, config_words[i].name);
		}
		return;
	}
	for (i = 0; i < CONFIG_WORDS; i++) {
		if (!config_words[i].file)
			show_list(lists, &config_words[i]);
	}
}

static int show_lists(const struct maps *maps, const char *ifname)
{
	struct lists lists;
	void *keys, *values;
	size_t count;
	int err;

	err = maps_dump(maps, MAP_LISTS, &keys, &values, &count);
	if (err)
		return err;
	err = lists_from_map(&lists, keys, values, count);
	free(keys);
	free(values);
	if (err)
		return err;
	show_both(&lists, ifname);
	lists_free(&lists);
	return 0;
}

/* -- the file -- */

static int show_interface(const char *ifname)
{
	struct synshield_settings settings;
	struct pin_note note;
	struct maps maps;
	int err;

	err = interfaces_open_to_read(&maps, ifname);
	if (err)
		return err;
	err = maps_get(&maps, MAP_SETTINGS, &settings);
	if (!err) {
		printf("\n[%s]\n", ifname);
		if (!pin_read_note(ifname, &note))
			printf("; attached: XDP %s, %s; TC %s\n", shield_xdp_text(&note),
			       note.dispatcher ? "in libxdp's dispatcher" : "alone",
			       shield_tc_text(&note));
		show_settings(&settings);
		err = show_lists(&maps, ifname);
	}
	if (!err)
		err = show_ports(&maps, ifname);
	if (err)
		log_errno(err, "%s: cannot read its settings", ifname);
	maps_close(&maps);
	return err ? EXIT_FAILED : EXIT_OK;
}

/* How 'run' is to attach is no part of what runs: it is said as a comment. */
static void show_head(void)
{
	const struct arg *a;
	int i;

	printf("; What runs now, as a file for 'synshield run --config FILE'\n");
	for (a = command_run.args; show_all && a->name; a++) {
		if (a->line_only)
			continue;
		putchar('\n');
		comment(a->help);
		printf(";%s = %s", a->name, a->choices ? a->choices[0] : a->meta ? a->meta : "on");
		for (i = 1; a->choices && a->choices[i]; i++)
			printf("%s %s", i == 1 ? "   ; or" : ",", a->choices[i]);
		putchar('\n');
	}
}

static int show(const struct command *cmd, int argc, char **argv)
{
	char(*names)[IF_NAMESIZE] = NULL;
	size_t count, i;
	int code;

	code = interfaces_chosen(argc, argv, &names, &count);
	if (code)
		return code;
	show_head();
	for (i = 0; i < count && !code; i++)
		code = show_interface(names[i]);
	free(names);
	return code;
}

const struct command command_config = {
	.name = "config",
	.usage = "[IFACE...] [--all]",
	.summary = "print what is set now as a configuration file",
	.about = "Prints the settings of all interfaces that run, or of those named, as a file "
		 "that\n"
		 "'synshield check' accepts and 'synshield run --config FILE' makes the same of:\n"
		 "what is not as by default, and up to 1000 prefixes of the lists.",
	.args = config_args,
	.run = show,
};
