/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * user/fsm.c: any segments of both ends, and time that passes.  The states of both ends
 * stay a pair that RFC 9293 knows, and no connection is without a deadline.
 */
#include <netinet/tcp.h>
#include <string.h>

#include "fsm.h"
#include "fuzz.h"

#define SECOND 1000000000ULL
#define S(name) SYNSHIELD_TCP_##name
#define BIT(name) (1U << S(name))

/*
 * What the other end may be in.  A segment counts as received when it passes, so that
 * SYN_SENT does not meet LISTEN, nor FIN_WAIT_1 ESTABLISHED.
 */
static const unsigned int partners[SYNSHIELD_TCP_STATES_MAX] = {
	[S(CLOSED)] = BIT(CLOSED) | BIT(LISTEN) | BIT(TIME_WAIT),
	[S(LISTEN)] = BIT(CLOSED) | BIT(LISTEN),
	[S(SYN_SENT)] = BIT(SYN_RECEIVED) | BIT(TIME_WAIT),
	[S(SYN_RECEIVED)] = BIT(SYN_SENT) | BIT(SYN_RECEIVED) | BIT(ESTABLISHED),
	[S(ESTABLISHED)] = BIT(SYN_RECEIVED) | BIT(ESTABLISHED),
	[S(FIN_WAIT_1)] = BIT(CLOSE_WAIT),
	[S(FIN_WAIT_2)] = BIT(CLOSE_WAIT),
	[S(CLOSE_WAIT)] = BIT(FIN_WAIT_1) | BIT(FIN_WAIT_2),
	[S(CLOSING)] = BIT(CLOSING) | BIT(TIME_WAIT),
	[S(LAST_ACK)] = BIT(TIME_WAIT),
	[S(TIME_WAIT)] =
		BIT(CLOSED) | BIT(SYN_SENT) | BIT(CLOSING) | BIT(LAST_ACK) | BIT(TIME_WAIT),
};

static const __u8 flag_sets[16] = {
	TH_SYN, TH_SYN | TH_ACK, TH_ACK, TH_ACK | TH_PUSH, TH_ACK | TH_FIN,
	TH_RST, TH_RST | TH_ACK, TH_ACK, TH_SYN,	   TH_SYN | TH_ACK,
	TH_ACK, TH_ACK | TH_FIN, TH_FIN, TH_SYN | TH_FIN,  0,
	0xff,
};

struct run {
	const uint8_t *at, *end;
	struct fsm f;
	struct fsm_config config;
	__u64 now, last_seen;
};

static unsigned int next(struct run *r)
{
	return r->at < r->end ? *r->at++ : 0;
}

static bool is_gone(const struct fsm_side *x)
{
	return x->state == S(CLOSED) || x->state == S(LISTEN);
}

/* What the state that the deadline is of may last. */
static __u64 time_of(const struct fsm *f, const struct fsm_config *c)
{
	const __u64 times[SYNSHIELD_TCP_STATES_MAX] = {
		[S(SYN_SENT)] = c->syn_sent,	   [S(SYN_RECEIVED)] = c->syn_received,
		[S(ESTABLISHED)] = c->established, [S(FIN_WAIT_1)] = c->fin_wait_1,
		[S(FIN_WAIT_2)] = c->fin_wait_2,   [S(CLOSE_WAIT)] = c->close_wait,
		[S(CLOSING)] = c->closing,	   [S(LAST_ACK)] = c->last_ack,
		[S(TIME_WAIT)] = 2 * c->msl,
	};

	return times[fsm_timed(f)];
}

/* RFC 9293 section 3.3.2: what the state says of the FIN of x, which y acknowledges or not. */
static bool fits_fin(const struct fsm_side *x, const struct fsm_side *y)
{
	switch (x->state) {
	case S(FIN_WAIT_1):
	case S(CLOSING):
	case S(LAST_ACK):
		return x->fin && !y->fin_acked;
	case S(FIN_WAIT_2):
		return x->fin && y->fin_acked;
	case S(SYN_RECEIVED):
	case S(ESTABLISHED):
	case S(CLOSE_WAIT):
		return !x->fin;
	default:
		return true;
	}
}

