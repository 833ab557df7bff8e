/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cidr.h"
#include "listfile.h"
#include "log.h"

#define TEXT_MAX (1 << 20) /* bytes of a configuration file */

static const char *const list_words[] = {
	[SYNSHIELD_LIST_ALLOW] = "allow",
	[SYNSHIELD_LIST_DENY] = "deny",
};

/* -- reading -- */

/* A regular file: a daemon must not wait for a pipe.  The descriptor, or -1: why not. */
static int open_regular(const char *file, const char **why)
{
	struct stat st;
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	*why = strerror(errno);
	if (fd < 0)
		return -1;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode))
		return fd;
	*why = S_ISDIR(st.st_mode) ? "it is a directory" : "it is no regular file";
	close(fd);
	return -1;
}

/* TEXT_MAX + 1 bytes at most; -errno */
static ssize_t read_text(int fd, char *text)
{
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0 && len <= TEXT_MAX) {
		n = read(fd, text + len, TEXT_MAX + 1 - len);
		if (n < 0 && errno != EINTR)
			return -errno;
		len += n > 0 ? n : 0;
		n = n < 0 ? 1 : n;
	}
	return len;
}

static int parse_file(struct config *c, const char *file, const struct arg *head)
{
	bool standard = !strcmp(file, "-");
	const char *why, *name = listfile_name(file);
	int fd, err;
	char *text;
	ssize_t n;

	fd = standard ? STDIN_FILENO : open_regular(file, &why);
	if (fd < 0) {
		log_line("%s: cannot be read: %s", name, why);
		return -EINVAL;
	}
	text = malloc(TEXT_MAX + 1);
	n = text ? read_text(fd, text) : -ENOMEM;
	if (n < 0) {
		err = log_errno(n, "%s: cannot be read", name);
	} else if (n > TEXT_MAX) {
		log_line("%s: has more than %d bytes: write long lists into files of their own, "
			 "for allow-file and deny-file",
			 name, TEXT_MAX);
		err = -EINVAL;
	} else {
		err = config_parse(c, name, text, n, head);
	}
	free(text);
	if (!standard)
		close(fd);
	return err;
}

/* -- the files of prefixes -- */

/* A path beside the configuration file, unless it is absolute. */
static char *beside(const struct config *c, const char *path)
{
	const char *slash = strrchr(c->name, '/');
	char *full = NULL;

	if (path[0] == '/' || !slash)
		return strdup(path);
	return asprintf(&full, "%.*s/%s", (int)(slash - c->name), c->name, path) < 0 ? NULL : full;
}

static int read_listfile(struct config *c, struct list_wishes *wishes, struct config_listfile *file)
{
	size_t before = wishes->count, i;
	char *path = beside(c, file->path);
	const char *why;
	int fd, err;

	if (!path)
		return log_errno(-ENOMEM, "%s", c->name);
	free(file->path);
	file->path = path;
	fd = open_regular(path, &why);
	if (fd < 0) {
		config_wrong(c, file->line, "%s-file: %s cannot be read: %s",
			     list_words[file->list], path, why);
		return 0;
	}
	close(fd);
	err = listfile_read(wishes, path);
	if (err == -ENOMEM)
		return err;
	if (err)
		config_wrong(c, file->line, "%s-file: %s is wrong, as said above: mend it",
			     list_words[file->list], path);
	else if (wishes->count == before)
		log_line("%s:%u: warning: %s-file: no prefix in %s", c->name, file->line,
			 list_words[file->list], path);
	for (i = before; i < wishes->count; i++)
		wishes->rows[i].file = path;
	return 0;
}

static int read_listfiles(struct config *c)
{
	size_t i, j;
	int err = 0;

	for (i = 0; i < c->count; i++) {
		struct config_section *s = &c->sections[i];

		for (j = 0; j < s->file_count && !err; j++)
			err = read_listfile(c, &s->wishes[s->files[j].list], &s->files[j]);
	}
	return err;
}

/* -- what the sections say together -- */

int config_interfaces(const struct config *c, char ***names, size_t *count)
{
	size_t i, j;

	*count = 0;
	*names = calloc(c->count + 1, sizeof(**names));
	if (!*names)
		return log_errno(-ENOMEM, "%s", c->name);
	for (i = 0; i < c->count; i++) {
		for (j = 0; j < *count && strcmp((*names)[j], c->sections[i].ifname); j++)
			;
		if (j == *count && c->sections[i].ifname[0])
			(*names)[(*count)++] = c->sections[i].ifname;
	}
	return 0;
}

bool config_has(const struct config *c, const char *ifname)
{
	size_t i;

	for (i = 0; i < c->count; i++) {
		if (!strcmp(c->sections[i].ifname, ifname))
			return true;
	}
	return false;
}

static int add_options(struct option_list *to, const struct option_list *from)
{
	size_t i;
	int err = 0;

	for (i = 0; i < from->count && !err; i++)
		err = options_add(to, &from->values[i]);
	return err;
}

