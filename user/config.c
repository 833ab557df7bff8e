/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * libinih splits KEY = VALUE, and takes off blanks and comments.  It reports neither empty
 * sections nor any error but the first, and cuts what is long: so lines are handed to it one
 * by one, after a look at their bytes, and sections are read here.
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cidr.h"
#include "log.h"
#include "near.h"

const struct config_word config_words[CONFIG_WORDS] = {
	{"allow", SYNSHIELD_LIST_ALLOW, false, "prefixes that are always let in"},
	{"deny", SYNSHIELD_LIST_DENY, false, "prefixes that get nothing"},
	{"allow-file", SYNSHIELD_LIST_ALLOW, true, "a file of such prefixes, one per line"},
	{"deny-file", SYNSHIELD_LIST_DENY, true, "the same"},
};

struct parser {
	struct config *config;
	const struct arg *head;
	const char *at, *end; /* of the text */
	unsigned int line;
	bool pending; /* it was handed to libinih, which has not handed it back */
	bool broken;  /* no text: the rest is not looked at */
	int err;
	bool in_head;
	struct config_section *section;
	struct config_section nowhere; /* what stands in a section that is wrong */
};

void config_wrong(struct config *c, unsigned int line, const char *fmt, ...)
{
	char text[1536];
	va_list ap;
	size_t i;

	if (c->wrong++ >= CONFIG_ERRORS)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (i = 0; text[i]; i++) { /* what cannot be shown, on a terminal least of all */
		if (text[i] < ' ' || text[i] > '~')
			text[i] = '?';
	}
	if (line)
		log_line("%s:%u: %s", c->name, line, text);
	else
		log_line("%s: %s", c->name, text);
}

/* One more row at the end of an array, zeroed; NULL: no memory. */
static void *grow(void **rows, size_t *count, size_t size)
{
	char *more = reallocarray(*rows, *count + 1, size);

	if (!more)
		return NULL;
	*rows = more;
	return memset(more + size * (*count)++, 0, size);
}

/* -- sections -- */

static void section_free(struct config_section *s)
{
	free(s->options.values);
	list_wishes_free(&s->wishes[SYNSHIELD_LIST_ALLOW]);
	list_wishes_free(&s->wishes[SYNSHIELD_LIST_DENY]);
	while (s->file_count)
		free(s->files[--s->file_count].path);
	free(s->files);
	memset(s, 0, sizeof(*s));
}

/* What the kernel takes for an interface's name. */
static bool names_interface(const char *name)
{
	const char *p;

	for (p = name; *p; p++) {
		if (*p == '/' || *p == ':' || isspace((unsigned char)*p))
			return false;
	}
	return *name && strcmp(name, ".") && strcmp(name, "..");
}

static int parse_section_name(struct parser *p, char *name, struct config_section *s)
{
	static const char *const defaults[] = {CONFIG_DEFAULTS};
	char *colon = strchr(name, ':'), why[OPTION_WHY];

	if (colon)
		*colon = 0;
	if (!names_interface(name)) {
		config_wrong(p->config, p->line,
			     "'%.64s' is no interface: a section is [" CONFIG_DEFAULTS
			     "], [IFACE] or [IFACE:PORT]",
			     name);
		return -EINVAL;
	}
	if (strlen(name) >= IF_NAMESIZE) {
		config_wrong(p->config, p->line,
			     "'%.64s' is too long for an interface: a name has %d bytes at most",
			     name, IF_NAMESIZE - 1);
		return -EINVAL;
	}
	if (strcmp(name, CONFIG_DEFAULTS) && near_name(name, defaults, 1)) {
		config_wrong(p->config, p->line, "'%s': did you mean [" CONFIG_DEFAULTS "]?", name);
		return -EINVAL;
	}
	if (colon && options_port(colon + 1, &s->port, why)) {
		config_wrong(p->config, p->line, "%s", why);
		return -EINVAL;
	}
	if (strcmp(name, CONFIG_DEFAULTS))
		snprintf(s->ifname, sizeof(s->ifname), "%s", name);
	return 0;
}

static const struct config_section *same_section(const struct config *c,
						 const struct config_section *s)
{
	size_t i;

	for (i = 0; i < c->count; i++) {
		if (c->sections[i].port == s->port && !strcmp(c->sections[i].ifname, s->ifname))
			return &c->sections[i];
	}
	return NULL;
}

static void enter(struct parser *p, const struct config_section *s)
{
	struct config *c = p->config;
	const struct config_section *same = same_section(c, s);

	if (same) {
		config_wrong(c, p->line,
			     "the section is there already, in line %u: write its settings there",
			     same->line);
		return;
	}
	p->section = grow((void **)&c->sections, &c->count, sizeof(*c->sections));
	if (!p->section) {
		p->section = &p->nowhere;
		p->err = -ENOMEM;
		return;
	}
	*p->section = *s;
}

