/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The command replay. */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "capfile.h"
#include "connview.h"
#include "counts.h"
#include "duration.h"
#include "followladder.h"
#include "json.h"
#include "locals.h"
#include "log.h"
#include "stage.h"
#include "surmise.h"

#define SECOND 1000000000ULL
/* Connections that are followed at a time. */
#define ROOM 1048576
/* Sockets that listen. */
#define LISTENERS_AT_MOST 4096
/* Connections that are drawn. */
#define LADDERS_AT_MOST 1000
/* Payload that a program can be run on at once, and the frame with it. */
#define PIECE 2000
/* A RST that is this far behind or ahead is not the kernel's to heed. */
#define WINDOW_USUAL 65535

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

/* What became of the packets of the capture. */
struct tally {
	__u64 packets, run;
	__u64 other;	 /* not TCP */
	__u64 strange;	 /* a link layer that is not known */
	__u64 headless;	 /* cut before the end of the headers */
	__u64 oversize;	 /* of malformed ones, more than a program can be run on */
	__u64 cut;	 /* payload that is not there is taken for zeros */
	__u64 elsewhere; /* neither end is the host's */
	__u64 replaced;	 /* the kernel's answers, where the driver answers */
};

struct ladder_text {
	struct follow_ladder ladder;
	char *text;
	size_t len;
};

struct replay {
	const char *file;
	struct stage stage;
	struct surmise *surmise;
	struct follow *follow;
	struct follow_print print;
	struct tally tally;
	__u64 now; /* the capture's clock never goes back */
	bool observe;
	struct frame frame, piece;
	struct ladder_text ladders[LADDERS_AT_MOST];
	__u64 verdicts[2][SYNSHIELD_ACTION_MAX][SYNSHIELD_REASON_MAX]; /* [1]: observed */
};

/* -- stand-ins for the kernel's sockets, which a replay has none of -- */

static bool is_alive(const struct replay *r, const struct synshield_tuple *t)
{
	const struct followed *c = follow_find(r->follow, t);
	enum synshield_tcp_state state;

	if (!c)
		return false;
	state = c->fsm.side[FSM_LOCAL].state;
	return state != SYNSHIELD_TCP_CLOSED && state != SYNSHIELD_TCP_LISTEN;
}

/* The host had it before the capture began: the daemon would have told the shield. */
static int tell_of(struct replay *r, struct surmise_conn *c, const struct frame *f)
{
	struct synshield_conn conn = {
		.state = SYNSHIELD_CONN_ESTABLISHED,
		.remote_next = f->seq,
		.local_next = f->flags & TH_ACK ? f->ack : 0,
	};

	if (c->there || c->opens || !c->spoken)
		return 0;
	c->there = true;
	return stage_put_conn(&r->stage, &c->tuple, &conn);
}

/* The kernel holds a connection in TIME_WAIT, though both ends are done with it. */
static int hold_time_wait(struct replay *r, const struct synshield_tuple *t)
{
	const struct followed *c = follow_find(r->follow, t);
	struct synshield_conn conn;

	if (!c || c->fsm.side[FSM_LOCAL].state != SYNSHIELD_TCP_TIME_WAIT ||
	    stage_get_conn(&r->stage, t, &conn))
		return 0;
	conn.local.fin_acked = 0;
	return stage_put_conn(&r->stage, t, &conn);
}

/* A RST for a connection is judged by the kernel's window. */
static bool is_kernels_rst(const struct replay *r, const struct frame *f,
			   const struct synshield_tuple *t)
{
	struct synshield_conn conn;

	return f->flags & TH_RST && is_alive(r, t) && !stage_get_conn(&r->stage, t, &conn) &&
	       f->seq - conn.remote_next + 1 <= WINDOW_USUAL;
}

/* -- numbers, where a cookie stands in place of the capture's SYN-ACK -- */

