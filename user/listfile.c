/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "listfile.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "cidr.h"
#include "log.h"

#define LINE_BYTES 256
#define BLANKS " \t\r\v\f"

struct reading {
	struct list_wishes *wishes;
	const char *name;
	unsigned int line, wrong;
};

/* What cannot be shown, on a terminal least of all, becomes '?'. */
static const char *shown(char text[CIDR_TEXT], const char *word)
{
	size_t i, len = strnlen(word, CIDR_TEXT);

	for (i = 0; i < len && i < CIDR_TEXT - 1; i++)
		text[i] = word[i] < ' ' || word[i] > '~' ? '?' : word[i];
	text[i] = 0;
	if (len == CIDR_TEXT)
		memcpy(text + CIDR_TEXT - 4, "...", 3);
	return text;
}

int listfile_words(struct list_wishes *wishes, int count, char **words)
{
	char why[CIDR_WHY], text[CIDR_TEXT];
	struct synshield_list_key key;
	int i, wrong = 0;

	for (i = 0; i < count; i++) {
		if (!cidr_parse(words[i], &key, why)) {
			if (list_wishes_add(wishes, &key, 0))
				return log_errno(-ENOMEM, "cannot keep the prefixes");
			continue;
		}
		if (wrong++ >= LISTFILE_ERRORS)
			continue;
		if (if_nametoindex(words[i]))
			log_line("'%s' is an interface: one is chosen by --iface %s", words[i],
				 words[i]);
		else
			log_line("'%s': %s", shown(text, words[i]), why);
	}
	if (wrong > LISTFILE_ERRORS)
		log_line("%d wrong prefixes, the first %d of them are shown", wrong,
			 LISTFILE_ERRORS);
	return wrong ? -EINVAL : 0;
}

static void complain(struct reading *r, const char *word, const char *why)
{
	char text[CIDR_TEXT];

	if (r->wrong++ < LISTFILE_ERRORS)
		log_line("%s:%u: '%s': %s", r->name, r->line, shown(text, word), why);
}

static int take_line(struct reading *r, char *line, size_t len)
{
	size_t said = strcspn(line, "#;");
	struct synshield_list_key key;
	char why[CIDR_WHY], *word;

	if (!line[said] && (said < len || len == LINE_BYTES)) {
		complain(r, line,
			 said < len ? "a zero byte follows: is this a text file?"
				    : "the line is too long");
		return 0;
	}
	line[said] = 0;
	word = line + strspn(line, BLANKS);
	for (len = strlen(word); len && strchr(BLANKS, word[len - 1]); len--)
		word[len - 1] = 0;
	if (!len)
		return 0;
	if (cidr_parse(word, &key, why)) {
		complain(r, word, why);
		return 0;
	}
	if (r->wishes->count >= SYNSHIELD_LISTS_MAX) {
		log_line("%s:%u: more prefixes than there is room for: %d", r->name, r->line,
			 SYNSHIELD_LISTS_MAX);
		return -ENOSPC;
	}
	return list_wishes_add(r->wishes, &key, r->line) ? log_errno(-ENOMEM, "%s", r->name) : 0;
}

/* Of a line that is too long only the beginning is kept. */
static int take_lines(struct reading *r, FILE *in)
{
	char line[LINE_BYTES + 1];
	size_t len = 0;
	int c, err = 0;

	do {
		c = getc_unlocked(in);
		if (c != '\n' && c != EOF) {
			if (len < LINE_BYTES)
				line[len++] = c;
			continue;
		}
		line[len] = 0;
		r->line++;
		if (len)
			err = take_line(r, line, len);
		len = 0;
	} while (c != EOF && !err);
	return err;
}

const char *listfile_name(const char *path)
{
	return strcmp(path, "-") ? path : "(standard input)";
}

int listfile_read(struct list_wishes *wishes, const char *path)
{
	struct reading r = {.wishes = wishes, .name = listfile_name(path)};
	FILE *in = strcmp(path, "-") ? fopen(path, "re") : stdin;
	int err;

	if (!in)
		return log_errno(-errno, "cannot open %s", r.name);
	err = take_lines(&r, in);
	if (!err && ferror(in))
		err = log_errno(-errno, "cannot read %s", r.name);
	if (in != stdin)
		fclose(in);
	if (r.wrong > LISTFILE_ERRORS)
		log_line("%s: %u wrong lines, the first %d of them are shown", r.name, r.wrong,
			 LISTFILE_ERRORS);
	return !err && r.wrong ? -EINVAL : err;
}