/* The line from its '[' on. */
static void take_section(struct parser *p, char *text)
{
	struct config_section s = {.line = p->line};
	char *close = strchr(text, ']'), *rest = close ? close + 1 : NULL;

	p->in_head = false;
	section_free(&p->nowhere);
	p->section = &p->nowhere;
	while (rest && isspace((unsigned char)*rest))
		rest++;
	if (!close || (*rest && *rest != '#' && *rest != ';')) {
		config_wrong(p->config, p->line,
			     "a section stands alone in its line: [" CONFIG_DEFAULTS
			     "], [IFACE] or [IFACE:PORT]");
		return;
	}
	*close = 0;
	if (!parse_section_name(p, text + 1, &s))
		enter(p, &s);
}

/* -- what stands in them -- */

static void take_switch(struct parser *p, const char *key, const char *text)
{
	struct config *c = p->config;
	const struct arg *a = args_row(p->head, key);
	char why[ARGS_WHY];
	struct config_switch *row;
	size_t i;

	for (i = 0; a && i < c->head_count; i++) {
		if (c->head[i].arg == a) {
			config_wrong(c, p->line, "%s is given already, in line %u: take one out",
				     key, c->head[i].line);
			return;
		}
	}
	if (args_check(a, text, why)) {
		config_wrong(c, p->line, "%s %s", key, why);
		return;
	}
	row = grow((void **)&c->head, &c->head_count, sizeof(*c->head));
	if (row)
		*row = (struct config_switch){.arg = a, .line = p->line, .text = strdup(text)};
	if (!row || !row->text)
		p->err = -ENOMEM;
}

static void unknown_switch(struct parser *p, const char *key)
{
	const char *names[OPTIONS_MAX];
	const struct arg *a;
	char why[OPTION_WHY];
	size_t n = 0;

	for (a = p->head; a->name && n < OPTIONS_MAX; a++) {
		if (!a->line_only)
			names[n++] = a->name;
	}
	near_unknown(why, sizeof(why), "switch", key, names, n);
	config_wrong(p->config, p->line, "%s", why);
}

static const struct config_word *find_word(const char *key)
{
	size_t i;

	for (i = 0; i < CONFIG_WORDS; i++) {
		if (!strcmp(config_words[i].name, key))
			return &config_words[i];
	}
	return NULL;
}

static void take_head(struct parser *p, const char *key, const char *text)
{
	const struct arg *a = args_row(p->head, key);

	if (a && !a->line_only)
		take_switch(p, key, text);
	else if (a)
		config_wrong(p->config, p->line,
			     "%s is for the command line: write it there, as --%s", key, key);
	else if (options_find(key) || find_word(key))
		config_wrong(p->config, p->line,
			     "%s stands before any section: write it in [" CONFIG_DEFAULTS
			     "] or [IFACE]",
			     key);
	else
		unknown_switch(p, key);
}

static void take_option(struct parser *p, const struct option_desc *d, const char *text)
{
	struct config_section *s = p->section;
	struct option_value v = {.desc = d, .port = s->port, .line = p->line};
	char why[OPTION_WHY];
	size_t i;

	if (s->port && !d->per_port) {
		config_wrong(p->config, p->line,
			     "%s is the interface's, not a port's: write it in the section [%s]",
			     d->name, s->ifname[0] ? s->ifname : CONFIG_DEFAULTS);
		return;
	}
	for (i = 0; i < s->options.count; i++) {
		if (s->options.values[i].desc == d) {
			config_wrong(p->config, p->line,
				     "%s is given already, in line %u: take one out", d->name,
				     s->options.values[i].line);
			return;
		}
	}
	if (options_read(d, text, s->port != 0, &v.value, why))
		config_wrong(p->config, p->line, "%s", why);
	else if (options_add(&s->options, &v))
		p->err = -ENOMEM;
}

static void take_prefixes(struct parser *p, const struct config_word *w, const char *text)
{
	char buf[CONFIG_LINE + 1], why[CIDR_WHY], *rest = buf, *word;
	struct synshield_list_key key;

	snprintf(buf, sizeof(buf), "%s", text);
	while ((word = strsep(&rest, ", \t"))) {
		if (!*word)
			continue;
		if (cidr_parse(word, &key, why))
			config_wrong(p->config, p->line, "'%.64s': %s", word, why);
		else if (list_wishes_add(&p->section->wishes[w->list], &key, p->line))
			p->err = -ENOMEM;
	}
}

static void take_list(struct parser *p, const struct config_word *w, const char *text)
{
	struct config_section *s = p->section;
	struct config_listfile *file;

	if (s->port) {
		config_wrong(p->config, p->line,
			     "%s is the interface's, not a port's: write it in the section [%s]",
			     w->name, s->ifname[0] ? s->ifname : CONFIG_DEFAULTS);
		return;
	}
	s->lists = true;
	if (!w->file) {
		take_prefixes(p, w, text);
		return;
	}
	if (!*text) {
		config_wrong(p->config, p->line, "%s names no file: write %s = FILE", w->name,
			     w->name);
		return;
	}
	file = grow((void **)&s->files, &s->file_count, sizeof(*s->files));
	if (file)
		*file = (struct config_listfile){w->list, p->line, strdup(text)};
	if (!file || !file->path)
		p->err = -ENOMEM;
}

