/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The command replay. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "counts.h"
#include "duration.h"
#include "followladder.h"
#include "json.h"
#include "locals.h"
#include "log.h"
#include "playback.h"

/* Connections that are drawn. */
#define LADDERS_AT_MOST 1000

static int mode_wanted;
static const char *local_text;
static unsigned int port_wanted;
static bool as_json, as_ladder;

static const char *const mode_names[] = {"auto", "always", "observe", NULL};
static const enum synshield_mode modes[] = {SYNSHIELD_MODE_AUTO, SYNSHIELD_MODE_ALWAYS,
					    SYNSHIELD_MODE_OBSERVE};

static const struct arg replay_args[] = {
	{.name = "mode",
	 .letter = 'm',
	 .type = ARG_CHOICE,
	 .to = &mode_wanted,
	 .meta = "MODE",
	 .choices = mode_names,
	 .help = "what the shield is told to do (auto)"},
	{.name = "local",
	 .letter = 'l',
	 .type = ARG_TEXT,
	 .to = &local_text,
	 .meta = "CIDR",
	 .help = "addresses of the host (those that SYNs go to; else the\n"
		 "end with the lower port)"},
	{.name = "port",
	 .letter = 'p',
	 .type = ARG_NUMBER,
	 .to = &port_wanted,
	 .meta = "P",
	 .min = 1,
	 .max = 65535,
	 .help = "only connections of this local port"},
	{.name = "ladder",
	 .type = ARG_FLAG,
	 .to = &as_ladder,
	 .help = "each connection as a ladder: its segments between the\n"
		 "states of its ends"},
	{.name = "json",
	 .letter = 'j',
	 .type = ARG_FLAG,
	 .to = &as_json,
	 .help = "write one JSON object per line"},
	{},
};

struct ladder_text {
	struct follow_ladder ladder;
	char *text;
	size_t len;
};

struct replay {
	struct playback play;
	struct follow_print print;
	struct ladder_text ladders[LADDERS_AT_MOST];
	__u64 verdicts[2][SYNSHIELD_ACTION_MAX][SYNSHIELD_REASON_MAX]; /* [1]: observed */
};

/* -- one line, or rung -- */

/* Of the connections that are shown, each ladder is written on its own. */
static struct ladder_text *ladder_of(struct replay *r, const struct followed *c)
{
	struct ladder_text *t;

	if (!c->id || c->id > LADDERS_AT_MOST)
		return NULL;
	t = &r->ladders[c->id - 1];
	if (t->ladder.out)
		return t;
	t->ladder.print = &r->print;
	t->ladder.out = open_memstream(&t->text, &t->len);
	return t->ladder.out ? t : NULL;
}

static void show_step(const struct follow_step *step, void *arg)
{
	struct replay *r = arg;
	struct ladder_text *t;

	r->print.zero = r->play.first;
	if (step->judged)
		r->verdicts[step->observed][step->action][step->reason]++;
	if (!as_ladder) {
		follow_print_step(&r->print, step);
		return;
	}
	t = ladder_of(r, step->conn);
	if (t)
		follow_ladder_step(&t->ladder, step);
}

static void print_ladders(struct replay *r)
{
	int i;

	for (i = 0; i < LADDERS_AT_MOST; i++) {
		struct ladder_text *t = &r->ladders[i];

		if (!t->ladder.out)
			continue;
		fclose(t->ladder.out);
		printf("%s\n", t->text);
		free(t->text);
	}
}

static void show_end(const struct follow_end *e, void *arg)
{
	struct replay *r = arg;
	struct ladder_text *t;

	if (!as_ladder) {
		follow_print_end(&r->print, e);
		return;
	}
	t = ladder_of(r, e->conn);
	if (t)
		follow_ladder_end(&t->ladder, e);
}

/* -- the end -- */

struct last_states {
	const struct replay *r;
	bool headed;
};

static const char *client_name(const struct followed *c)
{
	return !c->client ? "unseen" : c->client == FSM_LOCAL + 1 ? "local" : "remote";
}

