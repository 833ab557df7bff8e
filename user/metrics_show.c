/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "args.h"
#include "interfaces.h"
#include "jiffies.h"
#include "log.h"
#include "maps.h"
#include "metrics.h"

static bool as_openmetrics;

static const struct arg metrics_args[] = {
	{.name = "openmetrics",
	 .letter = 'o',
	 .type = ARG_FLAG,
	 .to = &as_openmetrics,
	 .help = "write OpenMetrics 1.0 in place of Prometheus' text format 0.0.4"},
	{},
};

static int read_one(struct facts *f, const char *ifname)
{
	struct maps maps;
	int err;

	err = interfaces_open_to_read(&maps, ifname);
	if (err)
		return err;
	err = facts_read(f, ifname, &maps);
	maps_close(&maps);
	return err ? EXIT_FAILED : EXIT_OK;
}

static int print_page(const struct facts *facts, size_t count)
{
	size_t size;
	char *text;
	int err;

	err = metrics_page(facts, count, as_openmetrics ? METRICS_OPENMETRICS : 0, &text, &size);
	if (err) {
		log_errno(err, "cannot write the metrics");
		return EXIT_FAILED;
	}
	fwrite(text, 1, size, stdout);
	free(text);
	return EXIT_OK;
}

static int metrics(const struct command *cmd, int argc, char **argv)
{
	char(*names)[IF_NAMESIZE] = NULL;
	size_t count = 0, kept = 0, i;
	struct facts *facts;
	int code, worst;

	worst = interfaces_chosen(argc, argv, &names, &count);
	if (worst)
		return worst;
	jiffies_calibrate();
	facts = calloc(count, sizeof(*facts));
	if (!facts)
		count = 0;
	for (i = 0; i < count; i++) {
		code = read_one(&facts[kept], names[i]);
		if (code)
			worst = code;
		else
			kept++;
	}
	if (kept) {
		code = print_page(facts, kept);
		worst = code ? code : worst;
	}
	for (i = 0; i < kept; i++)
		facts_free(&facts[i]);
	free(facts);
	free(names);
	return worst;
}

const struct command command_metrics = {
	.name = "metrics",
	.usage = "[IFACE...] [--openmetrics]",
	.summary = "all counters and gauges, for Prometheus",
	.about = "Prints what 'run --metrics' serves and 'run --metrics-file' writes, from the\n"
		 "maps: also while no daemon runs, then without what only a daemon knows.\n"
		 "Without IFACE: all that are running.",
	.args = metrics_args,
	.run = metrics,
};
