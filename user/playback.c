/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "playback.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "capfile.h"
#include "log.h"

/* Connections that are followed at a time. */
#define ROOM 1048576
/* Sockets that listen. */
#define LISTENERS_AT_MOST 4096
/* Payload that a program can be run on at once, and the frame with it. */
#define PIECE 2000
/* A RST that is this far behind or ahead is not the kernel's to heed. */
#define WINDOW_USUAL 65535

/* -- stand-ins for the kernel's sockets, which a replay has none of -- */

static bool is_alive(const struct playback *b, const struct synshield_tuple *t)
{
	const struct followed *c = follow_find(b->follow, t);
	enum synshield_tcp_state state;

	if (!c)
		return false;
	state = c->fsm.side[FSM_LOCAL].state;
	return state != SYNSHIELD_TCP_CLOSED && state != SYNSHIELD_TCP_LISTEN;
}

/* The host had it before the capture began: the daemon would have told the shield. */
static int tell_of(struct playback *b, struct surmise_conn *c, const struct frame *f)
{
	struct synshield_conn conn = {
		.state = SYNSHIELD_CONN_ESTABLISHED,
		.remote_next = f->seq,
		.local_next = f->flags & TH_ACK ? f->ack : 0,
	};

	if (c->there || c->opens || !c->spoken)
		return 0;
	c->there = true;
	return stage_put_conn(&b->stage, &c->tuple, &conn);
}

/* The kernel holds a connection in TIME_WAIT, though both ends are done with it. */
static int hold_time_wait(struct playback *b, const struct synshield_tuple *t)
{
	const struct followed *c = follow_find(b->follow, t);
	struct synshield_conn conn;

	if (!c || c->fsm.side[FSM_LOCAL].state != SYNSHIELD_TCP_TIME_WAIT ||
	    stage_get_conn(&b->stage, t, &conn))
		return 0;
	conn.local.fin_acked = 0;
	return stage_put_conn(&b->stage, t, &conn);
}