static void last_text(const struct replay *r, const struct followed *c)
{
	char local[ADDRESS_TEXT], remote[ADDRESS_TEXT], left[DURATION_TEXT];
	__u64 deadline = c->dead ? FSM_NEVER : c->fsm.deadline;

	printf("%-21s %-21s %-12s %-12s %-6s %7s %7u %7u\n",
	       address_text(local, c->tuple.local, c->tuple.local_port),
	       address_text(remote, c->tuple.remote, c->tuple.remote_port),
	       fsm_state_name(follow_state(c, FSM_LOCAL)),
	       fsm_state_name(follow_state(c, FSM_REMOTE)), client_name(c),
	       deadline == FSM_NEVER ? "-" : duration_text(left, deadline - r->play.now),
	       c->segments[FSM_REMOTE], c->segments[FSM_LOCAL]);
}

static void last_json(const struct replay *r, const struct followed *c)
{
	char text[ADDRESS_TEXT];
	struct json j;

	json_start(&j, stdout);
	j.one_line = true;
	json_object(&j, NULL);
	json_text(&j, "kind", "connection");
	json_number(&j, "connection", c->id);
	json_text(&j, "local", address_text(text, c->tuple.local, c->tuple.local_port));
	json_text(&j, "remote", address_text(text, c->tuple.remote, c->tuple.remote_port));
	json_text(&j, "local-state", fsm_state_name(follow_state(c, FSM_LOCAL)));
	json_text(&j, "remote-state", fsm_state_name(follow_state(c, FSM_REMOTE)));
	json_text(&j, "opened-by", client_name(c));
	if (c->dead || c->fsm.deadline == FSM_NEVER)
		json_null(&j, "timer");
	else
		json_real(&j, "timer", (c->fsm.deadline - r->play.now) / 1e9);
	json_number(&j, "segments-in", c->segments[FSM_REMOTE]);
	json_number(&j, "segments-out", c->segments[FSM_LOCAL]);
	json_end(&j);
}

static void show_last(const struct followed *c, void *arg)
{
	struct last_states *l = arg;

	if (as_json) {
		last_json(l->r, c);
		return;
	}
	if (!l->headed)
		printf("\n%-21s %-21s %-12s %-12s %-6s %7s %7s %7s\n", "LOCAL", "REMOTE",
		       "LOCAL-STATE", "REMOTE-STATE", "OPENER", "TIMER", "SEG-IN", "SEG-OUT");
	l->headed = true;
	last_text(l->r, c);
}

static const struct {
	const char *name, *text;
	size_t at;
} tallies[] = {
	{"packets", "packets in the capture", offsetof(struct tally, packets)},
	{"replayed", "went through the programs", offsetof(struct tally, run)},
	{"not-tcp", "not TCP, or fragments", offsetof(struct tally, other)},
	{"elsewhere", "between other hosts", offsetof(struct tally, elsewhere)},
	{"cut", "cut by the capture: the data left out is taken for zeros",
	 offsetof(struct tally, cut)},
	{"headless", "cut before the end of the headers: left out",
	 offsetof(struct tally, headless)},
	{"oversize", "malformed, and larger than a program can be run on: left out",
	 offsetof(struct tally, oversize)},
	{"unknown-link", "of a link layer that is not known: left out",
	 offsetof(struct tally, strange)},
	{"replaced",
	 "answers of the capture's kernel to what the driver refused or answered: "
	 "left out",
	 offsetof(struct tally, replaced)},
};
#define TALLIES (sizeof(tallies) / sizeof(*tallies))

static __u64 tally_at(const struct tally *t, size_t i)
{
	return *(const __u64 *)((const char *)t + tallies[i].at);
}

