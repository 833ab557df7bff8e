/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <ctype.h>
#include <string.h>

#include "args.h"
#include "commands.h"
#include "generate.h"
#include "options.h"

#define WIDTH 66 /* which leaves room for escapes */

/* Such that it looks like itself, and can be copied to a shell. */
static void put_verbatim(FILE *out, const char *text, size_t len)
{
	if (len && (*text == '.' || *text == '\''))
		fputs("\\&", out);
	for (; len--; text++) {
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '~')
			fputs("\\(ti", out);
		else if (*text == '^')
			fputs("\\(ha", out);
		else
			fprintf(out, "%s%c", *text == '-' ? "\\" : "", *text);
	}
}

static bool ends_sentence(const char *end)
{
	return (end[-1] == '.' || end[-1] == ':') && isupper((unsigned char)end[1]);
}

/* Prose, whose line breaks are a terminal's, in lines that end where sentences do. */
static void put_prose(FILE *out, const char *text, size_t len)
{
	const char *p = text, *end = text + len;
	size_t column = 0;
	bool stop = false;

	while (p < end) {
		size_t word = strcspn(p, " \n");

		if (word > (size_t)(end - p))
			word = end - p;
		if (column && (stop || column + 1 + word > WIDTH)) {
			putc('\n', out);
			column = 0;
		} else if (column) {
			putc(' ', out);
			column++;
		}
		put_verbatim(out, p, word);
		column += word;
		p += word;
		stop = p + 1 < end && ends_sentence(p);
		p += strspn(p, " \n");
	}
}

/* Paragraphs, blank lines between them; one that begins with blanks is a table. */
static void put_paragraphs(FILE *out, const char *text)
{
	while (*text) {
		const char *end = strstr(text, "\n\n");
		size_t len = end ? (size_t)(end - text) : strlen(text);

		fputs(*text == ' ' ? ".Bd -literal\n" : ".Pp\n", out);
		if (*text == ' ') {
			const char *line = text, *stop = text + len;

			while (line < stop) {
				size_t n = strcspn(line, "\n");

				put_verbatim(out, line, n);
				putc('\n', out);
				line += n + 1;
			}
			fputs(".Ed\n", out);
		} else {
			put_prose(out, text, len);
			putc('\n', out);
		}
		text += end ? len + 2 : len;
	}
}

static void put_choices(FILE *out, const char *const *choices)
{
	int i;

	for (i = 0; choices[i]; i++)
		fprintf(out, ".Cm %s%s\n", choices[i], choices[i + 1] ? " ," : "");
}

static void put_help(FILE *out, const struct arg *a)
{
	put_prose(out, a->help, strlen(a->help));
	fputs(a->choices ? ":\n" : "\n", out);
	if (a->choices)
		put_choices(out, a->choices);
}

static void put_arg(FILE *out, const struct arg *a)
{
	fputs(".It", out);
	if (a->letter)
		fprintf(out, " Fl %c ,", a->letter);
	fprintf(out, " Fl -%s", a->name);
	if (a->bare)
		fprintf(out, " Ns Op = Ns Ar %s", a->meta);
	else if (a->meta)
		fprintf(out, " Ar %s", a->meta);
	putc('\n', out);
	put_help(out, a);
}

static void put_args(FILE *out, const struct arg *a)
{
	if (!a->name)
		return;
	fputs(".Bl -tag -width indent\n", out);
	for (; a->name; a++)
		put_arg(out, a);
	fputs(".El\n", out);
}

static void put_usage(FILE *out, const struct command *cmd)
{
	const char *line = cmd->usage, *end;

	fprintf(out, ".Bd -literal -offset indent\nsynshield %s ", cmd->name);
	for (; (end = strchr(line, '\n')); line = end + 1) {
		put_verbatim(out, line, end - line);
		putc('\n', out);
		while (end[1] == ' ')
			end++;
	}
	put_verbatim(out, line, strlen(line));
	fputs("\n.Ed\n", out);
}

void manual_commands(FILE *out)
{
	const struct command *const *cmd;

	for (cmd = commands; *cmd; cmd++) {
		fprintf(out, ".Ss %s\n", (*cmd)->name);
		put_prose(out, (*cmd)->summary, strlen((*cmd)->summary));
		putc('\n', out);
		put_usage(out, *cmd);
		put_paragraphs(out, (*cmd)->about);
		put_args(out, (*cmd)->args);
	}
}

void manual_common(FILE *out)
{
	put_args(out, args_common);
}

/* The switches of `run` as a configuration file has them. */
void manual_head(FILE *out)
{
	const struct arg *a;

	fputs(".Bl -tag -width indent\n", out);
	for (a = command_run.args; a->name; a++) {
		if (a->line_only)
			continue;
		fputs(".It Cm ", out);
		put_verbatim(out, a->name, strlen(a->name));
		fprintf(out, " No = %s %s\n", a->meta ? "Ar" : "Cm", a->meta ? a->meta : "on|off");
		put_help(out, a);
	}
	fputs(".El\n", out);
}

static void put_values(FILE *out, const struct option_desc *d)
{
	__u32 i;

	if (d->type != OPTION_CHOICE) {
		fputs(d->type == OPTION_LIMIT ? "N|off" : "N", out);
		return;
	}
	for (i = d->min; i <= d->max; i++)
		fprintf(out, "%s%s", i > d->min ? "|" : "", d->names[i]);
}

void manual_settings(FILE *out)
{
	size_t i;

	fputs(".Bl -tag -width indent\n", out);
	for (i = 0; i < options_count; i++) {
		const struct option_desc *d = &options[i];

		fputs(".It Cm ", out);
		put_verbatim(out, d->name, strlen(d->name));
		putc('=', out);
		put_values(out, d);
		putc('\n', out);
		put_prose(out, d->help, strlen(d->help));
		fputs("\n(", out);
		options_print_range(out, d);
		fputs(")\n", out);
	}
	fputs(".El\n", out);
}
