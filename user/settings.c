/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "settings.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>

#include "log.h"

/* A port's policy before and after. */
struct change {
	__u32 port;
	struct synshield_policy before, after;
};

static int write_policy(const struct maps *maps, __u32 port, const struct synshield_policy *policy)
{
	int fd = maps->fd[MAP_POLICY];

	if (!options_policy_empty(policy))
		return bpf_map_update_elem(fd, &port, policy, BPF_ANY) ? -errno : 0;
	return bpf_map_delete_elem(fd, &port) && errno != ENOENT ? -errno : 0;
}

static size_t gather(const struct maps *maps, const struct option_list *given,
		     struct change *changes)
{
	size_t i, j, n = 0;

	for (i = 0; i < given->count; i++) {
		struct change c = {.port = given->values[i].port};

		for (j = 0; j < n && changes[j].port != c.port; j++)
			;
		if (!c.port || j < n)
			continue;
		if (bpf_map_lookup_elem(maps->fd[MAP_POLICY], &c.port, &c.before))
			c.before = (struct synshield_policy){0};
		c.after = c.before;
		options_apply_policy(given, c.port, &c.after);
		changes[n++] = c;
	}
	return n;
}

static int write_policies(const struct maps *maps, const char *ifname, const struct change *changes,
			  size_t count)
{
	size_t i;
	int err = 0;

	for (i = 0; i < count && !err; i++)
		err = write_policy(maps, changes[i].port, &changes[i].after);
	if (!err)
		return 0;
	while (i--)
		write_policy(maps, changes[i].port, &changes[i].before);
	if (err == -E2BIG) {
		log_line("%s: no room for more than %d ports with settings of their own: nothing "
			 "was "
			 "changed (PORT:mode=inherit and the like give room)",
			 ifname, SYNSHIELD_POLICIES_MAX);
		return err;
	}
	return log_errno(err, "%s: cannot write the map policy, nothing was changed", ifname);
}

int settings_change(const struct maps *maps, const char *ifname, const struct option_list *given)
{
	struct synshield_settings settings;
	struct change *changes;
	size_t count;
	int err;

	err = maps_get(maps, MAP_SETTINGS, &settings);
	if (err)
		return log_errno(err, "%s: cannot read the map settings", ifname);
	if (settings.abi && !given->count)
		return 0;
	if (!settings.abi)
		options_defaults(&settings);
	changes = calloc(given->count + 1, sizeof(*changes));
	if (!changes)
		return log_errno(-ENOMEM, "%s", ifname);
	options_apply_settings(given, &settings);
	settings.generation++;
	if (!settings.generation)
		settings.generation = 1;
	count = gather(maps, given, changes);
	err = write_policies(maps, ifname, changes, count);
	if (!err) {
		err = maps_put(maps, MAP_SETTINGS, &settings);
		if (err)
			log_errno(err, "%s: cannot write the map settings", ifname);
		while (err && count--)
			write_policy(maps, changes[count].port, &changes[count].before);
	}
	free(changes);
	return err;
}
