/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Follows connections segment by segment, from what `traces` tells: what each segment
 * did to the states of both ends.
 */
#ifndef FOLLOW_H
#define FOLLOW_H

#include <stddef.h>

#include "fsm.h"

/* A connection that is followed. */
struct followed {
	struct synshield_tuple tuple;
	struct fsm fsm;
	__u32 base[2];	     /* by enum fsm_end: its ISN, or what stands for it; */
	bool based[2];	     /* is known */
	bool cookie;	     /* its SYN was answered with a cookie, and not completed yet */
	unsigned int id;     /* 1 is the first that was seen; 0: no segment yet */
	unsigned int client; /* enum fsm_end + 1; 0: its opening was not seen */
	__u64 first, last;   /* ns */
	__u32 segments[2];
	/* keepalive probes of one end in a row, to which the other has said nothing */
	unsigned int probes;
	enum fsm_end prober;
	__u64 probed, interval; /* ns: the last one, and since the one before it */
	bool dead;		/* then the other end was taken to be that */
	struct followed *next;	/* in its bucket */
};

/* What the driver has sent by itself. */
enum follow_answer { ANSWER_NONE, ANSWER_COOKIE, ANSWER_RST };

/* One segment, and what came of it. */
struct follow_step {
	const struct synshield_event *event;
	const struct followed *conn;
	__u64 time;	/* ns */
	__u32 seq, ack; /* relative to the ISNs; ack only with the flag ACK */
	bool probe;	/* for keepalive */
	bool judged;	/* received: action and reason hold */
	bool observed;	/* they are what would have been done */
	enum synshield_action action;
	enum synshield_reason reason;
	enum synshield_tcp_state remote, local; /* after it */
	enum follow_answer answer;
	/* of the answer: flags, and numbers relative to the ISNs; a cookie's seq is not known */
	__u8 answer_flags;
	__u32 answer_seq, answer_ack;
	enum synshield_tcp_state answer_remote, answer_local; /* after that */
};

/* Three unanswered: as user/keepalive.c. */
#define FOLLOW_PROBES 3

/* A state that ended by itself. */
struct follow_end {
	const struct followed *conn;
	__u64 time; /* ns */
	bool dead;  /* FOLLOW_PROBES probes, and no answer until another was due */
	enum synshield_tcp_state ended; /* of which end: fsm_timed() */
	enum synshield_tcp_state remote, local;
};

struct follow;

/* room: connections at a time; then those over, or else the oldest, are forgotten. */
struct follow *follow_new(const struct fsm_config *config, size_t room);
void follow_free(struct follow *f);

/* A connection that there was before the first segment, as `conns` has it. */
int follow_seed(struct follow *f, const struct synshield_tuple *tuple,
		const struct synshield_conn *conn, __u64 now);
/*
 * observed: the verdict was only counted.  -ENOMEM.  What is not TCP, or for another
 * station, or of no use here: 1, and no step.
 */
int follow_segment(struct follow *f, const struct synshield_event *e, __u64 time, bool observed,
		   struct follow_step *step);
/* Deadlines up to `now`, in no order. */
void follow_expire(struct follow *f, __u64 now, void (*cb)(const struct follow_end *e, void *arg),
		   void *arg);
/* In the order in which they were first seen. */
int follow_each(struct follow *f, void (*cb)(const struct followed *c, void *arg), void *arg);
/* NULL: not followed. */
const struct followed *follow_find(const struct follow *f, const struct synshield_tuple *tuple);
enum synshield_tcp_state follow_state(const struct followed *c, enum fsm_end end);
size_t follow_forgotten(const struct follow *f);

#endif
