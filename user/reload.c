/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "reload.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "notify.h"

/* -- what waits for the next start -- */

static const char *head_text(const struct config *c, const struct arg *arg)
{
	size_t i;

	for (i = 0; i < c->head_count; i++) {
		if (c->head[i].arg == arg)
			return c->head[i].text;
	}
	return NULL;
}

static size_t say_head(const struct shield_wish *wish, const struct config *now)
{
	const struct arg *a;
	size_t n = 0;

	for (a = wish->config_head; a->name; a++) {
		const char *old = head_text(wish->config, a), *new = head_text(now, a);

		if (args_given(a) || (!old && !new) || (old && new && !strcmp(old, new)))
			continue;
		log_line("%s: %s %s -> %s holds from the next start on: restart", now->name,
			 a->name, old ? old : "default", new ? new : "default");
		n++;
	}
	return n;
}

static bool is_run(struct shield **shields, size_t count, const char *ifname)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (!strcmp(shields[i]->ifname, ifname))
			return true;
	}
	return false;
}

/* To attach takes capabilities that the daemon has no more. */
static size_t say_interfaces(const struct shield_wish *wish, const struct config *now,
			     struct shield **shields, size_t count)
{
	size_t i, names_count, n = 0;
	char **names;

	for (i = 0; i < count; i++) {
		if (config_has(now, shields[i]->ifname))
			continue;
		log_line("%s: has no section [%s] any more: it goes on as it is; 'synshield detach "
			 "%s' removes it",
			 now->name, shields[i]->ifname, shields[i]->ifname);
		n++;
	}
	if (!wish->config_all || config_interfaces(now, &names, &names_count))
		return n;
	for (i = 0; i < names_count; i++) {
		if (is_run(shields, count, names[i]))
			continue;
		log_line("%s: [%s] is not run: restart attaches to it", now->name, names[i]);
		n++;
	}
	free(names);
	return n;
}

/* -- what holds at once -- */

static int plan(struct change *change, struct shield *s, const struct shield_wish *wish,
		const struct config *now)
{
	struct config_want want;
	int err;

	err = config_want(now, s->ifname, &wish->options, &want);
	if (!err)
		err = change_open(change, &s->maps, s->ifname, &want);
	config_want_free(&want);
	return err;
}

/* Those that the file does not name have a change of zeros, which makes none. */
static int make_all(struct change *changes, const struct shield_wish *wish,
		    const struct config *now, struct shield **shields, size_t count)
{
	size_t i;
	int err = 0;

	for (i = 0; i < count && !err; i++) {
		if (config_has(now, shields[i]->ifname))
			err = plan(&changes[i], shields[i], wish, now);
	}
	for (i = 0; i < count && !err; i++) {
		if (changes[i].maps)
			err = change_make(&changes[i]);
	}
	for (i = 0; i < count && err; i++)
		change_undo(&changes[i]);
	return err;
}

static size_t finish_all(struct change *changes, size_t count)
{
	bool settle = false;
	size_t i, n = 0;

	for (i = 0; i < count; i++)
		settle |= change_has_lists(&changes[i]);
	if (settle)
		enforce_settle();
	for (i = 0; i < count; i++)
		n += change_finish(&changes[i]);
	return n;
}

static int apply(const struct shield_wish *wish, const struct config *now, struct shield **shields,
		 size_t count)
{
	struct change *changes = calloc(count + 1, sizeof(*changes));
	int root = changes ? pin_open_root(false) : -ENOMEM;
	int err = root < 0 ? root : 0;
	size_t i, n;

	if (!err)
		err = make_all(changes, wish, now, shields, count);
	if (!err) {
		n = say_head(wish, now) + say_interfaces(wish, now, shields, count);
		n += finish_all(changes, count);
		if (!n)
			log_line("%s: read anew, nothing has changed", now->name);
	}
	for (i = 0; changes && i < count; i++)
		change_close(&changes[i]);
	free(changes);
	if (root >= 0)
		close(root);
	return err;
}

/* The head stays as it was at the start, which is what runs. */
static void keep_head(struct config *old, struct config *now)
{
	struct config_switch *head = old->head;
	size_t count = old->head_count;

	old->head = now->head;
	old->head_count = now->head_count;
	now->head = head;
	now->head_count = count;
	config_free(old);
	*old = *now;
}

static void notify_reloading(void)
{
	struct timespec now;
	char text[64];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		 (uint64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	notify_manager(text);
}

void reload(const struct shield_wish *wish, struct shield **shields, size_t count)
{
	struct config now;
	int err;

	if (!wish->config) {
		log_line("SIGHUP: there is no file to read anew: 'run --config FILE' has one");
		return;
	}
	notify_reloading();
	err = config_load(&now, wish->config->name, wish->config_head);
	if (!err)
		err = apply(wish, &now, shields, count);
	if (err) {
		log_line("%s: all stays as it was", wish->config->name);
		config_free(&now);
	} else {
		keep_head(wish->config, &now);
	}
	notify_manager("READY=1");
}