static void summary_json(const struct replay *r, const struct count_cell *cells, size_t n)
{
	struct json j;
	size_t i;

	json_start(&j, stdout);
	j.one_line = true;
	json_object(&j, NULL);
	json_text(&j, "kind", "summary");
	for (i = 0; i < TALLIES; i++)
		json_number(&j, tallies[i].name, tally_at(&r->play.tally, i));
	json_array(&j, "verdicts");
	for (i = 0; i < n; i++) {
		json_object(&j, NULL);
		json_text(&j, "action", count_actions[cells[i].action].name);
		json_text(&j, "reason", count_reasons[cells[i].reason].name);
		json_number(&j, "packets", cells[i].count);
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
}

static void summary_text(const struct replay *r, const struct count_cell *cells, size_t n)
{
	size_t i;

	putchar('\n');
	for (i = 0; i < TALLIES; i++) {
		if (i < 2 || tally_at(&r->play.tally, i))
			printf("%10llu  %s\n", tally_at(&r->play.tally, i), tallies[i].text);
	}
	if (follow_forgotten(r->play.follow))
		printf("%10zu  connections more than are followed at a time: the oldest were "
		       "forgotten\n",
		       follow_forgotten(r->play.follow));
	for (i = 0; i < n; i++)
		printf("%10llu  %s %s: %s\n", (unsigned long long)cells[i].count,
		       count_actions[cells[i].action].name, count_reasons[cells[i].reason].name,
		       count_reasons[cells[i].reason].text);
}

/* Of packets of the capture: the programs' own counters count the pieces that these were cut into.
 */
static size_t verdict_cells(const struct replay *r,
			    struct count_cell cells[COUNTS_ACTIONS * SYNSHIELD_REASON_MAX])
{
	size_t n = 0;
	int i, reason;

	for (i = 0; i < COUNTS_ACTIONS; i++) {
		for (reason = 0; reason < SYNSHIELD_REASON_MAX; reason++) {
			__u64 count = r->verdicts[i / SYNSHIELD_ACTION_MAX]
						 [i % SYNSHIELD_ACTION_MAX][reason];

			if (count)
				cells[n++] = (struct count_cell){
					.action = i, .reason = reason, .count = count};
		}
	}
	return n;
}

static int conclude(struct replay *r)
{
	struct count_cell cells[COUNTS_ACTIONS * SYNSHIELD_REASON_MAX];
	struct last_states last = {.r = r};
	size_t n;
	int err;

	print_ladders(r);
	err = follow_each(r->play.follow, show_last, &last);
	if (err)
		return log_errno(err, "replay: cannot sum up");
	n = verdict_cells(r, cells);
	if (as_json)
		summary_json(r, cells, n);
	else
		summary_text(r, cells, n);
	return 0;
}

/* -- the command -- */

static int replay(const struct command *cmd, int argc, char **argv)
{
	struct synshield_list_key local;
	char why[CIDR_WHY];
	struct replay *r;
	int err, failed = 0;

	if (argc != 1)
		return args_wrong(cmd, argc ? "one FILE at a time" : "which FILE?");
	if (as_ladder && as_json)
		return args_wrong(cmd, "a ladder is no JSON: --ladder or --json");
	if (local_text && cidr_parse(local_text, &local, why))
		return args_wrong(cmd, "%s", why);
	r = calloc(1, sizeof(*r));
	if (!r)
		return EXIT_FAILED;
	r->play.file = argv[0];
	r->play.mode = modes[mode_wanted];
	r->play.port = port_wanted;
	r->play.show_step = show_step;
	r->play.show_end = show_end;
	r->play.arg = r;
	r->print = (struct follow_print){.out = stdout, .json = as_json, .relative = true};
	r->play.surmise = surmise_new(local_text ? &local : NULL);
	err = r->play.surmise ? playback_run(&r->play) : log_errno(-ENOMEM, "replay");
	if (!err || (err == -EBADMSG && r->play.follow))
		failed = conclude(r);
	playback_close(&r->play);
	free(r);
	return err || failed ? EXIT_FAILED : EXIT_OK;
}

const struct command command_replay = {
	.name = "replay",
	.usage =
		"FILE.pcap|FILE.pcapng [--mode MODE] [--local CIDR] [--port P] [--ladder] [--json]",
	.summary = "a capture through the real programs: verdicts, states, ladders",
	.about =
		"Runs the packets of a capture through the shield's own BPF programs, and shows "
		"for\n"
		"each what the shield does with it, and the states of both ends after it. Needs\n"
		"root, no interface, and touches none: it happens in an empty network "
		"namespace.\n\n"
		"There are no sockets, so the capture stands in for them: a port listens unless "
		"it\n"
		"answered a SYN with a RST; a connection without a handshake is known if the host\n"
		"sent anything but RSTs on it; TIME_WAIT holds its tuple (not in mode always); "
		"and\n"
		"a RST within a window of 64 KiB is left to the kernel. Time-outs go by the\n"
		"capture's clock; limits per second do not apply. In mode always the capture's\n"
		"SYN-ACKs give way to the driver's, and the numbers that answer them are moved "
		"along.",
	.args = replay_args,
	.run = replay,
};