/* A RST for a connection is judged by the kernel's window. */
static bool is_kernels_rst(const struct playback *b, const struct frame *f,
			   const struct synshield_tuple *t)
{
	struct synshield_conn conn;

	return f->flags & TH_RST && is_alive(b, t) && !stage_get_conn(&b->stage, t, &conn) &&
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
static int run_one(struct playback *b, int (*run)(struct stage *s, struct frame *f))
{
	int err = run(&b->stage, &b->piece);

	if (err != -EINVAL)
		return err;
	b->tally.oversize++;
	return 1;
}

/* In pieces, if it is what offload has put together: the last one's event is the whole one's. */
static int run_pieces(struct playback *b, struct frame *f,
		      int (*run)(struct stage *s, struct frame *f))
{
	struct synshield_event *e = &b->stage.event;
	__u32 n;
	int err = 1;

	if (f->kind != FRAME_TCP) {
		memcpy(&b->piece, f, offsetof(struct frame, byte) + f->len);
		return run_one(b, run);
	}
	for (n = 0; frame_piece(f, n, PIECE, &b->piece); n++) {
		err = run_one(b, run);
		if (err || (e->end == SYNSHIELD_REMOTE && e->verdict >> 16 != SYNSHIELD_PASS))
			break;
	}
	e->seq = f->seq;
	e->flags = f->flags;
	e->payload = f->payload;
	return err;
}

static int follow_event(struct playback *b)
{
	struct follow_step step;
	int err;

	err = follow_segment(b->follow, &b->stage.event, b->now, b->observe, &step);
	if (!err)
		b->show_step(&step, b->arg);
	return err < 0 ? err : 0;
}

static int receive(struct playback *b, struct frame *f, struct surmise_conn *c)
{
	enum synshield_action action;
	int err;

	if (f->flags & TH_SYN && !(f->flags & TH_ACK))
		c->cookie = c->shifted = false;
	err = tell_of(b, c, f);
	shift_received(c, f);
	if (!err)
		err = hold_time_wait(b, &c->tuple);
	if (!err)
		err = stage_leave_to_kernel(&b->stage, is_kernels_rst(b, f, &c->tuple));
	if (!err)
		err = run_pieces(b, f, stage_receive);
	if (err)
		return err < 0 ? err : 0;
	action = b->stage.event.verdict >> 16;
	c->unheard = action != SYNSHIELD_PASS && !b->observe;
	if (c->unheard && action == SYNSHIELD_REPLY && f->flags & TH_SYN && b->piece.flags & TH_SYN)
		note_cookie(c, &b->piece);
	return follow_event(b);
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

static int emit(struct playback *b, struct frame *f, struct surmise_conn *c)
{
	int err;

	if (is_replaced(c, f)) {
		b->tally.replaced++;
		return 0;
	}
	shift_sent(c, f);
	err = run_pieces(b, f, stage_send);
	if (err)
		return err < 0 ? err : 0;
	return follow_event(b);
}

/* Its tuple is not among the connections if its TCP header is wrong: it is only judged. */
static int judge(struct playback *b, struct frame *f)
{
	int err = run_pieces(b, f, stage_receive);

	if (err)
		return err < 0 ? err : 0;
	return follow_event(b);
}

static int play(struct playback *b, struct frame *f)
{
	enum surmise_way way = surmise_way(b->surmise, f);
	struct surmise_conn *c;
	struct synshield_tuple t;

	if (way == WAY_NONE) {
		b->tally.elsewhere++;
		return 0;
	}
	surmise_tuple(f, way, &t);
	if (b->port && t.local_port != b->port)
		return 0;
	b->tally.run++;
	b->tally.cut += f->cut;
	follow_expire(b->follow, b->now, b->show_end, b->arg);
	c = surmise_find(b->surmise, &t);
	if (!c)
		return way == WAY_IN ? judge(b, f) : 0;
	return way == WAY_IN ? receive(b, f, c) : emit(b, f, c);
}

/* -- rounds through the capture -- */

static int note_addresses(const struct capfile_packet *p, void *arg)
{
	struct playback *b = arg;

	frame_read(&b->frame, p->linktype, p->data, p->captured, p->len);
	return surmise_addresses(b->surmise, &b->frame);
}

static int note_conns(const struct capfile_packet *p, void *arg)
{
	struct playback *b = arg;

	frame_read(&b->frame, p->linktype, p->data, p->captured, p->len);
	return surmise_conns(b->surmise, &b->frame);
}

static int play_packet(const struct capfile_packet *p, void *arg)
{
	struct playback *b = arg;

	if (!b->tally.packets++)
		b->first = b->now = p->time_ns;
	if (p->time_ns > b->now)
		b->now = p->time_ns;
	frame_read(&b->frame, p->linktype, p->data, p->captured, p->len);
	switch (b->frame.kind) {
	case FRAME_TCP:
	case FRAME_BAD_TCP:
		return play(b, &b->frame);
	case FRAME_OTHER:
		b->tally.other++;
		return 0;
	case FRAME_CUT:
		b->tally.headless++;
		return 0;
	default:
		b->tally.strange++;
		return 0;
	}
}

/* -- the stage -- */

static int set_listeners(struct playback *b)
{
	__u32 port;
	int err = 0, n = 0;

	for (port = 1; port < 65536 && n < LISTENERS_AT_MOST && !err; port++) {
		if (!surmise_is_open(b->surmise, port))
			continue;
		n++;
		err = stage_listen(&b->stage, port);
	}
	return err ? log_errno(err, "replay: cannot listen on port %u", port - 1) : 0;
}

static int set_locals(struct playback *b)
{
	const struct synshield_list_key *locals;
	size_t n = surmise_locals(b->surmise, &locals), i;
	int err = 0;

	for (i = 0; i < n && !err; i++)
		err = stage_local(&b->stage, &locals[i]);
	return err ? log_errno(err, "replay: cannot fill the map locals") : 0;
}

static int set_stage(struct playback *b)
{
	struct fsm_config config;
	int err;

	err = stage_open(&b->stage, b->mode, 2 * surmise_count(b->surmise) + 16384);
	if (err)
		return err;
	b->observe = b->mode == SYNSHIELD_MODE_OBSERVE;
	fsm_configure(&config, &b->stage.settings);
	config.sparse = false;
	b->follow = follow_new(&config, ROOM);
	if (!b->follow)
		return log_errno(-ENOMEM, "replay");
	err = set_locals(b);
	return err ? err : set_listeners(b);
}

/* That the file breaks off is said in the first round. */
int playback_run(struct playback *b)
{
	char why[CAPFILE_WHY];
	int broken, err;

	broken = capfile_each(b->file, note_addresses, b, why);
	if (broken)
		log_line("%s", *why ? why : strerror(-broken));
	if (broken && broken != -EBADMSG)
		return broken;
	err = capfile_each(b->file, note_conns, b, why);
	if (!err || err == -EBADMSG)
		err = set_stage(b);
	if (err)
		return err;
	err = capfile_each(b->file, play_packet, b, why);
	if (err && err != -EBADMSG)
		return log_errno(err, "replay: stopped at packet %llu", b->tally.packets);
	return broken;
}

void playback_close(struct playback *b)
{
	stage_close(&b->stage);
	follow_free(b->follow);
	surmise_free(b->surmise);
}