static void note_cookie(struct surmise_conn *c, const struct frame *answer)
{
	__u32 at = frame_timestamps(answer);

	c->cookie = true;
	c->shifted = false;
	c->cookie_isn = answer->seq;
	c->cookie_tsval = at ? frame_get32(answer, at) : 0;
}

static void note_shift(struct surmise_conn *c, const struct frame *synack)
{
	__u32 at = frame_timestamps(synack);

	c->shifted = true;
	c->seq_shift = c->cookie_isn - synack->seq;
	c->ts_shift = at ? c->cookie_tsval - frame_get32(synack, at) : 0;
}

static void shift_received(const struct surmise_conn *c, struct frame *f)
{
	__u32 at = frame_timestamps(f);

	if (!c->shifted || !(f->flags & TH_ACK))
		return;
	frame_add_ack(f, c->seq_shift);
	if (at)
		frame_put32(f, at + 4, frame_get32(f, at + 4) + c->ts_shift);
}

static void shift_sent(const struct surmise_conn *c, struct frame *f)
{
	__u32 at = frame_timestamps(f);

	if (!c->shifted)
		return;
	frame_add_seq(f, c->seq_shift);
	if (at)
		frame_put32(f, at, frame_get32(f, at) + c->ts_shift);
}

/* -- one frame -- */

/* 1, too, if it is more than a program can be run on. */
static int run_one(struct replay *r, int (*run)(struct stage *s, struct frame *f))
{
	int err = run(&r->stage, &r->piece);

	if (err != -EINVAL)
		return err;
	r->tally.oversize++;
	return 1;
}

/* In pieces, if it is what offload has put together: the last one's event is the whole one's. */
static int run_pieces(struct replay *r, struct frame *f,
		      int (*run)(struct stage *s, struct frame *f))
{
	struct synshield_event *e = &r->stage.event;
	__u32 n;
	int err = 1;

	if (f->kind != FRAME_TCP) {
		memcpy(&r->piece, f, offsetof(struct frame, byte) + f->len);
		return run_one(r, run);
	}
	for (n = 0; frame_piece(f, n, PIECE, &r->piece); n++) {
		err = run_one(r, run);
		if (err || (e->end == SYNSHIELD_REMOTE && e->verdict >> 16 != SYNSHIELD_PASS))
			break;
	}
	e->seq = f->seq;
	e->flags = f->flags;
	e->payload = f->payload;
	return err;
}

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

