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
#include "shield.h"
#include "warnings.h"

#define TOP_REASONS 5
#define TABLE_LISTENERS 20

/* Everything that is told of one interface. */
struct report {
	char ifname[IF_NAMESIZE];
	struct maps maps;
	struct pin_note note;
	bool daemon, here, xdp, tc;
	struct synshield_settings settings;
	struct synshield_host host;
	struct synshield_tracking tracking;
	struct synshield_daemon done;
	__u32 conns_capacity;
	__u32 epoch;
	struct listener_row *listeners;
	size_t listener_count;
	__u32 *ports;
	struct synshield_policy *policies;
	size_t policy_count;
	__u64 now_jiffies;
	struct timespec sampled;
	double seconds;
	struct synshield_stats before, after;
	struct warning warnings[WARNINGS_MAX];
	int warning_count;
	struct hint hints[HINTS_MAX];
	int hint_count;
	size_t states[SYNSHIELD_TCP_STATES_MAX]; /* of this host's ends */
};

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

static double seconds_since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - then->tv_sec) + (now.tv_nsec - then->tv_nsec) / 1e9;
}

/* -- gathering -- */

static int gather_attachment(struct report *r)
{
	int fd, err;

	err = pin_read_note(r->ifname, &r->note);
	if (err) /* a start that did not come to an end */
		return err;
	r->here = r->note.netns == pin_netns();
	r->xdp = xdp_attached(r->ifname, &r->note);
	r->tc = (!r->here && r->note.clsact) || tc_attached(r->ifname, &r->note);
	fd = pin_open_dir(r->ifname);
	if (fd < 0)
		return fd;
	r->daemon = pin_dir_locked(fd);
	close(fd);
	return 0;
}

static int gather_maps(struct report *r)
{
	struct synshield_keys keys = {};
	int err;

	err = maps_get(&r->maps, MAP_SETTINGS, &r->settings);
	if (!err)
		err = maps_get(&r->maps, MAP_HOST, &r->host);
	if (!err)
		err = maps_get(&r->maps, MAP_TRACKING, &r->tracking);
	if (!err)
		err = maps_get(&r->maps, MAP_DAEMON, &r->done);
	if (!err)
		err = maps_capacity(&r->maps, MAP_CONNS, &r->conns_capacity);
	if (!err && r->maps.fd[MAP_KEYS] >= 0)
		err = maps_get(&r->maps, MAP_KEYS, &keys);
	r->epoch = keys.epoch;
	explicit_bzero(&keys, sizeof(keys));
	if (!err)
		err = maps_stats(&r->maps, &r->before);
	clock_gettime(CLOCK_MONOTONIC, &r->sampled);
	return err;
}

static int gather_first(struct report *r, const char *ifname)
{
	int err;

	snprintf(r->ifname, sizeof(r->ifname), "%s", ifname);
	err = interfaces_open_to_read(&r->maps, ifname);
	if (err)
		return err;
	err = gather_attachment(r);
	if (err == -ENOENT || err == -EINVAL)
		return interfaces_not_running(ifname);
	if (!err)
		err = gather_maps(r);
	return err ? (log_errno(err, "%s: cannot read its maps", ifname), EXIT_FAILED) : EXIT_OK;
}

static int gather_states(struct report *r)
{
	struct synshield_closing *values;
	struct synshield_tuple *tuples;
	size_t count, i;
	int err;

	err = maps_dump(&r->maps, MAP_CLOSING, (void **)&tuples, (void **)&values, &count);
	if (err)
		return err;
	for (i = 0; i < count; i++) {
		if (values[i].local < SYNSHIELD_TCP_STATES_MAX)
			r->states[values[i].local]++;
	}
	free(tuples);
	free(values);
	return 0;
}

static int gather_second(struct report *r)
{
	int err;

	r->seconds = seconds_since(&r->sampled);
	err = maps_stats(&r->maps, &r->after);
	if (!err)
		err = listeners_read(&r->maps, &r->listeners, &r->listener_count);
	if (!err)
		err = maps_dump(&r->maps, MAP_POLICY, (void **)&r->ports, (void **)&r->policies,
				&r->policy_count);
	if (!err && with_states)
		err = gather_states(r);
	r->now_jiffies = jiffies_now();
	r->warning_count = warnings_collect(r->ifname, &r->note, &r->maps, r->warnings);
	r->hint_count = err ? 0 : hints_gather(&r->maps, &r->before, &r->after, r->hints);
	if (r->hint_count < 0)
		err = r->hint_count;
	return err ? (log_errno(err, "%s: cannot read its maps", r->ifname), EXIT_FAILED) : EXIT_OK;
}

