/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The commands allow and deny. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "cidr.h"
#include "enforce.h"
#include "interfaces.h"
#include "json.h"
#include "listfile.h"
#include "log.h"
#include "pin.h"

static bool as_json;
static const char *iface, *file;

static const struct arg allow_args[] = {
	{.name = "iface",
	 .letter = 'i',
	 .type = ARG_TEXT,
	 .to = &iface,
	 .meta = "IFACE",
	 .help = "only on this interface; else on all that are running"},
	{.name = "file",
	 .letter = 'f',
	 .type = ARG_TEXT,
	 .to = &file,
	 .meta = "FILE",
	 .help = "take prefixes from FILE ('-': standard input), one per\n"
		 "line; blank lines, and from '#' or ';' on, are skipped"},
	{.name = "json", .letter = 'j', .type = ARG_FLAG, .to = &as_json, .help = "list: JSON"},
	{},
};

static const char *const list_names[] = {
	[SYNSHIELD_LIST_ALLOW] = "allow",
	[SYNSHIELD_LIST_DENY] = "deny",
};

/* What one call of the command is about. */
struct request {
	enum synshield_list list;
	enum list_verb verb;
	struct list_wishes wishes;
	struct enforcement *at;
	size_t count; /* interfaces */
};

/* -- interfaces -- */

static void close_all(struct request *r)
{
	while (r->count)
		enforce_close(&r->at[--r->count]);
	free(r->at);
}

static int open_all(struct request *r, int (*open)(struct enforcement *e, const char *ifname))
{
	char(*names)[IF_NAMESIZE] = NULL;
	char *chosen[] = {(char *)iface};
	size_t count = 0, i;
	int code, err = 0;

	code = interfaces_chosen(iface ? 1 : 0, chosen, &names, &count);
	if (code)
		return code;
	r->at = calloc(count, sizeof(*r->at));
	if (!r->at)
		err = log_errno(-ENOMEM, "cannot read the lists");
	for (i = 0; i < count && !err; i++) {
		err = open(&r->at[i], names[i]);
		if (err == -ENOENT)
			code = interfaces_not_running(names[i]);
		r->count += !err;
	}
	free(names);
	return !err || code ? code : EXIT_FAILED;
}

/* -- list -- */

static void list_text(const struct enforcement *e, enum synshield_list list)
{
	size_t i, n = lists_count(&e->before, list);
	char text[CIDR_TEXT];

	printf("# %s: %s list, %zu prefix%s\n", e->ifname, list_names[list], n, n == 1 ? "" : "es");
	for (i = 0; i < e->before.count; i++) {
		if (e->before.rows[i].list == list)
			puts(cidr_text(text, &e->before.rows[i].key));
	}
}

static void list_json(struct json *j, const struct enforcement *e, enum synshield_list list)
{
	char text[CIDR_TEXT];
	size_t i;

	json_object(j, NULL);
	json_text(j, "interface", e->ifname);
	json_text(j, "list", list_names[list]);
	json_array(j, "prefixes");
	for (i = 0; i < e->before.count; i++) {
		if (e->before.rows[i].list == list)
			json_text(j, NULL, cidr_text(text, &e->before.rows[i].key));
	}
	json_end(j);
	json_end(j);
}

static void list_all(struct request *r)
{
	struct json j;
	size_t i;

	if (as_json) {
		json_start(&j, stdout);
		json_array(&j, NULL);
	}
	for (i = 0; i < r->count; i++) {
		if (as_json)
			list_json(&j, &r->at[i], r->list);
		else
			list_text(&r->at[i], r->list);
	}
	if (as_json)
		json_end(&j);
}

/* -- change -- */

/* "FILE:LINE: ", or nothing */
static const char *where(char text[128], const struct list_wish *wish)
{
	text[0] = 0;
	if (wish->line)
		snprintf(text, 128, "%.100s:%u: ", listfile_name(file), wish->line);
	return text;
}