static int add_wishes(struct list_wishes *to, const struct list_wishes *from)
{
	size_t i;
	int err = 0;

	for (i = 0; i < from->count && !err; i++) {
		err = list_wishes_add(to, &from->rows[i].key, from->rows[i].line);
		if (!err)
			to->rows[to->count - 1].file = from->rows[i].file;
	}
	return err;
}

static int add_sections(const struct config *c, const char *ifname, struct config_want *want)
{
	size_t i;
	int list, err = 0;

	for (i = 0; i < c->count && !err; i++) {
		const struct config_section *s = &c->sections[i];

		if (strcmp(s->ifname, ifname))
			continue;
		err = add_options(&want->options, &s->options);
		want->lists |= s->lists;
		for (list = SYNSHIELD_LIST_ALLOW; list <= SYNSHIELD_LIST_DENY && !err; list++)
			err = add_wishes(&want->wishes[list], &s->wishes[list]);
	}
	return err;
}

int config_want(const struct config *c, const char *ifname, const struct option_list *over,
		struct config_want *want)
{
	int err;

	memset(want, 0, sizeof(*want));
	err = add_sections(c, "", want);
	if (!err)
		err = add_sections(c, ifname, want);
	if (!err)
		err = add_options(&want->options, over);
	if (err)
		return log_errno(err, "%s", c->name);
	list_wishes_settle(&want->wishes[SYNSHIELD_LIST_ALLOW]);
	list_wishes_settle(&want->wishes[SYNSHIELD_LIST_DENY]);
	return 0;
}

void config_want_free(struct config_want *want)
{
	options_free(&want->options);
	list_wishes_free(&want->wishes[SYNSHIELD_LIST_ALLOW]);
	list_wishes_free(&want->wishes[SYNSHIELD_LIST_DENY]);
}

/* -- what is wrong with them together -- */

static void say_opposite(struct config *c, const char *ifname, const struct list_wish *allow,
			 const struct list_wish *deny)
{
	char prefix[CIDR_TEXT], where[PATH_MAX + 16] = "";

	if (deny->file)
		snprintf(where, sizeof(where), "%s:%u: ", deny->file, deny->line);
	config_wrong(c, deny->file ? 0 : deny->line,
		     "%s%s: %s is denied here, and allowed in line %u of %s: take one out", where,
		     ifname, cidr_text(prefix, &deny->key), allow->line,
		     allow->file ? allow->file : c->name);
}

static void check_opposites(struct config *c, const char *ifname, const struct config_want *want)
{
	const struct list_wishes *allow = &want->wishes[SYNSHIELD_LIST_ALLOW];
	const struct list_wishes *deny = &want->wishes[SYNSHIELD_LIST_DENY];
	size_t i = 0, j = 0;

	while (i < allow->count && j < deny->count) {
		const struct list_wish *a = &allow->rows[i], *d = &deny->rows[j];
		int diff = cidr_compare(&a->key, &d->key);

		i += diff <= 0;
		j += diff >= 0;
		if (!diff)
			say_opposite(c, ifname, a, d);
	}
	if (allow->count + deny->count > SYNSHIELD_LISTS_MAX)
		config_wrong(c, 0, "[%s] has %zu prefixes: both lists together take %d", ifname,
			     allow->count + deny->count, SYNSHIELD_LISTS_MAX);
}

static void check_ports(struct config *c, const char *ifname)
{
	size_t i, ports = 0;

	for (i = 0; i < c->count; i++)
		ports += c->sections[i].port &&
			 (!c->sections[i].ifname[0] || !strcmp(c->sections[i].ifname, ifname));
	if (ports > SYNSHIELD_POLICIES_MAX)
		config_wrong(c, 0, "%s has %zu sections of ports: there is room for %d", ifname,
			     ports, SYNSHIELD_POLICIES_MAX);
}

static int check_interface(struct config *c, const char *ifname)
{
	const struct option_list none = {0};
	struct config_want want;
	int err;

	err = config_want(c, ifname, &none, &want);
	if (!err)
		check_opposites(c, ifname, &want);
	config_want_free(&want);
	check_ports(c, ifname);
	return err;
}

static int check_together(struct config *c)
{
	char **names;
	size_t count, i;
	int err;

	err = config_interfaces(c, &names, &count);
	if (err)
		return err;
	if (!count && !c->wrong)
		config_wrong(c, 0, "names no interface: write a section [IFACE] for each");
	for (i = 0; i < count && !err; i++)
		err = check_interface(c, names[i]);
	free(names);
	return err;
}

int config_load(struct config *c, const char *file, const struct arg *head)
{
	int err;

	memset(c, 0, sizeof(*c));
	err = parse_file(c, file, head);
	if (err && !c->wrong) /* there is nothing to look at */
		return err;
	err = read_listfiles(c);
	if (!err)
		err = check_together(c);
	if (c->wrong > CONFIG_ERRORS)
		log_line("%s: %u errors, the first %d of them are shown", c->name, c->wrong,
			 CONFIG_ERRORS);
	return err ? err : c->wrong ? -EINVAL : 0;
}
