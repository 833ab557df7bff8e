/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The command conns. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "args.h"
#include "connfilter.h"
#include "duration.h"
#include "hints.h"
#include "host.h"
#include "interfaces.h"
#include "jiffies.h"
#include "json.h"
#include "locals.h"
#include "log.h"
#include "pin.h"

#define SECOND 1000000000ULL
/* Beyond that many they are written as they come, unsorted. */
#define SORTED_MAX 65536
/* "255.255.255.255:65535" */
#define ADDRESS_WIDTH 21

static bool as_json, no_header, all;
static unsigned int watch, rounds;

static const struct arg conns_args[] = {
	{.name = "all",
	 .letter = 'a',
	 .type = ARG_FLAG,
	 .to = &all,
	 .help = "those too that neither end has any more, until they are forgotten"},
	{.name = "watch",
	 .letter = 'w',
	 .type = ARG_NUMBER,
	 .to = &watch,
	 .meta = "S",
	 .min = 1,
	 .max = 3600,
	 .bare = 2,
	 .help = "again every S seconds (2), until interrupted"},
	{.name = "rounds",
	 .letter = 'n',
	 .type = ARG_NUMBER,
	 .to = &rounds,
	 .meta = "N",
	 .min = 1,
	 .max = 1000000,
	 .help = "with --watch: N times"},
	{.name = "no-header",
	 .letter = 'H',
	 .type = ARG_FLAG,
	 .to = &no_header,
	 .help = "only the rows: no heading, no hints"},
	{.name = "json", .letter = 'j', .type = ARG_FLAG, .to = &as_json, .help = "write JSON"},
	{},
};

/* One walk through one interface's connections. */
struct show {
	const struct conn_filter *filter;
	struct json *json;
	struct hints_tally *tally;
	struct conn_view *rows; /* kept to be sorted; none any more once they were too many */
	size_t count, room;
	bool streaming, headed;
	int width;
};

/* -- one row -- */

static const char *known_duration(char text[DURATION_TEXT], __u64 ns)
{
	return ns == CONN_UNKNOWN ? "-" : duration_text(text, ns);
}

static void row_text(const struct show *s, const struct conn_view *v)
{
	char local[ADDRESS_TEXT], remote[ADDRESS_TEXT], age[DURATION_TEXT], left[DURATION_TEXT];

	printf("%-*s %-*s %-12s %-12s %-6s %7s %7s %10u %10u\n", s->width,
	       address_text(local, v->tuple.local, v->tuple.local_port), s->width,
	       address_text(remote, v->tuple.remote, v->tuple.remote_port),
	       fsm_state_name(v->local), fsm_state_name(v->remote), conn_opener_name(v->opener),
	       known_duration(age, v->age), known_duration(left, v->left), v->remote_segments,
	       v->local_segments);
}

static void json_seconds(struct json *j, const char *key, __u64 ns)
{
	if (ns == CONN_UNKNOWN)
		json_null(j, key);
	else
		json_real(j, key, ns / 1e9);
}

static void row_json(struct json *j, const struct conn_view *v)
{
	char text[ADDRESS_TEXT];

	json_object(j, NULL);
	json_text(j, "local", address_text(text, v->tuple.local, v->tuple.local_port));
	json_text(j, "remote", address_text(text, v->tuple.remote, v->tuple.remote_port));
	json_text(j, "local-state", fsm_state_name(v->local));
	json_text(j, "remote-state", fsm_state_name(v->remote));
	json_text(j, "states-from", v->followed ? "daemon" : "flags");
	json_text(j, "opened-by", conn_opener_name(v->opener));
	json_seconds(j, "age", v->age);
	json_seconds(j, "moved", v->moved);
	json_seconds(j, "idle", v->idle);
	json_seconds(j, "timer", v->left);
	json_number(j, "segments-in", v->remote_segments);
	json_number(j, "segments-out", v->local_segments);
	json_end(j);
}