static size_t say_opposites(struct request *r, const struct enforcement *e)
{
	const char *other = list_names[r->list == SYNSHIELD_LIST_ALLOW ? SYNSHIELD_LIST_DENY
								       : SYNSHIELD_LIST_ALLOW];
	char at[128], text[CIDR_TEXT];
	size_t i, n = 0;

	for (i = 0; i < r->wishes.count; i++) {
		struct list_wish *w = &r->wishes.rows[i];

		if (!w->opposite || r->verb == LIST_DEL)
			continue;
		w->opposite = 0;
		if (n++ < LISTFILE_ERRORS)
			log_line("%s%s: %s is on the %s list: 'synshield %s del %s' takes it off",
				 where(at, w), e->ifname, cidr_text(text, &w->key), other, other,
				 text);
	}
	if (n > LISTFILE_ERRORS)
		log_line("%s: %zu prefixes are on the %s list, the first %d of them are shown",
			 e->ifname, n, other, LISTFILE_ERRORS);
	return n;
}

static size_t say_missing(const struct request *r)
{
	const char *name = list_names[r->list];
	char at[128], text[CIDR_TEXT];
	size_t i, n = 0;

	for (i = 0; i < r->wishes.count && r->verb == LIST_DEL; i++) {
		const struct list_wish *w = &r->wishes.rows[i];

		if (w->found || n++ >= LISTFILE_ERRORS)
			continue;
		if (r->count == 1)
			log_line("%s%s: %s is not on the %s list; 'synshield %s list' shows it",
				 where(at, w), r->at[0].ifname, cidr_text(text, &w->key), name,
				 name);
		else
			log_line(
				"%s%s is on no interface's %s list; 'synshield %s list' shows them",
				where(at, w), cidr_text(text, &w->key), name, name);
	}
	if (n > LISTFILE_ERRORS)
		log_line("%zu prefixes are not on the %s list, the first %d of them are shown", n,
			 name, LISTFILE_ERRORS);
	return n;
}

static int plan_all(struct request *r)
{
	size_t i, wrong = 0;
	int err = 0;

	for (i = 0; i < r->count && !err; i++) {
		err = enforce_plan(&r->at[i], r->verb, r->list, &r->wishes);
		wrong += say_opposites(r, &r->at[i]);
	}
	if (!err)
		wrong += say_missing(r);
	return err ? err : wrong ? -EINVAL : 0;
}

static int commit_all(struct request *r)
{
	size_t i;
	int err = 0;

	for (i = 0; i < r->count && !err; i++)
		err = enforce_commit(&r->at[i]);
	if (!err)
		return 0;
	for (i--; i--;)
		enforce_undo(&r->at[i]);
	return err;
}

static int report(const struct request *r, struct enforcement *e)
{
	long cut = enforce_cut(e);

	printf("%s: %s list: %zu added, %zu removed, %zu as before; %zu in all", e->ifname,
	       list_names[r->list], e->tally.added, e->tally.removed, e->tally.kept,
	       e->tally.total);
	if (cut > 0 || (!cut && r->list == SYNSHIELD_LIST_DENY && r->verb != LIST_DEL))
		printf("; %ld connection%s cut off", cut, cut == 1 ? "" : "s");
	putchar('\n');
	return cut < 0;
}

