/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "args.h"
#include "counts.h"
#include "interfaces.h"
#include "json.h"
#include "log.h"
#include "maps.h"
#include "options.h"

static bool as_json;

static const struct arg stats_args[] = {
	{.name = "json",
	 .letter = 'j',
	 .type = ARG_FLAG,
	 .to = &as_json,
	 .help = "write JSON, every counter"},
	{},
};

/* counts: the mode that mode observe stands in for */
static void print_table(const struct synshield_stats *stats, bool observed,
			enum synshield_mode counts)
{
	bool titled = false;
	int a, r;

	for (a = 0; a < COUNTS_ACTIONS; a++) {
		if (count_actions[a].observed != observed)
			continue;
		for (r = 0; r < SYNSHIELD_REASON_MAX; r++) {
			__u64 count = counts_at(stats, a, r);

			if (!count)
				continue;
			if (observed && !titled)
				printf("  mode observe, what %s would have done:\n",
				       options_mode_name(counts));
			titled = true;
			printf("  %-12s %-18s %14" PRIu64 "  %s\n", count_actions[a].name,
			       count_reasons[r].name, (uint64_t)count, count_reasons[r].text);
		}
	}
	if (!titled && !observed)
		printf("  no packet yet\n");
}

static void print_json(struct json *j, const char *ifname, const struct synshield_stats *stats)
{
	int a, r;

	json_object(j, NULL);
	json_text(j, "interface", ifname);
	for (a = 0; a < COUNTS_ACTIONS; a++) {
		json_object(j, count_actions[a].name);
		for (r = 0; r < SYNSHIELD_REASON_MAX; r++)
			json_number(j, count_reasons[r].name, counts_at(stats, a, r));
		json_end(j);
	}
	json_end(j);
}

static int read_stats(const char *ifname, struct synshield_stats *stats,
		      enum synshield_mode *counts)
{
	struct synshield_settings settings;
	struct maps maps;
	int err;

	err = interfaces_open_to_read(&maps, ifname);
	if (err)
		return err;
	err = maps_get(&maps, MAP_SETTINGS, &settings);
	if (!err)
		err = maps_stats(&maps, stats);
	if (err)
		log_errno(err, "%s: cannot read the map stats", ifname);
	else
		*counts = settings.counts;
	maps_close(&maps);
	return err ? EXIT_FAILED : EXIT_OK;
}

static int stats(const struct command *cmd, int argc, char **argv)
{
	char(*names)[IF_NAMESIZE] = NULL;
	enum synshield_mode counts = SYNSHIELD_MODE_AUTO;
	struct synshield_stats *sum;
	struct json j;
	size_t count = 0, i;
	int code, worst;

	worst = interfaces_chosen(argc, argv, &names, &count);
	if (worst)
		return worst;
	sum = calloc(1, sizeof(*sum));
	if (!sum)
		count = 0;
	if (as_json) {
		json_start(&j, stdout);
		json_array(&j, NULL);
	}
	for (i = 0; i < count; i++) {
		code = read_stats(names[i], sum, &counts);
		if (code) {
			worst = code;
			continue;
		}
		if (as_json) {
			print_json(&j, names[i], sum);
			continue;
		}
		printf("%s%s\n", i ? "\n" : "", names[i]);
		print_table(sum, false, counts);
		print_table(sum, true, counts);
	}
	if (as_json)
		json_end(&j);
	free(sum);
	free(names);
	return worst;
}

const struct command command_stats = {
	.name = "stats",
	.usage = "[IFACE...] [--json]",
	.summary = "packets by what was done with them, and why",
	.about = "Counts every packet once, by action (pass, drop, reply) and reason, since the\n"
		 "interface was attached. Without IFACE: all that are running.",
	.args = stats_args,
	.run = stats,
};
