/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A client of RFC 9293 that follows a plan: with each server on its own, step by step together. */
#include <arpa/inet.h>
#include <string.h>

#include "peer.h"

#define LONG_AGO 100000	  /* of the timestamps' clock */
#define REPEAT_SYN_MS 120 /* 16 SYNs in a row are more than a patient client sends */
#define CONNECT_MS 1800	  /* the kernel challenges twice a second at most */
#define SETTLE_MS 3000
#define QUIET_TICKS 2

static const struct life *life_of(const struct talk *talk)
{
	return &talk->plan.life[talk->life];
}

static uint32_t seq_of(const struct talk *talk, uint32_t offset)
{
	return life_of(talk)->isn + 1 + offset;
}

static void put32(uint8_t *at, uint32_t value)
{
	value = htonl(value);
	memcpy(at, &value, sizeof(value));
}

static uint32_t get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return ntohl(value);
}

/* --- what it sends --- */

static void send_syn(const struct talk *talk, unsigned int server, int32_t at)
{
	const struct life *life = life_of(talk);
	uint8_t data[256];
	struct segment s = {
		.flags = life->syn_flags,
		.seq = life->isn + at,
		.window = life->window,
		.options_len = life->options_len,
		.data = data,
		.len = life->syn_data,
	};

	memcpy(s.options, life->options, life->options_len);
	if (life->ts_at) {
		put32(s.options + life->ts_at, talk->clock);
		put32(s.options + life->ts_at + 4, 0);
	}
	for (unsigned int i = 0; i < life->syn_data; i++)
		data[i] = plan_byte(&talk->plan, life, i);
	wire_send(talk, server, &s);
}

static void put_timestamps(const struct talk *talk, const struct client *client, struct segment *s,
			   uint32_t age)
{
	static const uint8_t head[] = {1, 1, 8, 10};

	if (!client->ts)
		return;
	memcpy(s->options, head, sizeof(head));
	put32(s->options + 4, talk->clock - age);
	put32(s->options + 8, client->server_ts);
	s->options_len = 12;
}

/* Stream from @at; its first bytes may have been sent before. */
static void send_stream(const struct talk *talk, unsigned int server, const struct step *step)
{
	const struct client *client = &talk->client[server];
	uint8_t data[CHUNK_MAX];
	struct segment s = {
		.flags = FLAG_ACK | (step->len ? FLAG_PSH : 0) | (step->fin ? FLAG_FIN : 0),
		.seq = seq_of(talk, step->at),
		.ack = client->next + (step->kind == STEP_WRONG_ACK ? step->at2 : 0),
		.window = life_of(talk)->window,
		.data = data,
		.len = step->len,
	};

	for (unsigned int i = 0; i < step->len; i++)
		data[i] = plan_byte(&talk->plan, life_of(talk), step->at + i);
	if (step->kind != STEP_BARE)
		put_timestamps(talk, client, &s, step->kind == STEP_OLD ? LONG_AGO : 0);
	wire_send(talk, server, &s);
}

static void send_ack(const struct talk *talk, unsigned int server, uint32_t seq, unsigned int len)
{
	static const uint8_t garbage;
	struct segment s = {
		.flags = FLAG_ACK,
		.seq = seq,
		.ack = talk->client[server].next,
		.window = life_of(talk)->window,
		.data = &garbage,
		.len = len,
	};

	put_timestamps(talk, &talk->client[server], &s, 0);
	wire_send(talk, server, &s);
}

static void send_rst(const struct talk *talk, unsigned int server, uint32_t seq)
{
	struct segment s = {.flags = FLAG_RST, .seq = seq};

	wire_send(talk, server, &s);
}

/* RFC 9293 section 3.10.7.1, .3: what belongs to no connection of this end. */
static void refuse(const struct talk *talk, unsigned int server, const struct segment *in)
{
	struct segment s = {.flags = FLAG_RST, .seq = in->ack};

	if (in->flags & FLAG_RST)
		return;
	if (!(in->flags & FLAG_ACK)) {
		s.flags |= FLAG_ACK;
		s.seq = 0;
		s.ack = in->seq + in->len + !!(in->flags & FLAG_SYN);
	}
	wire_send(talk, server, &s);
}

