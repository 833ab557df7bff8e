/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "args.h"
#include "attacks.h"
#include "counts.h"
#include "fsm.h"
#include "hints.h"
#include "interfaces.h"
#include "jiffies.h"
#include "json.h"
#include "listeners.h"
#include "log.h"
#include "maps.h"
#include "options.h"
#include "report.h"
#include "shield.h"
#include "warnings.h"

#define TABLE_LISTENERS 20

static bool as_json, with_states;
static unsigned int interval_ms = 1000;

static const struct arg status_args[] = {
	{.name = "interval",
	 .letter = 'i',
	 .type = ARG_NUMBER,
	 .to = &interval_ms,
	 .meta = "MS",
	 .min = 10,
	 .max = 60000,
	 .help = "sample the rates over MS milliseconds (default 1000)"},
	{.name = "states",
	 .letter = 's',
	 .type = ARG_FLAG,
	 .to = &with_states,
	 .help = "count connections by the state of this host's end: walks through all of them"},
	{.name = "json", .letter = 'j', .type = ARG_FLAG, .to = &as_json, .help = "write JSON"},
	{},
};

/* -- as text -- */

#define TEXT_COLUMNS 100
#define TEXT_INDENT 13

/* Items in a row, ", " between them, broken before the line gets too long. */
struct items {
	int column;
	bool any;
};

static void print_option(struct items *items, const struct option_desc *d, __u32 value, bool port)
{
	char *text = NULL;
	size_t len;
	FILE *out;

	out = open_memstream(&text, &len);
	if (!out)
		return;
	fprintf(out, "%s=", d->name);
	options_print_value(out, d, value, port);
	fclose(out);
	if (items->any && items->column + len + 3 > TEXT_COLUMNS) {
		printf(",\n%*s", TEXT_INDENT, "");
		items->column = TEXT_INDENT;
	} else if (items->any) {
		items->column += printf(", ");
	}
	items->column += printf("%s", text);
	items->any = true;
	free(text);
}

static void print_settings(const struct report *r)
{
	struct items items = {.column = TEXT_INDENT};
	size_t i, j;

	printf("  settings   ");
	for (i = 0; i < options_count; i++)
		print_option(&items, &options[i], options_get_settings(&options[i], &r->settings),
			     false);
	putchar('\n');
	for (j = 0; j < r->policy_count; j++) {
		items = (struct items){.column = TEXT_INDENT};
		printf("  port %-5u ", r->ports[j]);
		for (i = 0; i < options_count; i++) {
			__u32 value = options[i].per_port
					      ? options_get_policy(&options[i], &r->policies[j])
					      : 0;

			if (value)
				print_option(&items, &options[i], value, true);
		}
		putchar('\n');
	}
}

static void print_attachment(const struct report *r)
{
	printf("%s: %s\n", r->ifname,
	       !r->xdp || !r->tc   ? "NOT PROTECTED, programs were detached: run again"
	       : report_attacks(r) ? "under attack"
				   : "protected");
	printf("  attached   XDP %s, %s%s; TC %s%s%s\n", shield_xdp_text(&r->note),
	       r->note.dispatcher ? "in libxdp's dispatcher" : "alone", r->xdp ? "" : " (gone)",
	       shield_tc_text(&r->note), r->tc ? "" : " (gone)",
	       r->here ? "" : "; in another network namespace");
	printf("  daemon     %s\n",
	       r->daemon ? "running"
			 : "not running: keys, addresses and listeners are not renewed; run again");
}

static void print_rates(const struct report *r)
{
	struct count_cell cells[COUNTS_ACTIONS * SYNSHIELD_REASON_MAX];
	size_t n, i;
	int a;

	printf("  packets/s ");
	for (a = 0; a < COUNTS_ACTIONS; a++) {
		if (!count_actions[a].observed || report_rate(r, a) > 0)
			printf(" %s %.0f", count_actions[a].name, report_rate(r, a));
	}
	putchar('\n');
	n = counts_cells(&r->after, &r->before, cells);
	for (i = 0; i < n && i < REPORT_REASONS; i++)
		printf("    %10.0f  %s %s: %s\n", cells[i].count / r->seconds,
		       count_actions[cells[i].action].name, count_reasons[cells[i].reason].name,
		       count_reasons[cells[i].reason].text);
}