static void check(const struct run *r, unsigned int done)
{
	const struct fsm *f = &r->f;
	const struct fsm_side *remote = &f->side[FSM_REMOTE], *local = &f->side[FSM_LOCAL];
	enum fsm_end client;

	must(remote->state < SYNSHIELD_TCP_STATES_MAX && local->state < SYNSHIELD_TCP_STATES_MAX);
	must(partners[remote->state] & 1U << local->state);
	must(partners[local->state] & 1U << remote->state);
	must(fits_fin(remote, local) && fits_fin(local, remote));
	must((f->deadline == FSM_NEVER) == (is_gone(remote) && is_gone(local)));
	must(f->deadline == FSM_NEVER || f->deadline <= r->now + time_of(f, &r->config));
	must(!(done & FSM_FORGET) || (is_gone(remote) && is_gone(local)));
	must(!(done & FSM_OPENED) || !(done & FSM_TIMED_OUT));
	must(!(done & FSM_RESET) || remote->rst || local->rst);
	if (fsm_client(f, &client))
		must(f->side[client].syn);
}

/* Near what was seen, or near one of 2^31, or anything. */
static __u32 number_near(struct run *r, __u32 seen)
{
	unsigned int kind = next(r);

	switch (kind & 3) {
	case 0:
		return seen;
	case 1:
		return seen + (signed char)next(r);
	case 2:
		return seen + (next(r) << 24) + next(r);
	default:
		return kind << 24 | next(r) << 16 | next(r) << 8 | next(r);
	}
}

static unsigned int segment(struct run *r, unsigned int op)
{
	struct fsm_side *x, *y;
	struct fsm_segment s = {.from = op & 1, .flags = flag_sets[op >> 1 & 15]};

	x = &r->f.side[s.from];
	y = &r->f.side[!s.from];
	s.seq = number_near(r, x->next);
	s.ack = number_near(r, y->next);
	s.len = op & 0x40 ? next(r) * 257 : 0;
	r->last_seen = r->now;
	return fsm_segment(&r->f, &s, r->now, &r->config);
}

static void retime(struct run *r)
{
	struct fsm_config to = r->config;

	to.established = (60 + next(r) * 60) * SECOND;
	to.close_wait = (60 + next(r) * 60) * SECOND;
	to.fin_wait_2 = (1 + next(r) % 60) * SECOND;
	to.syn_received = (1 + next(r) % 60) * SECOND;
	to.msl = (1 + next(r) % 30) * SECOND;
	fsm_retime(&r->f, &r->config, &to);
	r->config = to;
}

static void pass_time(struct run *r)
{
	__u64 wait = next(r);
	unsigned int done;

	r->now += wait * wait * SECOND / 64;
	done = fsm_timeout(&r->f, r->now, r->last_seen, &r->config);
	must(!done || r->f.deadline == FSM_NEVER);
	must(done || r->f.deadline > r->now);
	must(!(done & (FSM_OPENED | FSM_ESTABLISHED)));
	check(r, done);
}

/* From flags that no connection ever had, too: whatever comes of it, it ends some time. */
static void rebuild(struct run *r)
{
	struct synshield_conn conn = {};
	struct fsm f;
	__u8 *at = (__u8 *)&conn;

	for (size_t i = 0; i < sizeof(conn); i++)
		at[i] = next(r);
	conn.state &= 3;
	fsm_rebuild(&f, &conn, r->now, &r->config);
	for (int i = 0; i < 2; i++)
		must(f.side[i].state < SYNSHIELD_TCP_STATES_MAX);
	must(f.deadline == FSM_NEVER || f.deadline == r->now + time_of(&f, &r->config));
	if (f.deadline == FSM_NEVER)
		must(is_gone(&f.side[0]) && is_gone(&f.side[1]));
	else
		must(fsm_timeout(&f, f.deadline, r->now, &r->config) & FSM_FORGET);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run r = {.at = data, .end = data + size, .now = SECOND, .last_seen = SECOND};
	unsigned int op;

	fsm_defaults(&r.config);
	r.config.sparse = size && data[0] & 1;
	fsm_init(&r.f);
	while (r.at < r.end) {
		op = next(&r);
		if (op < 0x80)
			check(&r, segment(&r, op));
		else if (op < 0xc0)
			pass_time(&r);
		else if (op < 0xd0)
			fsm_sync(&r.f, number_near(&r, r.f.side[0].next),
				 number_near(&r, r.f.side[1].next));
		else if (op < 0xe0)
			retime(&r);
		else if (op < 0xf8)
			rebuild(&r);
		else
			fsm_end(&r.f);
		check(&r, 0);
	}
	return 0;
}