static void heading(struct show *s)
{
	if (!s->headed && !no_header)
		printf("%-*s %-*s %-12s %-12s %-6s %7s %7s %10s %10s\n", s->width, "LOCAL",
		       s->width, "REMOTE", "LOCAL-STATE", "REMOTE-STATE", "OPENER", "AGE", "TIMER",
		       "SEG-IN", "SEG-OUT");
	s->headed = true;
}

static void row(struct show *s, const struct conn_view *v)
{
	if (s->json) {
		row_json(s->json, v);
		return;
	}
	heading(s);
	row_text(s, v);
}

/* -- all rows -- */

static int compare_ends(const __u8 a[16], __u16 a_port, const __u8 b[16], __u16 b_port)
{
	int diff = memcmp(a, b, 16);

	return diff ? diff : a_port - b_port;
}

static int compare_rows(const void *a, const void *b)
{
	const struct synshield_tuple *s = &((const struct conn_view *)a)->tuple;
	const struct synshield_tuple *t = &((const struct conn_view *)b)->tuple;
	int diff = compare_ends(s->local, s->local_port, t->local, t->local_port);

	return diff ? diff : compare_ends(s->remote, s->remote_port, t->remote, t->remote_port);
}

static void fit_width(struct show *s, const struct conn_view *v)
{
	char text[ADDRESS_TEXT];
	int n;

	n = strlen(address_text(text, v->tuple.local, v->tuple.local_port));
	s->width = n > s->width ? n : s->width;
	n = strlen(address_text(text, v->tuple.remote, v->tuple.remote_port));
	s->width = n > s->width ? n : s->width;
}

static void flush_rows(struct show *s)
{
	size_t i;

	if (!s->streaming && s->count)
		qsort(s->rows, s->count, sizeof(*s->rows), compare_rows);
	for (i = 0; i < s->count; i++)
		row(s, &s->rows[i]);
	s->count = 0;
}

static int keep_row(struct show *s, const struct conn_view *v)
{
	if (s->count == s->room) {
		size_t room = s->room ? s->room * 2 : 256;
		struct conn_view *rows = reallocarray(s->rows, room, sizeof(*rows));

		if (!rows)
			return -ENOMEM;
		s->rows = rows;
		s->room = room;
	}
	s->rows[s->count++] = *v;
	fit_width(s, v);
	return 0;
}

static int take(const struct conn_view *v, void *arg)
{
	struct show *s = arg;

	hints_tally_add(s->tally, v);
	if (!conn_filter_takes(s->filter, v) ||
	    (conn_view_is_gone(v) && !all && !conn_filter_wants(s->filter, SYNSHIELD_TCP_CLOSED)))
		return 0;
	if (s->count == SORTED_MAX) {
		s->streaming = true;
		flush_rows(s);
	}
	if (!s->streaming)
		return keep_row(s, v);
	row(s, v);
	return 0;
}

/* -- hints -- */

static int find_hints(const struct show *s, struct hint hints[HINTS_MAX])
{
	struct hints_summary sum = {};

	hints_tally_sum(s->tally, &sum);
	sum.local_range = hints_local_range();
	return hints_find(&sum, hints);
}

/* -- one interface -- */

static int show_maps(struct show *s, const struct maps *maps, const char *ifname, bool daemon)
{
	struct hint hints[HINTS_MAX];
	int err, n;

	if (s->json) {
		json_object(s->json, NULL);
		json_text(s->json, "interface", ifname);
		json_bool(s->json, "daemon", daemon);
		json_array(s->json, "conns");
	}
	err = conn_views(maps, daemon, take, s);
	flush_rows(s);
	n = err ? 0 : find_hints(s, hints);
	if (s->json) {
		json_end(s->json);
		hints_json(s->json, hints, n);
		json_end(s->json);
	} else if (!no_header) {
		heading(s);
		if (!daemon)
			printf("no daemon is running: states are those of the segments seen so "
			       "far, and end by no time-out\n");
		hints_print(hints, n);
	}
	return err;
}

static bool daemon_runs(const char *ifname)
{
	int fd = pin_open_dir(ifname);
	bool runs;

	if (fd < 0)
		return false;
	runs = pin_dir_locked(fd);
	close(fd);
	return runs;
}