static void report_free(struct report *r)
{
	maps_close(&r->maps);
	free(r->listeners);
	free(r->ports);
	free(r->policies);
}

static size_t attacks(const struct report *r)
{
	size_t i, n = 0;

	for (i = 0; i < r->listener_count; i++)
		n += under_attack(&r->listeners[i].value, r->now_jiffies);
	return n;
}

static bool learned(const struct report *r)
{
	return r->host.learned && r->host.learned == r->settings.generation &&
	       r->tracking.made < r->host.learned_until;
}

/*
 * An upper bound of the tracked connections, or -1: what the daemon counted last and
 * what was made since.  To count them here would take a walk through the whole table.
 */
static long conns_at_most(const struct report *r)
{
	__u32 room = conns_room(r->conns_capacity);
	__u64 free;

	if (!learned(r))
		return -1;
	free = r->host.learned_until - r->tracking.made;
	return free < room ? (long)(room - free) : 0;
}

static double rate(const struct report *r, int action)
{
	__u64 n = counts_total(&r->after, action) - counts_total(&r->before, action);

	return r->seconds > 0 ? n / r->seconds : 0;
}

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
	       !r->xdp || !r->tc ? "NOT PROTECTED, programs were detached: run again"
	       : attacks(r)	 ? "under attack"
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
		if (!count_actions[a].observed || rate(r, a) > 0)
			printf(" %s %.0f", count_actions[a].name, rate(r, a));
	}
	putchar('\n');
	n = counts_cells(&r->after, &r->before, cells);
	for (i = 0; i < n && i < TOP_REASONS; i++)
		printf("    %10.0f  %s %s: %s\n", cells[i].count / r->seconds,
		       count_actions[cells[i].action].name, count_reasons[cells[i].reason].name,
		       count_reasons[cells[i].reason].text);
}

static const char *listener_mode(const struct listener_row *l)
{
	return l->value.checked_jiffies ? options_mode_name(l->value.mode) : "-";
}

static const char *listener_cookies(const struct report *r, const struct listener_row *l)
{
	if (!l->value.checked_jiffies)
		return "not asked yet";
	if (l->value.flags & SYNSHIELD_LISTENER_KERNEL_COOKIE)
		return "kernel's";
	return r->host.flags & SYNSHIELD_HOST_REQSK ? "shield's" : "kernel's";
}

static void print_listeners(const struct report *r)
{
	char text[ADDRESS_TEXT];
	size_t i;

	printf("  listeners  %zu, under attack %zu\n", r->listener_count, attacks(r));
	if (!r->listener_count)
		return;
	printf("    %-26s %-8s %9s %-14s %8s %12s\n", "address", "mode", "half-open", "cookies",
	       "attacks", "peak SYN/s");
	for (i = 0; i < r->listener_count && i < TABLE_LISTENERS; i++) {
		const struct listener_row *l = &r->listeners[i];

		printf("    %-26s %-8s %9u %-14s %8u %12u%s\n",
		       address_text(text, l->key.addr, l->key.port), listener_mode(l),
		       l->value.half_open, listener_cookies(r, l), l->value.attacks,
		       l->value.attack_peak,
		       under_attack(&l->value, r->now_jiffies) ? "  UNDER ATTACK" : "");
	}
	if (i < r->listener_count)
		printf("    and %zu more (--json shows all)\n", r->listener_count - i);
}