static void unknown_key(struct parser *p, const char *key)
{
	const char *more[CONFIG_WORDS];
	char why[OPTION_WHY];
	__u32 port;
	size_t i;

	for (i = 0; i < CONFIG_WORDS; i++)
		more[i] = config_words[i].name;
	if (args_row(p->head, key))
		snprintf(why, sizeof(why),
			 "%s holds for all interfaces: write it before the first section", key);
	else if (!options_port(key, &port, why))
		snprintf(why, sizeof(why),
			 "'%s' is a port: its settings have a section of their own, [%s:%s]", key,
			 p->section->ifname[0] ? p->section->ifname : "IFACE", key);
	else
		options_unknown(key, more, CONFIG_WORDS, why);
	config_wrong(p->config, p->line, "%s", why);
}

/* libinih's, of one line */
static int take_pair(void *user, const char *section, const char *key, const char *text)
{
	struct parser *p = user;
	const struct option_desc *d = options_find(key);
	const struct config_word *w = find_word(key);

	p->pending = false;
	if (!*key)
		config_wrong(p->config, p->line, "the name is missing: write KEY = VALUE");
	else if (p->in_head)
		take_head(p, key, text);
	else if (d)
		take_option(p, d, text);
	else if (w)
		take_list(p, w, text);
	else
		unknown_key(p, key);
	return 1;
}

/* -- lines -- */

/* A byte that no text has; 0x80 and above may be UTF-8, in a comment. */
static bool is_text(struct parser *p, const char *line, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = line[i];

		if ((c >= ' ' && c != 0x7f) || c == '\t')
			continue;
		config_wrong(p->config, p->line,
			     "byte %zu of the line is 0x%02x, which no text has: is this a "
			     "configuration file?",
			     i + 1, c);
		p->broken = true;
		return false;
	}
	return true;
}

/* The next line, without its end; false: it is not one for libinih. */
static bool next_line(struct parser *p, char *line)
{
	const char *from = p->at, *end = memchr(from, '\n', p->end - from);
	size_t len = (end ? end : p->end) - from, key;
	char *text;

	p->at = end ? end + 1 : p->end;
	p->line++;
	if (len && from[len - 1] == '\r')
		len--;
	if (!is_text(p, from, len))
		return false;
	if (len > CONFIG_LINE) {
		config_wrong(p->config, p->line,
			     "the line has %zu bytes: write several of %d at most, or a file", len,
			     CONFIG_LINE);
		return false;
	}
	memcpy(line, from, len);
	line[len] = 0;
	text = line + strspn(line, " \t");
	if (*text == '[')
		take_section(p, text);
	if (!*text || strchr("[#;", *text))
		return false;
	/* libinih takes either; here a colon stands before a port's name only */
	key = strcspn(text, "=:");
	if (text[key] == ':') {
		config_wrong(
			p->config, p->line,
			"settings are written KEY = VALUE, a port's in a section [IFACE:PORT]");
		return false;
	}
	return true;
}

static void settle_pending(struct parser *p)
{
	if (p->pending)
		config_wrong(p->config, p->line, "neither [SECTION] nor KEY = VALUE");
	p->pending = false;
}

/* libinih's, in place of fgets() */
static char *read_line(char *buf, int size, void *stream)
{
	struct parser *p = stream;
	char line[CONFIG_LINE + 1];

	settle_pending(p);
	while (p->at < p->end && !p->broken && !p->err) {
		if (!next_line(p, line))
			continue;
		snprintf(buf, size, "%s\n", line);
		p->pending = true;
		return buf;
	}
	return NULL;
}

/* Debian's libinih has variables for these. */
static void set_up_inih(void)
{
	ini_use_stack = false;
	ini_max_line = CONFIG_LINE + 8;
	ini_initial_alloc = CONFIG_LINE + 8;
	ini_allow_multiline = false;
	ini_inline_comment_prefixes = (char *)";#";
}

static bool is_utf8_mark(const char *text, size_t len)
{
	return len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3);
}

int config_parse(struct config *c, const char *name, const char *text, size_t len,
		 const struct arg *head)
{
	struct parser p = {.config = c, .head = head, .in_head = true};

	memset(c, 0, sizeof(*c));
	c->name = strdup(name);
	if (!c->name)
		return -ENOMEM;
	p.section = &p.nowhere;
	p.at = is_utf8_mark(text, len) ? text + 3 : text;
	p.end = text + len;
	set_up_inih();
	if (ini_parse_stream(read_line, &p, take_pair, &p) == -2)
		p.err = -ENOMEM;
	settle_pending(&p);
	section_free(&p.nowhere);
	if (p.err)
		return log_errno(p.err, "%s", name);
	return c->wrong ? -EINVAL : 0;
}

void config_free(struct config *c)
{
	while (c->head_count)
		free(c->head[--c->head_count].text);
	while (c->count)
		section_free(&c->sections[--c->count]);
	free(c->head);
	free(c->sections);
	free(c->name);
	memset(c, 0, sizeof(*c));
}