/* --- what it receives --- */

static void read_synack(struct talk *talk, struct client *client, const struct segment *in)
{
	const uint8_t *at = in->options, *end = at + in->options_len;

	client->state = CLIENT_CONNECTED;
	client->server_isn = in->seq;
	client->next = in->seq + 1;
	client->window_end = in->ack + in->window;
	client->sum = 0xcbf29ce484222325ULL;
	while (at < end && *at) {
		if (*at == 1) {
			at++;
			continue;
		}
		if (end - at < 2 || at[1] < 2 || at + at[1] > end)
			break;
		if (at[0] == 3)
			client->wscale = at[2];
		if (at[0] == 8) {
			client->ts = true;
			client->server_ts = get32(at + 2);
		}
		at += at[1];
	}
}

static void receive_in_syn_sent(struct talk *talk, unsigned int server, const struct segment *in)
{
	struct client *client = &talk->client[server];

	if (!(in->flags & FLAG_ACK))
		return;
	if (in->ack != life_of(talk)->isn + 1)
		refuse(talk, server, in);
	else if (in->flags & FLAG_RST)
		client->state = CLIENT_RESET;
	else if (in->flags & FLAG_SYN)
		read_synack(talk, client, in);
}

static void take_stream(struct client *client, const struct segment *in)
{
	uint32_t skip = client->next - in->seq;

	client->ack_due = true;
	if (skip > in->len)
		return;
	for (unsigned int i = skip; i < in->len; i++) {
		client->sum = (client->sum ^ in->data[i]) * 0x100000001b3ULL;
		client->bytes++;
		client->next++;
		client->answers += in->data[i] == '\n';
	}
	if (in->flags & FLAG_FIN && !client->fin) {
		client->fin = true;
		client->next++;
	}
}

/* Both streams have come to their ends: a RST says nothing new to the application. */
static bool is_over(const struct talk *talk, const struct client *client)
{
	return client->fin && talk->fin && client->acked == talk->sent;
}

static void receive_connected(struct talk *talk, unsigned int server, const struct segment *in)
{
	struct client *client = &talk->client[server];
	uint32_t acked = in->ack - seq_of(talk, 0);

	if (in->flags & FLAG_RST) {
		if (is_over(talk, client))
			return;
		if (in->seq == client->next)
			client->state = CLIENT_RESET;
		else if (in->seq - client->next < life_of(talk)->window)
			send_ack(talk, server, seq_of(talk, talk->sent), 0);
		return;
	}
	if (in->flags & FLAG_SYN) {
		send_ack(talk, server, seq_of(talk, talk->sent), 0);
		return;
	}
	if (!(in->flags & FLAG_ACK) || acked > talk->sent)
		return;
	/* a half-open request of Linux 6.18 takes back no timestamp but those of its SYN-ACKs */
	if (client->ts && in->options_len == 12 && (acked || in->len))
		client->server_ts = get32(in->options + 4);
	if (acked >= client->acked) {
		client->acked = acked;
		client->window_end = in->ack + ((uint32_t)in->window << client->wscale);
	}
	if (in->len || in->flags & FLAG_FIN || in->seq == client->next - 1)
		take_stream(client, in);
}

void talk_receive(struct talk *talk, unsigned int server, const struct segment *segment)
{
	talk->quiet = 0;
	switch (talk->client[server].state) {
	case CLIENT_CLOSED:
		refuse(talk, server, segment);
		break;
	case CLIENT_SYN_SENT:
		receive_in_syn_sent(talk, server, segment);
		break;
	case CLIENT_CONNECTED:
		receive_connected(talk, server, segment);
		break;
	default:
		break;
	}
}

/* --- the plan's steps --- */

