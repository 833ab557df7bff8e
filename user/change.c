/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "change.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

int change_open(struct change *c, const struct maps *maps, const char *ifname,
		const struct config_want *want)
{
	int err;

	memset(c, 0, sizeof(*c));
	snprintf(c->ifname, sizeof(c->ifname), "%s", ifname);
	c->maps = maps;
	err = settings_plan(&c->settings, maps, ifname, &want->options, true);
	if (err || !want->lists)
		return err;
	err = enforce_take(&c->lists, maps, ifname);
	if (err)
		return err;
	c->with_lists = true;
	return enforce_plan_both(&c->lists, want->wishes);
}

static bool settings_differ(const struct settings_change *c)
{
	struct synshield_settings after = c->after;
	size_t i;

	after.generation = c->before.generation;
	if (memcmp(&after, &c->before, sizeof(after)))
		return true;
	for (i = 0; i < c->count; i++) {
		if (memcmp(&c->ports[i].before, &c->ports[i].after, sizeof(c->ports[i].after)))
			return true;
	}
	return false;
}

/* The settings first: the lists add their number to them. */
int change_make(struct change *c)
{
	bool differ = settings_differ(&c->settings);
	int err = 0;

	if (differ)
		err = settings_commit(&c->settings, c->maps, c->ifname);
	if (!err && c->with_lists) {
		err = enforce_commit(&c->lists);
		if (err && differ)
			settings_undo(&c->settings, c->maps, c->ifname);
	}
	c->made = !err;
	return err;
}

void change_undo(struct change *c)
{
	if (!c->made)
		return;
	c->made = false;
	if (c->with_lists)
		enforce_undo(&c->lists);
	if (settings_differ(&c->settings))
		settings_undo(&c->settings, c->maps, c->ifname);
}

bool change_has_lists(const struct change *c)
{
	return c->with_lists && (c->lists.diff.puts || c->lists.diff.drops);
}

static size_t say_list(const struct change *c, enum synshield_list list, const char *what)
{
	char removed[32] = "";
	struct list_tally t;

	lists_tally(&c->lists.before, &c->lists.after, list, &t);
	if (t.added && t.removed)
		snprintf(removed, sizeof(removed), ", %zu removed", t.removed);
	if (t.added)
		log_line("%s: %zu %s prefix%s added%s", c->ifname, t.added, what,
			 t.added == 1 ? "" : "es", removed);
	else if (t.removed)
		log_line("%s: %zu %s prefix%s removed", c->ifname, t.removed, what,
			 t.removed == 1 ? "" : "es");
	return t.added + t.removed;
}

size_t change_finish(struct change *c)
{
	size_t n = settings_say(&c->settings, c->ifname), listed = 0;
	long cut;

	if (c->with_lists) {
		listed = say_list(c, SYNSHIELD_LIST_ALLOW, "allowed");
		listed += say_list(c, SYNSHIELD_LIST_DENY, "denied");
	}
	cut = listed || c->lists.unfinished ? enforce_cut(&c->lists) : 0;
	if (cut > 0)
		log_line("%s: %ld connection%s of denied sources cut off", c->ifname, cut,
			 cut == 1 ? "" : "s");
	return n + listed;
}

void change_close(struct change *c)
{
	settings_free(&c->settings);
	if (c->with_lists)
		enforce_close(&c->lists);
	memset(c, 0, sizeof(*c));
}
