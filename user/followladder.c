/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "followladder.h"

#include <netinet/tcp.h>

#include "counts.h"
#include "rungs.h"
#include "locals.h"

#define RUNG_TEXT 96
#define TITLE (ADDRESS_TEXT + 16)

static void begin(struct follow_ladder *l, const struct followed *c)
{
	char local[ADDRESS_TEXT], remote[ADDRESS_TEXT], left[TITLE], right[TITLE];

	l->id = c->id;
	l->local_left = c->client == FSM_LOCAL + 1;
	address_text(local, c->tuple.local, c->tuple.local_port);
	address_text(remote, c->tuple.remote, c->tuple.remote_port);
	snprintf(left, sizeof(left), "%s %s", c->client ? "client" : "remote",
		 l->local_left ? local : remote);
	snprintf(right, sizeof(right), "%s %s", c->client ? "server" : "local",
		 l->local_left ? remote : local);
	rungs_heading(l->out, left, right);
}

static void put(struct follow_ladder *l, struct rung *r, __u64 time, enum synshield_tcp_state local,
		enum synshield_tcp_state remote)
{
	char text[TIME_TEXT];

	r->time = follow_time_text(text, l->print, time);
	r->left = l->local_left ? local : remote;
	r->right = l->local_left ? remote : local;
	rungs_put(l->out, r);
}

/* What the shield did with it, if it did not just let it pass. */
static const char *note_of(const struct follow_step *s, char text[RUNG_TEXT])
{
	if (!s->judged || (s->action == SYNSHIELD_PASS && !s->observed))
		return s->probe ? "keepalive probe" : NULL;
	snprintf(text, RUNG_TEXT, "%s%s %s", s->observed ? "would_" : "",
		 count_actions[s->action].name, count_reasons[s->reason].name);
	return text;
}

static void put_answer(struct follow_ladder *l, const struct follow_step *s)
{
	struct rung r = {.segment = true, .to_right = l->local_left};
	char text[RUNG_TEXT], flags[FLAGS_TEXT];
	int n;

	r.text = text;
	r.note = "by the driver";
	n = snprintf(text, sizeof(text), "%s seq=", flags_text(flags, s->answer_flags));
	if (s->answer == ANSWER_COOKIE)
		n += snprintf(text + n, sizeof(text) - n, "cookie");
	else
		n += snprintf(text + n, sizeof(text) - n, "%u", s->answer_seq);
	if (s->answer_flags & TH_ACK)
		snprintf(text + n, sizeof(text) - n, " ack=%u", s->answer_ack);
	put(l, &r, s->time, s->answer_local, s->answer_remote);
}

void follow_ladder_step(struct follow_ladder *l, const struct follow_step *s)
{
	const struct synshield_event *e = s->event;
	char text[RUNG_TEXT], note[RUNG_TEXT], flags[FLAGS_TEXT];
	struct rung r = {.segment = true};
	int n;

	if (!l->id)
		begin(l, s->conn);
	r.to_right = (e->end == SYNSHIELD_LOCAL) == l->local_left;
	r.text = text;
	r.note = note_of(s, note);
	n = snprintf(text, sizeof(text), "%s seq=%u", flags_text(flags, e->flags), s->seq);
	if (e->flags & TH_ACK)
		n += snprintf(text + n, sizeof(text) - n, " ack=%u", s->ack);
	if (e->payload)
		snprintf(text + n, sizeof(text) - n, " len=%u", e->payload);
	put(l, &r, s->time, s->local, s->remote);
	if (s->answer)
		put_answer(l, s);
}

void follow_ladder_end(struct follow_ladder *l, const struct follow_end *e)
{
	char text[RUNG_TEXT];
	struct rung r = {.text = text};

	if (e->dead)
		snprintf(text, sizeof(text), "dead: no answer to %u probes", e->conn->probes);
	else if (e->ended == SYNSHIELD_TCP_TIME_WAIT)
		snprintf(text, sizeof(text), "2 MSL are over");
	else
		snprintf(text, sizeof(text), "time-out of %s", fsm_state_name(e->ended));
	put(l, &r, e->time, e->local, e->remote);
}