/* In place of its retransmission timers. */
static void repeat(struct talk *talk, unsigned int server)
{
	struct client *client = &talk->client[server];
	struct step step = {.kind = STEP_SEND, .at = client->acked};
	uint32_t data_end = talk->fin ? talk->fin_at : talk->sent;

	if (client->state != CLIENT_CONNECTED)
		return;
	if (client->acked == talk->sent) {
		if (client->ack_due)
			send_ack(talk, server, seq_of(talk, talk->sent), 0);
		client->ack_due = false;
		return;
	}
	if (client->acked < data_end)
		step.len =
			data_end - client->acked < CHUNK_MAX ? data_end - client->acked : CHUNK_MAX;
	step.fin = talk->fin && client->acked + step.len == talk->fin_at;
	send_stream(talk, server, &step);
	client->ack_due = false;
}

static bool is_settled(const struct talk *talk, const struct client *client, bool fin)
{
	return client->state != CLIENT_CONNECTED ||
	       (client->acked == talk->sent && !client->ack_due && (!fin || client->fin) &&
		client->answers >= talk->asked);
}

/* Returns true when every client is settled, or has had its time. */
static bool settle(struct talk *talk, bool fin)
{
	uint64_t passed = now_ns() - talk->since;
	bool settled = true;

	if (passed > SETTLE_MS * 1000000ULL) {
		talk->unsettled++;
		return true;
	}
	if (talk->ticks++ % 2)
		for (unsigned int i = 0; i < SERVERS; i++)
			repeat(talk, i);
	for (unsigned int i = 0; i < SERVERS; i++)
		settled &= is_settled(talk, &talk->client[i], fin);
	return talk->quiet++ >= QUIET_TICKS && settled;
}

static bool connect_all(struct talk *talk)
{
	uint64_t now = now_ns(), passed = now - talk->since;
	bool repeat_syn = now - talk->syn_sent > REPEAT_SYN_MS * 1000000ULL, waits = false;

	for (unsigned int i = 0; i < SERVERS; i++) {
		if (talk->client[i].state != CLIENT_SYN_SENT)
			continue;
		waits = true;
		if (repeat_syn)
			send_syn(talk, i, 0);
	}
	if (repeat_syn)
		talk->syn_sent = now;
	if (waits && passed > CONNECT_MS * 1000000ULL)
		talk->unsettled++;
	return !waits || passed > CONNECT_MS * 1000000ULL;
}

static bool is_stream(const struct step *step)
{
	return step->kind == STEP_SEND || step->kind == STEP_BARE || step->kind == STEP_OLD ||
	       step->kind == STEP_WRONG_ACK;
}

static void note_sent(struct talk *talk, const struct step *step)
{
	uint32_t end = step->at + step->len;

	if (!is_stream(step))
		return;
	if (step->fin) {
		talk->fin = true;
		talk->fin_at = end++;
	}
	for (; talk->sent < end; talk->sent++)
		if (plan_byte(&talk->plan, life_of(talk), talk->sent) == 'A')
			talk->asked++;
}

static void send_syns(struct talk *talk, const struct step *step)
{
	for (unsigned int i = 0; i < SERVERS; i++) {
		if (step->kind == STEP_SYN && talk->client[i].state == CLIENT_CLOSED)
			talk->client[i].state = CLIENT_SYN_SENT;
		send_syn(talk, i, step->at);
	}
	if (step->kind == STEP_SYN)
		talk->syn_sent = now_ns();
}

static void send_reset(struct talk *talk, unsigned int server, const struct step *step)
{
	struct client *client = &talk->client[server];

	if (step->kind == STEP_RST_WINDOW)
		send_rst(talk, server, client->window_end + step->at);
	else if (step->kind == STEP_RST_END)
		send_rst(talk, server, seq_of(talk, talk->sent));
	else
		send_rst(talk, server, seq_of(talk, client->acked + step->at));
	/* at its FIN, too: RFC 5961 section 3.2, extended */
	if (client->state == CLIENT_CONNECTED &&
	    (step->kind == STEP_RST_END ||
	     (step->kind == STEP_RST && (!step->at || (talk->fin && step->at == -1)))))
		client->state = CLIENT_ABORTED;
}

