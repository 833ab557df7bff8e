/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "settings.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "stops.h"

/* -- plan -- */

static struct policy_change *change_of(struct settings_change *c, __u32 port)
{
	size_t i;

	for (i = 0; i < c->count; i++) {
		if (c->ports[i].port == port)
			return &c->ports[i];
	}
	c->ports[i] = (struct policy_change){.port = port};
	c->count++;
	return &c->ports[i];
}

static int compare_ports(const void *a, const void *b)
{
	const struct policy_change *l = a, *r = b;

	return (l->port > r->port) - (l->port < r->port);
}

/* With `whole` every port that has settings is in it, with none of them afterwards. */
static int plan_ports(struct settings_change *c, const struct maps *maps,
		      const struct option_list *given, bool whole)
{
	struct synshield_policy *policies = NULL;
	__u32 *ports = NULL;
	size_t count = 0, i;
	int err;

	err = maps_dump(maps, MAP_POLICY, (void **)&ports, (void **)&policies, &count);
	if (err)
		return err;
	c->ports = calloc(count + given->count + 1, sizeof(*c->ports));
	for (i = 0; c->ports && i < count; i++) {
		struct policy_change *p = change_of(c, ports[i]);

		p->before = policies[i];
		if (!whole)
			p->after = p->before;
	}
	free(ports);
	free(policies);
	if (!c->ports)
		return -ENOMEM;
	for (i = 0; i < given->count; i++) {
		if (given->values[i].port)
			change_of(c, given->values[i].port);
	}
	for (i = 0; i < c->count; i++)
		options_apply_policy(given, c->ports[i].port, &c->ports[i].after);
	qsort(c->ports, c->count, sizeof(*c->ports), compare_ports);
	return 0;
}

int settings_plan(struct settings_change *c, const struct maps *maps, const char *ifname,
		  const struct option_list *given, bool whole)
{
	int err;

	memset(c, 0, sizeof(*c));
	err = maps_get(maps, MAP_SETTINGS, &c->before);
	if (err)
		return log_errno(err, "%s: cannot read the map settings", ifname);
	c->after = c->before;
	if (whole || !c->before.abi) {
		options_defaults(&c->after);
		c->after.listed = c->before.listed;
	}
	options_apply_settings(given, &c->after);
	c->after.generation = c->before.generation + 1;
	if (!c->after.generation)
		c->after.generation = 1;
	err = plan_ports(c, maps, given, whole);
	return err ? log_errno(err, "%s: cannot read the map policy", ifname) : 0;
}

void settings_free(struct settings_change *c)
{
	free(c->ports);
	memset(c, 0, sizeof(*c));
}

/* -- commit -- */

static int write_policy(const struct maps *maps, __u32 port, const struct synshield_policy *policy)
{
	int fd = maps->fd[MAP_POLICY];

	if (!options_policy_empty(policy))
		return bpf_map_update_elem(fd, &port, policy, BPF_ANY) ? -errno : 0;
	return bpf_map_delete_elem(fd, &port) && errno != ENOENT ? -errno : 0;
}

static bool is_other(const struct policy_change *p)
{
	return memcmp(&p->before, &p->after, sizeof(p->before));
}

/* Of the first so many.  Those that go make room for those that come. */
static int write_ports(const struct settings_change *c, const struct maps *maps)
{
	int pass, err = 0;
	size_t i;

	for (pass = 0; pass < 2; pass++) {
		for (i = 0; i < c->count && !err; i++) {
			const struct policy_change *p = &c->ports[i];

			if (is_other(p) && options_policy_empty(&p->after) == !pass)
				err = write_policy(maps, p->port, &p->after);
		}
	}
	return err;
}

static int restore_ports(const struct settings_change *c, const struct maps *maps)
{
	int pass, err = 0;
	size_t i;

	for (pass = 0; pass < 2; pass++) {
		for (i = 0; i < c->count; i++) {
			const struct policy_change *p = &c->ports[i];

			if (is_other(p) && options_policy_empty(&p->before) == !pass &&
			    write_policy(maps, p->port, &p->before))
				err = -errno;
		}
	}
	return err;
}

int settings_commit(const struct settings_change *c, const struct maps *maps, const char *ifname)
{
	int err;

	err = write_ports(c, maps);
	STOP("ports-written");
	if (!err) {
		err = maps_put(maps, MAP_SETTINGS, &c->after);
		STOP("settings-written");
		if (!err)
			return 0;
		log_errno(err, "%s: cannot write the map settings", ifname);
	} else if (err == -E2BIG) {
		log_line("%s: no room for more than %d ports with settings of their own: nothing "
			 "was changed (PORT:mode=inherit and the like give room)",
			 ifname, SYNSHIELD_POLICIES_MAX);
	} else {
		log_errno(err, "%s: cannot write the map policy, nothing was changed", ifname);
	}
	restore_ports(c, maps);
	return err;
}

/* The generation goes on: a listener's entry may have been made with the one that is undone. */
void settings_undo(const struct settings_change *c, const struct maps *maps, const char *ifname)
{
	struct synshield_settings now = {0}, back = c->before;
	int err;

	if (!c->before.abi) /* there was nothing before */
		return;
	err = restore_ports(c, maps);
	if (!err)
		err = maps_get(maps, MAP_SETTINGS, &now);
	if (!err) {
		back.listed = now.listed;
		back.generation = now.generation + 1;
		if (!back.generation)
			back.generation = 1;
		err = maps_put(maps, MAP_SETTINGS, &back);
	}
	if (err)
		log_errno(err, "%s: cannot undo what was begun: 'synshield config %s' shows it",
			  ifname, ifname);
}

int settings_change(const struct maps *maps, const char *ifname, const struct option_list *given)
{
	struct settings_change c;
	int err;

	err = settings_plan(&c, maps, ifname, given, false);
	if (!err && (given->count || !c.before.abi))
		err = settings_commit(&c, maps, ifname);
	settings_free(&c);
	return err;
}

/* -- say -- */

/* "5000", "off"; the unit is for the last number of a line */
static const char *value_text(char text[16], const struct option_desc *d, __u32 value, bool port)
{
	const char *word = options_word(d, value, port);

	if (word)
		return word;
	snprintf(text, 16, "%u", value);
	return text;
}

static size_t say_one(const char *where, const struct option_desc *d, __u32 before, __u32 after,
		      bool port)
{
	char old[16], new[16];
	bool number = !options_word(d, after, port);

	if (before == after)
		return 0;
	log_line("%s: %s %s -> %s%s%s", where, d->name, value_text(old, d, before, port),
		 value_text(new, d, after, port), number ? " " : "", number ? d->unit : "");
	return 1;
}

size_t settings_say(const struct settings_change *c, const char *ifname)
{
	char where[64];
	size_t i, j, n = 0;

	for (i = 0; i < options_count; i++)
		n += say_one(ifname, &options[i], options_get_settings(&options[i], &c->before),
			     options_get_settings(&options[i], &c->after), false);
	for (i = 0; i < c->count; i++) {
		const struct policy_change *p = &c->ports[i];

		snprintf(where, sizeof(where), "%s: port %u", ifname, p->port);
		for (j = 0; j < options_count; j++) {
			if (options[j].per_port)
				n += say_one(where, &options[j],
					     options_get_policy(&options[j], &p->before),
					     options_get_policy(&options[j], &p->after), true);
		}
	}
	return n;
}