static void print_listeners(const struct report *r)
{
	char text[ADDRESS_TEXT];
	size_t i;

	printf("  listeners  %zu, under attack %zu\n", r->listener_count, report_attacks(r));
	if (!r->listener_count)
		return;
	printf("    %-26s %-8s %9s %-14s %8s %12s\n", "address", "mode", "half-open", "cookies",
	       "attacks", "peak SYN/s");
	for (i = 0; i < r->listener_count && i < TABLE_LISTENERS; i++) {
		const struct listener_row *l = &r->listeners[i];

		printf("    %-26s %-8s %9u %-14s %8u %12u%s\n",
		       address_text(text, l->key.addr, l->key.port), report_listener_mode(l),
		       l->value.half_open, report_listener_cookies(r, l), l->value.attacks,
		       l->value.attack_peak,
		       under_attack(&l->value, r->now_jiffies) ? "  UNDER ATTACK" : "");
	}
	if (i < r->listener_count)
		printf("    and %zu more (--json shows all)\n", r->listener_count - i);
}

static void print_conns(const struct report *r)
{
	long used = report_conns_at_most(r);

	printf("  conns      room for %u", r->conns_capacity);
	if (used >= 0)
		printf(", at most %ld in use; every socket of this host is known\n", used);
	else
		printf("; the kernel is asked for sockets that are not tracked\n");
}

static void print_states(const struct report *r)
{
	bool any = false;
	int i;

	if (with_states) {
		printf("  states     ");
		for (i = 0; i < SYNSHIELD_TCP_STATES_MAX; i++) {
			if (!r->states[i])
				continue;
			printf("%s%s %zu", any ? ", " : "", fsm_state_name(i), r->states[i]);
			any = true;
		}
		puts(any ? "" : "no connection");
	}
	if (r->tracking.events_lost)
		printf("  events     %llu lost so far: the ring buffer was full (--events of run); "
		       "states are found anew\n",
		       (unsigned long long)r->tracking.events_lost);
}

static void print_defences(const struct report *r)
{
	if (r->settings.keepalive || r->done.probes)
		printf("  keepalive  %llu probes, %llu answered; %llu connections dead, %llu of "
		       "them closed\n",
		       (unsigned long long)r->done.probes,
		       (unsigned long long)r->done.probes_answered,
		       (unsigned long long)r->done.dead, (unsigned long long)r->done.dead_closed);
	if (r->settings.half_open_timeout || r->done.half_open_ended)
		printf("  half-open  %llu handshakes ended by half-open-timeout\n",
		       (unsigned long long)r->done.half_open_ended);
	if (r->done.backlog_set)
		printf("  backlog    net.ipv4.tcp_max_syn_backlog raised to %u, from %u\n",
		       r->done.backlog_set, r->done.backlog_before);
}

static void print_report(const struct report *r)
{
	int i;

	print_attachment(r);
	print_settings(r);
	print_conns(r);
	print_states(r);
	print_defences(r);
	print_rates(r);
	print_listeners(r);
	for (i = 0; i < r->warning_count; i++) {
		printf("  warning    %s\n", r->warnings[i].text);
		if (r->warnings[i].mend[0])
			printf("             %s\n", r->warnings[i].mend);
	}
	hints_print(r->hints, r->hint_count);
}

static void pause_ms(unsigned int ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

/* Returns an exit code; reports that could not be gathered are left out. */
static int gather(struct report *reports, size_t *count, char (*names)[IF_NAMESIZE])
{
	size_t i, kept = 0;
	int code, worst = EXIT_OK;

	for (i = 0; i < *count; i++) {
		maps_init(&reports[kept].maps);
		reports[kept].with_states = with_states;
		code = report_first(&reports[kept], names[i]);
		if (!code) {
			kept++;
			continue;
		}
		worst = code;
		maps_close(&reports[kept].maps);
		memset(&reports[kept], 0, sizeof(reports[kept]));
	}
	*count = kept;
	if (kept)
		pause_ms(interval_ms);
	for (i = 0; i < kept; i++) {
		code = report_second(&reports[i]);
		worst = code ? code : worst;
	}
	return worst;
}

static int status(const struct command *cmd, int argc, char **argv)
{
	char(*names)[IF_NAMESIZE] = NULL;
	struct report *reports;
	size_t count = 0, i;
	struct json j;
	int code;

	code = interfaces_chosen(argc, argv, &names, &count);
	if (code)
		return code;
	jiffies_calibrate();
	reports = calloc(count, sizeof(*reports));
	if (!reports)
		count = 0;
	code = gather(reports, &count, names);
	if (as_json) {
		json_start(&j, stdout);
		json_array(&j, NULL);
	}
	for (i = 0; i < count; i++) {
		if (as_json)
			report_json(&j, &reports[i]);
		else
			print_report(&reports[i]);
		report_free(&reports[i]);
	}
	if (as_json)
		json_end(&j);
	free(reports);
	free(names);
	return code;
}

const struct command command_status = {
	.name = "status",
	.usage = "[IFACE...] [--json] [--states] [--interval MS]",
	.summary = "mode, attachment, attacks, rates, listeners, warnings",
	.about = "Tells how the interfaces fare. Without IFACE: all that are running.",
	.args = status_args,
	.run = status,
};