static void print_conns(const struct report *r)
{
	long used = conns_at_most(r);

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

/* -- as JSON -- */

static void json_option(struct json *j, const struct option_desc *d, __u32 value, bool port)
{
	const char *word = options_word(d, value, port);

	if (word)
		json_text(j, d->name, word);
	else
		json_number(j, d->name, value);
}

static void json_settings(struct json *j, const struct report *r)
{
	size_t i, k;

	json_object(j, "settings");
	for (i = 0; i < options_count; i++)
		json_option(j, &options[i], options_get_settings(&options[i], &r->settings), false);
	json_number(j, "generation", r->settings.generation);
	json_end(j);
	json_array(j, "ports");
	for (k = 0; k < r->policy_count; k++) {
		json_object(j, NULL);
		json_number(j, "port", r->ports[k]);
		for (i = 0; i < options_count; i++) {
			if (options[i].per_port)
				json_option(j, &options[i],
					    options_get_policy(&options[i], &r->policies[k]), true);
		}
		json_end(j);
	}
	json_end(j);
}

static void json_listeners(struct json *j, const struct report *r)
{
	char text[ADDRESS_TEXT];
	size_t i;

	json_array(j, "listeners");
	for (i = 0; i < r->listener_count; i++) {
		const struct listener_row *l = &r->listeners[i];

		json_object(j, NULL);
		json_text(j, "address", address_text(text, l->key.addr, l->key.port));
		json_number(j, "port", l->key.port);
		json_text(j, "mode", listener_mode(l));
		json_bool(j, "under-attack", under_attack(&l->value, r->now_jiffies));
		json_text(j, "cookies", listener_cookies(r, l));
		json_number(j, "half-open", l->value.half_open);
		json_number(j, "attacks", l->value.attacks);
		json_number(j, "attack-syns", l->value.attack_syns);
		json_number(j, "attack-acks", l->value.attack_acks);
		json_number(j, "attack-peak", l->value.attack_peak);
		json_end(j);
	}
	json_end(j);
}

static void json_rates(struct json *j, const struct report *r)
{
	struct count_cell cells[COUNTS_ACTIONS * SYNSHIELD_REASON_MAX];
	size_t n, i;
	int a;

	json_object(j, "rates");
	for (a = 0; a < COUNTS_ACTIONS; a++)
		json_real(j, count_actions[a].name, rate(r, a));
	json_end(j);
	json_array(j, "top");
	n = counts_cells(&r->after, &r->before, cells);
	for (i = 0; i < n && i < TOP_REASONS; i++) {
		json_object(j, NULL);
		json_text(j, "action", count_actions[cells[i].action].name);
		json_text(j, "reason", count_reasons[cells[i].reason].name);
		json_real(j, "rate", cells[i].count / r->seconds);
		json_end(j);
	}
	json_end(j);
}

static void json_warnings(struct json *j, const struct report *r)
{
	int i;

	json_array(j, "warnings");
	for (i = 0; i < r->warning_count; i++) {
		json_object(j, NULL);
		json_text(j, "text", r->warnings[i].text);
		if (r->warnings[i].mend[0])
			json_text(j, "mend", r->warnings[i].mend);
		json_end(j);
	}
	json_end(j);
}

static void json_conns(struct json *j, const struct report *r)
{
	long used = conns_at_most(r);

	json_object(j, "conns");
	json_number(j, "capacity", r->conns_capacity);
	if (used >= 0)
		json_number(j, "used-at-most", used);
	else
		json_null(j, "used-at-most");
	json_end(j);
}

static void json_states(struct json *j, const struct report *r)
{
	int i;

	json_number(j, "events-lost", r->tracking.events_lost);
	if (!with_states)
		return;
	json_object(j, "states");
	for (i = 0; i < SYNSHIELD_TCP_STATES_MAX; i++)
		json_number(j, fsm_state_name(i), r->states[i]);
	json_end(j);
}

static void json_defences(struct json *j, const struct report *r)
{
	json_object(j, "keepalive");
	json_number(j, "probes", r->done.probes);
	json_number(j, "answered", r->done.probes_answered);
	json_number(j, "dead", r->done.dead);
	json_number(j, "closed", r->done.dead_closed);
	json_end(j);
	json_number(j, "half-open-ended", r->done.half_open_ended);
	json_object(j, "syn-backlog");
	json_number(j, "before", r->done.backlog_before);
	json_number(j, "raised-to", r->done.backlog_set);
	json_end(j);
}

static void json_report(struct json *j, const struct report *r)
{
	json_object(j, NULL);
	json_text(j, "interface", r->ifname);
	json_bool(j, "protected", r->xdp && r->tc);
	json_text(j, "xdp", shield_xdp_text(&r->note));
	json_bool(j, "dispatcher", r->note.dispatcher);
	json_text(j, "tc", shield_tc_text(&r->note));
	json_bool(j, "daemon", r->daemon);
	json_bool(j, "this-namespace", r->here);
	json_bool(j, "under-attack", attacks(r) > 0);
	if (r->maps.fd[MAP_KEYS] >= 0)
		json_number(j, "epoch", r->epoch);
	else
		json_null(j, "epoch");
	json_bool(j, "learned", learned(r));
	json_conns(j, r);
	json_states(j, r);
	json_defences(j, r);
	json_settings(j, r);
	json_rates(j, r);
	json_listeners(j, r);
	json_warnings(j, r);
	hints_json(j, r->hints, r->hint_count);
	json_end(j);
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
		code = gather_first(&reports[kept], names[i]);
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
		code = gather_second(&reports[i]);
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
			json_report(&j, &reports[i]);
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
