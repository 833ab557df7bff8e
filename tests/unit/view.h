/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A connection as the state machine sees it, and as `conns` would keep it. */
#ifndef VIEW_H
#define VIEW_H

#include "script.h"
#include "tap.h"

#define S(state) SYNSHIELD_TCP_##state
#define O FSM_OPENED
#define E FSM_ESTABLISHED
#define C FSM_CLOSED
#define R FSM_RESET
#define F FSM_FORGET

/* Chosen so that the numbers wrap in the middle of the longer scripts. */
#define REMOTE_ISN 0xfffffff4u
#define LOCAL_ISN 0xffffffffu

struct pair {
	enum synshield_tcp_state remote, local;
};

/* A connection, seen by the state machine and kept as `conns` would. */
struct view {
	struct fsm f;
	struct kept kept;
	struct talk talk;
	__u64 now;
};

static struct fsm_config config;

static inline struct pair pair_of(const struct fsm *f)
{
	return (struct pair){f->side[FSM_REMOTE].state, f->side[FSM_LOCAL].state};
}

static inline bool is_pair(struct pair a, struct pair b)
{
	return a.remote == b.remote && a.local == b.local;
}

/* Do the flags of `conns` give the same states as the events? */
static inline bool is_rebuilt(const struct view *v)
{
	struct fsm again;

	if (!v->kept.there)
		return true;
	fsm_rebuild(&again, &v->kept.conn, v->now, &config);
	return is_pair(pair_of(&again), pair_of(&v->f));
}

static inline unsigned int feed(struct view *v, const struct fsm_segment *s)
{
	unsigned int done;

	v->now += 1000;
	done = fsm_segment(&v->f, s, v->now, &config);
	keep(&v->kept, s);
	return done;
}

static inline void view_init(struct view *v)
{
	memset(v, 0, sizeof(*v));
	fsm_init(&v->f);
	v->now = 1000 * SECOND;
	talk_init(&v->talk, REMOTE_ISN, LOCAL_ISN);
}

static inline void play(struct view *v, const char *script)
{
	struct fsm_segment s;

	while ((script = talk_word(&v->talk, script, &s)))
		feed(v, &s);
}

static inline const char *pair_text(struct pair p)
{
	static char text[4][32];
	static int at;

	at = (at + 1) % 4;
	snprintf(text[at], sizeof(text[at]), "%s/%s", fsm_state_name(p.remote),
		 fsm_state_name(p.local));
	return text[at];
}

#endif