static void show_step(struct replay *r, const struct follow_step *step)
{
	struct ladder_text *t;

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

static int follow_event(struct replay *r)
{
	struct follow_step step;
	int err;

	err = follow_segment(r->follow, &r->stage.event, r->now, r->observe, &step);
	if (!err)
		show_step(r, &step);
	return err < 0 ? err : 0;
}

static int receive(struct replay *r, struct frame *f, struct surmise_conn *c)
{
	enum synshield_action action;
	int err;

	if (f->flags & TH_SYN && !(f->flags & TH_ACK))
		c->cookie = c->shifted = false;
	err = tell_of(r, c, f);
	shift_received(c, f);
	if (!err)
		err = hold_time_wait(r, &c->tuple);
	if (!err)
		err = stage_leave_to_kernel(&r->stage, is_kernels_rst(r, f, &c->tuple));
	if (!err)
		err = run_pieces(r, f, stage_receive);
	if (err)
		return err < 0 ? err : 0;
	action = r->stage.event.verdict >> 16;
	c->unheard = action != SYNSHIELD_PASS && !r->observe;
	if (c->unheard && action == SYNSHIELD_REPLY && f->flags & TH_SYN && r->piece.flags & TH_SYN)
		note_cookie(c, &r->piece);
	return follow_event(r);
}

/* What the kernel said to a segment that it did not get to see. */
static bool is_replaced(struct surmise_conn *c, const struct frame *f)
{
	if (c->cookie && !c->shifted && (f->flags & (TH_SYN | TH_ACK)) == (TH_SYN | TH_ACK)) {
		note_shift(c, f);
		return true;
	}
	if (c->cookie && f->flags & TH_SYN)
		return true; /* the SYN-ACK once more: cookies are not repeated */
	return c->unheard && f->flags & (TH_RST | TH_SYN);
}

static int emit(struct replay *r, struct frame *f, struct surmise_conn *c)
{
	int err;

	if (is_replaced(c, f)) {
		r->tally.replaced++;
		return 0;
	}
	shift_sent(c, f);
	err = run_pieces(r, f, stage_send);
	if (err)
		return err < 0 ? err : 0;
	return follow_event(r);
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

/* Its tuple is not among the connections if its TCP header is wrong: it is only judged. */
static int judge(struct replay *r, struct frame *f)
{
	int err = run_pieces(r, f, stage_receive);

	if (err)
		return err < 0 ? err : 0;
	return follow_event(r);
}

static int play(struct replay *r, struct frame *f)
{
	enum surmise_way way = surmise_way(r->surmise, f);
	struct surmise_conn *c;
	struct synshield_tuple t;

	if (way == WAY_NONE) {
		r->tally.elsewhere++;
		return 0;
	}
	surmise_tuple(f, way, &t);
	if (port_wanted && t.local_port != port_wanted)
		return 0;
	r->tally.run++;
	r->tally.cut += f->cut;
	follow_expire(r->follow, r->now, show_end, r);
	c = surmise_find(r->surmise, &t);
	if (!c)
		return way == WAY_IN ? judge(r, f) : 0;
	return way == WAY_IN ? receive(r, f, c) : emit(r, f, c);
}

/* -- rounds through the capture -- */

static int note_addresses(const struct capfile_packet *p, void *arg)
{
	struct replay *r = arg;

	frame_read(&r->frame, p->linktype, p->data, p->captured, p->len);
	return surmise_addresses(r->surmise, &r->frame);
}

static int note_conns(const struct capfile_packet *p, void *arg)
{
	struct replay *r = arg;

	frame_read(&r->frame, p->linktype, p->data, p->captured, p->len);
	return surmise_conns(r->surmise, &r->frame);
}

static int play_packet(const struct capfile_packet *p, void *arg)
{
	struct replay *r = arg;

	if (!r->tally.packets++)
		r->print.zero = r->now = p->time_ns;
	if (p->time_ns > r->now)
		r->now = p->time_ns;
	frame_read(&r->frame, p->linktype, p->data, p->captured, p->len);
	switch (r->frame.kind) {
	case FRAME_TCP:
	case FRAME_BAD_TCP:
		return play(r, &r->frame);
	case FRAME_OTHER:
		r->tally.other++;
		return 0;
	case FRAME_CUT:
		r->tally.headless++;
		return 0;
	default:
		r->tally.strange++;
		return 0;
	}
}

/* -- the stage -- */

static int set_listeners(struct replay *r)
{
	__u32 port;
	int err = 0, n = 0;

	for (port = 1; port < 65536 && n < LISTENERS_AT_MOST && !err; port++) {
		if (!surmise_is_open(r->surmise, port))
			continue;
		n++;
		err = stage_listen(&r->stage, port);
	}
	return err ? log_errno(err, "replay: cannot listen on port %u", port - 1) : 0;
}

static int set_locals(struct replay *r)
{
	const struct synshield_list_key *locals;
	size_t n = surmise_locals(r->surmise, &locals), i;
	int err = 0;

	for (i = 0; i < n && !err; i++)
		err = stage_local(&r->stage, &locals[i]);
	return err ? log_errno(err, "replay: cannot fill the map locals") : 0;
}

static int set_stage(struct replay *r)
{
	struct conn_clock clock;
	int err;

	err = stage_open(&r->stage, modes[mode_wanted], 2 * surmise_count(r->surmise) + 16384);
	if (err)
		return err;
	r->observe = modes[mode_wanted] == SYNSHIELD_MODE_OBSERVE;
	conn_clock_config(&clock, &r->stage.settings);
	clock.config.sparse = false;
	r->follow = follow_new(&clock.config, ROOM);
	if (!r->follow)
		return log_errno(-ENOMEM, "replay");
	err = set_locals(r);
	return err ? err : set_listeners(r);
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
	__u64 deadline = c->fsm.deadline;

	printf("%-21s %-21s %-12s %-12s %-6s %7s %7u %7u\n",
	       address_text(local, c->tuple.local, c->tuple.local_port),
	       address_text(remote, c->tuple.remote, c->tuple.remote_port),
	       fsm_state_name(c->fsm.side[FSM_LOCAL].state),
	       fsm_state_name(c->fsm.side[FSM_REMOTE].state), client_name(c),
	       deadline == FSM_NEVER ? "-" : duration_text(left, deadline - r->now),
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
	json_text(&j, "local-state", fsm_state_name(c->fsm.side[FSM_LOCAL].state));
	json_text(&j, "remote-state", fsm_state_name(c->fsm.side[FSM_REMOTE].state));
	json_text(&j, "opened-by", client_name(c));
	if (c->fsm.deadline == FSM_NEVER)
		json_null(&j, "timer");
	else
		json_real(&j, "timer", (c->fsm.deadline - r->now) / 1e9);
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
		json_number(&j, tallies[i].name, tally_at(&r->tally, i));
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
		if (i < 2 || tally_at(&r->tally, i))
			printf("%10llu  %s\n", tally_at(&r->tally, i), tallies[i].text);
	}
	if (follow_forgotten(r->follow))
		printf("%10zu  connections more than are followed at a time: the oldest were "
		       "forgotten\n",
		       follow_forgotten(r->follow));
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
	err = follow_each(r->follow, show_last, &last);
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

/* A file that breaks off is played up to there: that it does was said in the first round. */
static int play_file(struct replay *r)
{
	char why[CAPFILE_WHY];
	int broken, err;

	broken = capfile_each(r->file, note_addresses, r, why);
	if (broken)
		log_line("%s", *why ? why : strerror(-broken));
	if (broken && broken != -EBADMSG)
		return broken;
	err = capfile_each(r->file, note_conns, r, why);
	if (!err || err == -EBADMSG)
		err = set_stage(r);
	if (err)
		return err;
	err = capfile_each(r->file, play_packet, r, why);
	if (err && err != -EBADMSG)
		return log_errno(err, "replay: stopped at packet %llu", r->tally.packets);
	err = conclude(r);
	return err ? err : broken;
}

static int replay(const struct command *cmd, int argc, char **argv)
{
	struct synshield_list_key local;
	char why[CIDR_WHY];
	struct replay *r;
	int err;

	if (argc != 1)
		return args_wrong(cmd, argc ? "one FILE at a time" : "which FILE?");
	if (as_ladder && as_json)
		return args_wrong(cmd, "a ladder is no JSON: --ladder or --json");
	if (local_text && cidr_parse(local_text, &local, why))
		return args_wrong(cmd, "%s", why);
	r = calloc(1, sizeof(*r));
	if (!r)
		return EXIT_FAILED;
	r->file = argv[0];
	r->print = (struct follow_print){.out = stdout, .json = as_json, .relative = true};
	r->surmise = surmise_new(local_text ? &local : NULL);
	err = r->surmise ? play_file(r) : -ENOMEM;
	stage_close(&r->stage);
	follow_free(r->follow);
	surmise_free(r->surmise);
	free(r);
	return err ? EXIT_FAILED : EXIT_OK;
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
		"sent anything but RSTs on it; TIME_WAIT holds its tuple; and a RST within a "
		"window\n"
		"of 64 KiB is left to the kernel. Time-outs go by the capture's clock; limits per\n"
		"second do not apply. In mode always the capture's SYN-ACKs give way to the\n"
		"driver's, and the numbers that answer them are moved along.",
	.args = replay_args,
	.run = replay,
};