static void send_to(struct talk *talk, unsigned int server, const struct step *step)
{
	switch (step->kind) {
	case STEP_ACK:
		send_ack(talk, server, seq_of(talk, talk->sent), 0);
		break;
	case STEP_WRONG_SEQ:
		send_ack(talk, server, seq_of(talk, talk->sent + step->at), 0);
		break;
	case STEP_KEEPALIVE:
		send_ack(talk, server, seq_of(talk, talk->sent - 1), step->len);
		break;
	case STEP_RST:
	case STEP_RST_WINDOW:
	case STEP_RST_END:
		send_reset(talk, server, step);
		break;
	default:
		send_stream(talk, server, step);
	}
}

/* Segments go to those servers only whose ISN is known. */
static void perform(struct talk *talk, const struct step *step)
{
	if (step->kind == STEP_SYN || step->kind == STEP_OLD_SYN) {
		if (!step->lost)
			send_syns(talk, step);
		return;
	}
	note_sent(talk, step);
	for (unsigned int i = 0; i < SERVERS && !step->lost; i++)
		if (talk->client[i].state > CLIENT_SYN_SENT)
			send_to(talk, i, step);
}

static void next_life(struct talk *talk)
{
	for (unsigned int i = 0; i < SERVERS; i++) {
		talk->past[i][talk->life] = talk->client[i];
		memset(&talk->client[i], 0, sizeof(talk->client[i]));
	}
	talk->life++;
	talk->sent = 0;
	talk->fin = false;
	talk->asked = 0;
}

/* Returns false while the step goes on. */
static bool take_step(struct talk *talk, const struct step *step)
{
	switch (step->kind) {
	case STEP_CONNECT:
		return connect_all(talk);
	case STEP_SETTLE:
	case STEP_SETTLE_FIN:
		return settle(talk, step->kind == STEP_SETTLE_FIN);
	case STEP_LIFE:
		next_life(talk);
		return true;
	default:
		perform(talk, step);
		return true;
	}
}

bool talk_tick(struct talk *talk)
{
	const struct plan *plan = &talk->plan;

	talk->clock++;
	if (!talk->since)
		talk->since = now_ns();
	do {
		if (talk->step == plan->steps)
			return talk->quiet++ < QUIET_TICKS;
		if (!take_step(talk, &plan->step[talk->step]))
			return true;
		talk->step++;
		talk->since = now_ns();
		talk->ticks = 0;
		talk->quiet = 0;
	} while (talk->step < plan->steps && plan->step[talk->step].together);
	return true;
}

/* --- what it saw --- */

static const struct client *client_in(const struct talk *talk, unsigned int server,
				      unsigned int life)
{
	return life == talk->life ? &talk->client[server] : &talk->past[server][life];
}

static bool saw_the_same(const struct client *a, const struct client *b)
{
	return a->state == b->state && a->bytes == b->bytes && a->sum == b->sum && a->fin == b->fin;
}

bool talk_is_same(const struct talk *talk)
{
	for (unsigned int i = 0; i <= talk->life; i++)
		if (!saw_the_same(client_in(talk, 0, i), client_in(talk, 1, i)))
			return false;
	return true;
}

void talk_print(const struct talk *talk, FILE *out)
{
	static const char *const names[] = {
		[CLIENT_CLOSED] = "closed",	  [CLIENT_SYN_SENT] = "SYN-SENT",
		[CLIENT_CONNECTED] = "connected", [CLIENT_RESET] = "reset",
		[CLIENT_ABORTED] = "aborted",
	};
	const struct client *client;

	for (unsigned int i = 0; i <= talk->life; i++)
		for (unsigned int s = 0; s < SERVERS; s++) {
			client = client_in(talk, s, i);
			fprintf(out,
				"  connection %u, server %u: %s, %u acknowledged, read %llu%s\n",
				i + 1, s + 1, names[client->state], client->acked,
				(unsigned long long)client->bytes, client->fin ? " and FIN" : "");
		}
}
