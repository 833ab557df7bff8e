/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How long the states last. */
#include "clock.h"
#include "fsm.h"

void fsm_defaults(struct fsm_config *c)
{
	*c = (struct fsm_config){
		/* Linux sends a SYN 7 times in 127 s, a SYN-ACK 6 times in 63 s */
		.syn_sent = 120 * SECOND_NS,
		.syn_received = 60 * SECOND_NS,
		/* RFC 5382 REQ-5: not before 2 hours of keepalive and 4 minutes of probes */
		.established = 7440 * SECOND_NS,
		/* how long the application waits is its own affair */
		.close_wait = 7440 * SECOND_NS,
		/* tcp_fin_timeout */
		.fin_wait_2 = 60 * SECOND_NS,
		/* a FIN that nobody answers is repeated 8 times, the last after 51 s of silence */
		.fin_wait_1 = 60 * SECOND_NS,
		.closing = 60 * SECOND_NS,
		.last_ack = 60 * SECOND_NS,
		/* TIME_WAIT of 60 s, as Linux has it */
		.msl = 30 * SECOND_NS,
	};
}

void fsm_configure(struct fsm_config *c, const struct synshield_settings *s)
{
	*c = (struct fsm_config){
		.syn_sent = s->syn_sent_timeout * SECOND_NS,
		.syn_received = s->syn_received_timeout * SECOND_NS,
		.established = s->established_timeout * SECOND_NS,
		.fin_wait_1 = s->last_ack_timeout * SECOND_NS,
		.fin_wait_2 = s->fin_wait_timeout * SECOND_NS,
		.close_wait = s->close_wait_timeout * SECOND_NS,
		.closing = s->last_ack_timeout * SECOND_NS,
		.last_ack = s->last_ack_timeout * SECOND_NS,
		.msl = s->msl * SECOND_NS,
		.sparse = true,
	};
}

enum synshield_tcp_state fsm_timed(const struct fsm *f)
{
	const struct fsm_side *local = &f->side[FSM_LOCAL];

	return local->state == SYNSHIELD_TCP_CLOSED ? f->side[FSM_REMOTE].state : local->state;
}

__u64 fsm_time_out(const struct fsm_config *c, enum synshield_tcp_state state)
{
	switch (state) {
	case SYNSHIELD_TCP_SYN_SENT:
		return c->syn_sent;
	case SYNSHIELD_TCP_SYN_RECEIVED:
		return c->syn_received;
	case SYNSHIELD_TCP_ESTABLISHED:
		return c->established;
	case SYNSHIELD_TCP_FIN_WAIT_1:
		return c->fin_wait_1;
	case SYNSHIELD_TCP_FIN_WAIT_2:
		return c->fin_wait_2;
	case SYNSHIELD_TCP_CLOSE_WAIT:
		return c->close_wait;
	case SYNSHIELD_TCP_CLOSING:
		return c->closing;
	case SYNSHIELD_TCP_LAST_ACK:
		return c->last_ack;
	case SYNSHIELD_TCP_TIME_WAIT:
		return 2 * c->msl;
	default:
		return 0;
	}
}

bool fsm_is_for_idle(enum synshield_tcp_state state)
{
	return state != SYNSHIELD_TCP_SYN_SENT && state != SYNSHIELD_TCP_SYN_RECEIVED &&
	       state != SYNSHIELD_TCP_TIME_WAIT;
}

void fsm_retime(struct fsm *f, const struct fsm_config *from, const struct fsm_config *to)
{
	enum synshield_tcp_state state = fsm_timed(f);

	if (f->deadline != FSM_NEVER)
		f->deadline += fsm_time_out(to, state) - fsm_time_out(from, state);
}