/* Signals wait: half a change would be in force, and not be said. */
static int change_all(struct request *r)
{
	sigset_t all, before;
	size_t i;
	int err, failed = 0;

	err = plan_all(r);
	if (err)
		return EXIT_FAILED;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	err = commit_all(r);
	if (!err) {
		enforce_settle();
		for (i = 0; i < r->count; i++)
			failed |= report(r, &r->at[i]);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return err || failed ? EXIT_FAILED : EXIT_OK;
}

/* -- the command line -- */

static int show(struct request *r)
{
	int code = open_all(r, enforce_open_to_read);

	if (!code)
		list_all(r);
	close_all(r);
	return code;
}

static int change(struct request *r)
{
	int root, code;

	root = pin_open_root(false);
	if (root < 0 && root != -ENOENT)
		return EXIT_FAILED;
	/* without a root, this says that nothing runs */
	code = open_all(r, enforce_open);
	if (!code)
		code = change_all(r);
	close_all(r);
	if (root >= 0)
		close(root);
	return code;
}

static int list(const struct command *cmd, struct request *r, int argc)
{
	if (argc)
		return args_wrong(cmd, "list takes no prefixes: it shows all");
	if (file)
		return args_wrong(cmd, "list takes no --file");
	return show(r);
}

/* Words are usage, a file's content is not. */
static int gather(const struct command *cmd, struct request *r, int argc, char **argv)
{
	if (as_json)
		return args_wrong(cmd, "--json is for list");
	if (r->verb == LIST_REPLACE && (argc || !file))
		return args_wrong(cmd, "replace takes the whole list from --file, and nothing "
				       "else");
	if (!argc && !file)
		return args_wrong(cmd, "which prefixes? Give CIDR... or --file");
	if (listfile_words(&r->wishes, argc, argv))
		return EXIT_USAGE;
	if (file && listfile_read(&r->wishes, file))
		return EXIT_FAILED;
	list_wishes_settle(&r->wishes);
	if (r->wishes.count)
		return EXIT_OK;
	log_line(
		"%s: no prefix in it, nothing was changed; to empty the list: 'synshield %s list | "
		"synshield %s del -f -'",
		listfile_name(file), cmd->name, cmd->name);
	return EXIT_FAILED;
}

static int allow(const struct command *cmd, int argc, char **argv)
{
	static const char *const verbs[] = {
		[LIST_ADD] = "add", [LIST_DEL] = "del", [LIST_REPLACE] = "replace"};
	struct request r = {.list = cmd == &command_deny ? SYNSHIELD_LIST_DENY
							 : SYNSHIELD_LIST_ALLOW};
	int code;

	if (!argc)
		return args_wrong(cmd, "what shall be done? Say add, del, replace or list");
	if (!strcmp(argv[0], "list"))
		return list(cmd, &r, argc - 1);
	while (r.verb <= LIST_REPLACE && strcmp(argv[0], verbs[r.verb]))
		r.verb++;
	if (r.verb > LIST_REPLACE)
		return args_wrong(cmd, "add, del, replace or list, not '%s'", argv[0]);
	code = gather(cmd, &r, argc - 1, argv + 1);
	if (!code)
		code = change(&r);
	list_wishes_free(&r.wishes);
	return code;
}

#define USAGE(name)                                                                                \
	"add|del CIDR... [-f FILE] [-i IFACE]\n"                                                   \
	"       synshield " name " replace -f FILE [-i IFACE]\n"                                   \
	"       synshield " name " list [-i IFACE] [--json]"

#define ABOUT                                                                                      \
	"\n"                                                                                       \
	"CIDR is ADDRESS or ADDRESS/LENGTH, IPv4 or IPv6. The longest prefix that holds a\n"       \
	"source decides, whichever list it is on: 'deny add 192.0.2.0/24' and 'allow add\n"        \
	"192.0.2.7' leave one of 256 in. One prefix is on one list only.\n"                        \
	"\n"                                                                                       \
	"  add      puts prefixes on the list; those that are on it stay\n"                        \
	"  del      takes them off\n"                                                              \
	"  replace  makes the list what FILE says: for feeds. An empty one is refused\n"           \
	"  list     shows the list, sorted, as a FILE for the others\n"                            \
	"\n"                                                                                       \
	"All or nothing: if one prefix is wrong no list is changed. The lists hold at once,\n"     \
	"need no daemon, and outlive it; 'synshield detach' removes them. 'list' before, and\n"    \
	"'add -f' after, keep them."

const struct command command_allow = {
	.name = "allow",
	.usage = USAGE("allow"),
	.summary = "sources that the kernel always gets to see: add, del, replace, list",
	.about = "SYNs from these sources, and segments that belong to no connection, pass to the\n"
		 "kernel: no cookie, no limit, no refusal.\n" ABOUT,
	.args = allow_args,
	.run = allow,
};

const struct command command_deny = {
	.name = "deny",
	.usage = USAGE("deny"),
	.summary = "sources that get nothing: add, del, replace, list",
	.about = "What comes from these sources is dropped, except on connections that this host\n"
		 "opens to them. 'add' and 'replace' cut off the connections they have.\n" ABOUT,
	.args = allow_args,
	.run = allow,
};