static int show_interface(const char *ifname, const struct conn_filter *filter, struct json *j)
{
	struct show s = {.filter = filter, .json = j, .width = ADDRESS_WIDTH};
	struct maps maps;
	int err;

	err = interfaces_open_to_read(&maps, ifname);
	if (err)
		return err;
	s.tally = hints_tally_new();
	err = s.tally ? show_maps(&s, &maps, ifname, daemon_runs(ifname)) : -ENOMEM;
	if (err)
		log_errno(err, "%s: cannot read the map conns", ifname);
	hints_tally_free(s.tally);
	free(s.rows);
	maps_close(&maps);
	return err ? EXIT_FAILED : EXIT_OK;
}

static int show_all(char (*names)[IF_NAMESIZE], size_t count, const struct conn_filter *filter)
{
	int code, worst = EXIT_OK;
	struct json j;
	size_t i;

	if (as_json) {
		json_start(&j, stdout);
		json_array(&j, NULL);
	}
	for (i = 0; i < count; i++) {
		if (!as_json && !no_header && count > 1)
			printf("%s%s\n", i ? "\n" : "", names[i]);
		code = show_interface(names[i], filter, as_json ? &j : NULL);
		worst = code ? code : worst;
	}
	if (as_json)
		json_end(&j);
	fflush(stdout);
	return worst;
}

static int watch_all(char (*names)[IF_NAMESIZE], size_t count, const struct conn_filter *filter)
{
	const struct timespec pause = {.tv_sec = watch};
	bool terminal = isatty(STDOUT_FILENO) && !as_json;
	unsigned int i;
	int code;

	for (i = 0;; i++) {
		if (terminal)
			printf("\033[H\033[J");
		else if (i && !as_json)
			putchar('\n');
		code = show_all(names, count, filter);
		if (code || ferror(stdout) || !watch || i + 1 == rounds)
			return code;
		nanosleep(&pause, NULL);
	}
}

/* What is no filter is an interface. */
static int sort_words(const struct command *cmd, int *argc, char **argv, struct conn_filter *filter)
{
	char why[CIDR_WHY];
	int i, is, kept = 0;

	for (i = 0; i < *argc; i++) {
		is = conn_filter_add(filter, argv[i], why);
		if (is < 0)
			return args_wrong(cmd, "%s", why);
		if (!is)
			argv[kept++] = argv[i];
	}
	*argc = kept;
	return 0;
}

static int conns(const struct command *cmd, int argc, char **argv)
{
	char(*names)[IF_NAMESIZE] = NULL;
	struct conn_filter *filter;
	size_t count = 0;
	int code;

	if (rounds && !watch)
		return args_wrong(cmd, "--rounds goes with --watch");
	filter = calloc(1, sizeof(*filter));
	if (!filter)
		return EXIT_FAILED;
	code = sort_words(cmd, &argc, argv, filter);
	if (!code)
		code = interfaces_chosen(argc, argv, &names, &count);
	if (!code) {
		jiffies_calibrate();
		code = watch_all(names, count, filter);
	}
	free(names);
	free(filter);
	return code;
}

const struct command command_conns = {
	.name = "conns",
	.usage = "[IFACE...] [FILTER...] [--watch[=S]] [--json]",
	.summary = "connections: states of both ends, age, timer, segments",
	.about =
		"Shows the tracked connections and the states of both of their ends, as in RFC\n"
		"9293. Without IFACE: of all interfaces that are running. A FILTER is\n\n"
		"  STATE   of the local end: ESTABLISHED, close-wait; remote:STATE of the remote\n"
		"  :PORT   of either end; local:PORT, remote:PORT\n"
		"  CIDR    address or prefix of either end; local:CIDR, remote:CIDR\n\n"
		"Filters of one kind are alternatives, those of different kinds all have to hold:\n"
		"'conns close-wait last-ack local:443' are those of port 443 in either state.\n\n"
		"OPENER is the end that sent the first SYN. TIMER is what is left until the state\n"
		"of the local end ends by itself, if nothing more is heard. More than 65536\n"
		"connections are not sorted.",
	.args = conns_args,
	.run = conns,
};
