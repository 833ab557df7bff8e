/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The states of both ends of a connection (RFC 9293), from the segments that pass
 * this host's NIC.  No I/O, no clock, no memory of its own.
 *
 * A segment counts as received when it passes: the state of either end is what it
 * must be once the segment that moves it has arrived.  If it is lost behind the NIC
 * its sender repeats it, and until then the view is ahead of that end.
 *
 * The states are a function of what both ends have sent so far (struct fsm_side),
 * which is what `conns` keeps, so that fsm_rebuild() finds the same states:
 *
 *   syn        a SYN without ACK
 *   syn_acked  an acceptable acknowledgement of the other end's SYN
 *   fin        a FIN, in sequence
 *   fin_first  so, and that very segment did not acknowledge a FIN of the other end
 *   fin_acked  ACK = the sequence number after the other end's FIN
 *   rst        a RST that the other end heeds
 *
 * Only segments that set one of these need be fed (SYN, SYN-ACK, first ACK, FIN, ACK
 * of a FIN, RST), and their repetitions; feeding all others, too, changes nothing.
 *
 * What this host sends is its kernel's decision: a SYN or SYN-ACK of its own with new
 * numbers begins a connection, whatever was on the tuple.  A SYN of the remote end on
 * a tuple that is in use, or in TIME_WAIT, is only a question, until that SYN-ACK.
 */
#ifndef FSM_H
#define FSM_H

#include <linux/types.h>
#include <stdbool.h>

#include "synshield/states.h"
#include "synshield/synshield.h"

#define FSM_NEVER (~0ULL)

enum fsm_end { FSM_REMOTE, FSM_LOCAL };

struct fsm_segment {
	enum fsm_end from;
	__u8 flags; /* TH_* of <netinet/tcp.h> */
	__u32 seq, ack;
	__u32 len; /* bytes of data */
};

struct fsm_side {
	__u32 next;   /* sequence number after all that it has sent */
	__u16 flight; /* so much of that, without the SYN, is not acknowledged; 65535: or more */
	__u8 syn : 1;
	__u8 syn_acked : 1;
	__u8 fin : 1; /* next is then the number after it */
	__u8 fin_first : 1;
	__u8 fin_acked : 1;
	__u8 rst : 1;
	__u8 known : 1; /* next is its own, not guessed from the other end's ACK */
	__u8 over : 1;	/* timed out */
	enum synshield_tcp_state state;
};

struct fsm {
	__u64 deadline; /* ns, when to call fsm_timeout(); or FSM_NEVER */
	struct fsm_side side[2];
};
_Static_assert(sizeof(struct fsm) == 24, "one for every connection");

/* ns.  The state of the local end decides; when it is CLOSED, that of the remote end. */
struct fsm_config {
	__u64 syn_sent, syn_received; /* since the state was entered */
	__u64 established, fin_wait_1, fin_wait_2, close_wait, closing, last_ack; /* idle */
	__u64 msl;   /* TIME_WAIT lasts twice that; a repeated FIN restarts it */
	bool sparse; /* not all segments are fed: numbers may be ahead of those seen, by 2 GiB;
		      * more, if fsm_sync() tells in time */
};

/* What a step has brought about. */
enum fsm_action {
	FSM_OPENED = 0x01,	/* a connection has begun */
	FSM_ESTABLISHED = 0x02, /* its handshake is complete */
	FSM_CLOSED = 0x04,    /* both FINs are acknowledged; with FSM_OPENED: its end was not seen,
			       * but another one has taken the tuple */
	FSM_RESET = 0x08,     /* ended by a RST */
	FSM_TIMED_OUT = 0x10, /* ended by a deadline other than TIME_WAIT's */
	FSM_FORGET = 0x20,    /* neither end has a state any more: the object may go */
};

void fsm_defaults(struct fsm_config *c);
/* As the operator has set them, sparsely fed. */
void fsm_configure(struct fsm_config *c, const struct synshield_settings *s);

/* Nothing seen yet: the remote end CLOSED, the local one LISTEN. */
void fsm_init(struct fsm *f);

/*
 * These return FSM_* actions.  A segment that either end would ignore moves nothing.
 * If the first thing ever seen is an ACK the caller vouches for it (a valid cookie, a
 * socket): both ends are ESTABLISHED.
 */
unsigned int fsm_segment(struct fsm *f, const struct fsm_segment *s, __u64 now,
			 const struct fsm_config *c);
/* last_seen: ns, of any segment, fed or not; it postpones the deadlines that are for idle ends. */
unsigned int fsm_timeout(struct fsm *f, __u64 now, __u64 last_seen, const struct fsm_config *c);
/* Timed out, by another clock than its own. */
void fsm_end(struct fsm *f);
/* From `conns`.  Deadlines count from last_seen, which can only make them later. */
unsigned int fsm_rebuild(struct fsm *f, const struct synshield_conn *conn, __u64 last_seen,
			 const struct fsm_config *c);

/* What both ends have sent by now, if segments were left out. */
void fsm_sync(struct fsm *f, __u32 remote_next, __u32 local_next);
/* The time-outs were changed: the deadline moves by as much as its own did. */
void fsm_retime(struct fsm *f, const struct fsm_config *from, const struct fsm_config *to);

/* The state whose deadline it is.  TIME_WAIT's end is due, any other's is a time-out. */
enum synshield_tcp_state fsm_timed(const struct fsm *f);
/* How long it lasts, ns; 0: for ever. */
__u64 fsm_time_out(const struct fsm_config *c, enum synshield_tcp_state state);
/* Does that count from the last segment, rather than from when the state was entered? */
bool fsm_is_for_idle(enum synshield_tcp_state state);

/* Neither end has a state any more. */
static inline bool fsm_is_gone(const struct fsm *f)
{
	enum synshield_tcp_state remote = f->side[FSM_REMOTE].state,
				 local = f->side[FSM_LOCAL].state;

	return (remote == SYNSHIELD_TCP_CLOSED || remote == SYNSHIELD_TCP_LISTEN) &&
	       (local == SYNSHIELD_TCP_CLOSED || local == SYNSHIELD_TCP_LISTEN);
}

static inline bool fsm_same_states(const struct fsm *a, const struct fsm *b)
{
	return (fsm_is_gone(a) && fsm_is_gone(b)) ||
	       (a->side[FSM_REMOTE].state == b->side[FSM_REMOTE].state &&
		a->side[FSM_LOCAL].state == b->side[FSM_LOCAL].state);
}

/* Who opened it; false if both did, or it was not seen. */
bool fsm_client(const struct fsm *f, enum fsm_end *client);
const char *fsm_state_name(enum synshield_tcp_state state);

#endif
