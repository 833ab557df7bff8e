/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a client will do, made from a seed before it has talked to anyone. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "peer.h"

#define ROUND_CHUNKS 5

struct maker {
	struct plan *plan;
	struct life *life;
	struct rng rng;
	bool once;     /* no SYN comes again while the handshake goes on */
	uint32_t sent; /* stream of this life */
};

static const char *const step_names[] = {
	[STEP_SYN] = "SYN",
	[STEP_OLD_SYN] = "old SYN",
	[STEP_CONNECT] = "connect",
	[STEP_SEND] = "send",
	[STEP_ACK] = "ACK",
	[STEP_BARE] = "send without timestamps",
	[STEP_WRONG_ACK] = "wrong ACK",
	[STEP_WRONG_SEQ] = "wrong sequence number",
	[STEP_OLD] = "old timestamp",
	[STEP_KEEPALIVE] = "keepalive",
	[STEP_RST] = "RST",
	[STEP_RST_WINDOW] = "RST at the window's edge",
	[STEP_RST_END] = "RST at the end",
	[STEP_SETTLE] = "settle",
	[STEP_SETTLE_FIN] = "settle, with the server's FIN",
	[STEP_LIFE] = "next life",
};

uint8_t plan_byte(const struct plan *plan, const struct life *life, uint32_t offset)
{
	struct rng rng = {plan->seed ^ (uint64_t)life->isn << 32 ^ offset};

	for (unsigned int i = 0; i < life->orders; i++)
		if (life->order_at[i] == offset)
			return life->order[i];
	return 0x80 | rng_next(&rng);
}

static struct step *add(struct maker *m, enum step_kind kind)
{
	static struct step beyond;

	if (m->plan->steps == MAX_STEPS)
		return &beyond;
	m->plan->step[m->plan->steps] = (struct step){.kind = kind};
	return &m->plan->step[m->plan->steps++];
}

static void add_rst(struct maker *m, enum step_kind kind, int32_t at)
{
	add(m, kind)->at = at;
}

/* --- a SYN --- */

static void put(struct life *life, const void *bytes, size_t len)
{
	memcpy(life->options + life->options_len, bytes, len);
	life->options_len += len;
}

static void put_mss(struct maker *m)
{
	static const uint16_t usual[] = {1460, 1440, 1380, 1220, 536, 8960, 9000, 65535};
	uint16_t mss = usual[rng_below(&m->rng, sizeof(usual) / sizeof(usual[0]))];
	uint8_t option[4] = {2, 4};

	if (rng_chance(&m->rng, 30))
		mss = rng_next(&m->rng) >> rng_below(&m->rng, 16);
	option[2] = mss >> 8;
	option[3] = mss;
	put(m->life, option, sizeof(option));
}

static void put_timestamps(struct maker *m)
{
	static const uint8_t option[10] = {8, 10};

	m->life->ts_at = m->life->options_len + 2;
	put(m->life, option, sizeof(option));
}

/* As often as not those of a well-known system, or else any of them in any order. */
static void put_options(struct maker *m)
{
	static const char *const layouts[] = {"", "m", "mST.w", "m.w..S", "m.w..TSe", "..T", "w."};
	const char *layout = layouts[rng_below(&m->rng, sizeof(layouts) / sizeof(layouts[0]))];
	static const uint8_t sack[] = {4, 2}, nop = 1, end = 0;
	uint8_t wscale[] = {3, 3, rng_below(&m->rng, 16)};
	char any[] = "mSTw..", swap;

	if (rng_chance(&m->rng, 40)) {
		for (int i = 5; i > 0; i--) {
			int j = rng_below(&m->rng, i + 1);

			swap = any[i], any[i] = any[j], any[j] = swap;
		}
		any[rng_below(&m->rng, 6) + 1] = '\0';
		layout = any;
	}
	for (; *layout; layout++) {
		if (*layout == 'm')
			put_mss(m);
		else if (*layout == 'S')
			put(m->life, sack, sizeof(sack));
		else if (*layout == 'T')
			put_timestamps(m);
		else if (*layout == 'w')
			put(m->life, wscale, sizeof(wscale));
		else
			put(m->life, *layout == 'e' ? &end : &nop, 1);
	}
	while (m->life->options_len % 4)
		put(m->life, layout[-1] == 'e' ? &end : &nop, 1);
}

/* On a tuple that was used before a host goes on from a later ISN (RFC 6528). */
static void begin_life(struct maker *m)
{
	const struct life *before = m->life;

	m->life = &m->plan->life[m->plan->lives++];
	m->life->isn = before ? before->isn + 50000 + rng_below(&m->rng, 1000000)
			      : (uint32_t)rng_next(&m->rng);
	m->life->window = 1000 + rng_below(&m->rng, 64536);
	put_options(m);
	m->life->syn_flags = FLAG_SYN;
	if (rng_chance(&m->rng, 20))
		m->life->syn_flags |= FLAG_ECE | FLAG_CWR;
	else if (rng_chance(&m->rng, 10))
		m->life->syn_flags |= rng_next(&m->rng) & (FLAG_PSH | FLAG_ECE | FLAG_CWR);
	if (rng_chance(&m->rng, 10))
		m->life->syn_data = 1 + rng_below(&m->rng, 200);
	m->sent = 0;
}

/* --- data --- */

static bool give_order(struct maker *m, char order, uint32_t at)
{
	struct life *life = m->life;

	if (life->orders == MAX_ORDERS)
		return false;
	life->order[life->orders] = order;
	life->order_at[life->orders++] = at;
	return true;
}

/* One segment of what is new, and sometimes of what went before it, too. */
static struct step new_chunk(struct maker *m)
{
	uint32_t len = 1 + rng_below(&m->rng, rng_chance(&m->rng, 50) ? 8 : CHUNK_MAX), back = 0;

	if (m->sent && rng_chance(&m->rng, 20))
		back = rng_below(&m->rng, m->sent < 100 ? m->sent : 100);
	if (back + len > CHUNK_MAX)
		back = 0;
	m->sent += len;
	return (struct step){.kind = STEP_SEND, .at = m->sent - len - back, .len = len + back};
}

static void shuffle(struct maker *m, struct step *step, unsigned int n)
{
	struct step swap;

	while (n > 1) {
		unsigned int i = rng_below(&m->rng, n--);

		swap = step[i], step[i] = step[n], step[n] = swap;
	}
}

/* Late, lost, repeated, in bursts. */
static void add_disordered(struct maker *m, struct step *step, unsigned int n)
{
	unsigned int lost = rng_chance(&m->rng, 60) ? 20 : 0;

	if (rng_chance(&m->rng, 50))
		shuffle(m, step, n);
	for (unsigned int i = 0; i < n; i++) {
		step[i].together = i && rng_chance(&m->rng, 40);
		step[i].lost = rng_chance(&m->rng, lost);
		*add(m, step[i].kind) = step[i];
		if (step[i].lost || !rng_chance(&m->rng, 15))
			continue;
		step[i].together = rng_chance(&m->rng, 50);
		*add(m, step[i].kind) = step[i];
	}
}

static unsigned int new_chunks(struct maker *m, struct step *step)
{
	unsigned int n = 1 + rng_below(&m->rng, ROUND_CHUNKS);

	for (unsigned int i = 0; i < n; i++)
		step[i] = new_chunk(m);
	return n;
}

/* --- noise: what must change nothing for the application --- */

static int32_t far(struct maker *m)
{
	return 1 + (rng_next(&m->rng) >> (33 + rng_below(&m->rng, 31)));
}

static struct step wrong(struct maker *m)
{
	struct step step = {.at = m->sent};

	switch (rng_below(&m->rng, 4)) {
	case 0: /* data that acknowledges what was never sent, or what was long ago */
		step = new_chunk(m);
		step.kind = STEP_WRONG_ACK;
		step.at2 = rng_chance(&m->rng, 50) ? far(m) : -far(m);
		break;
	case 1:
		step.kind = STEP_WRONG_ACK;
		step.at2 = far(m);
		break;
	case 2:
		step.kind = STEP_WRONG_SEQ;
		step.at = rng_chance(&m->rng, 50) ? far(m) : -far(m);
		break;
	default:
		step.kind = STEP_OLD;
		step.at = m->sent ? rng_below(&m->rng, m->sent) : 0;
		step.len = m->sent - step.at < CHUNK_MAX ? m->sent - step.at : CHUNK_MAX;
	}
	return step;
}

/* Of an established connection only. */
static struct step odd(struct maker *m)
{
	struct step step = {.at = m->sent};

	switch (rng_below(&m->rng, 5)) {
	case 0:
		step.kind = STEP_KEEPALIVE;
		step.len = rng_below(&m->rng, 2);
		break;
	case 1:
		step = new_chunk(m);
		step.kind = STEP_BARE;
		break;
	case 2:
		step.kind = STEP_SYN;
		break;
	case 3:
		step.kind = STEP_OLD_SYN;
		step.at = rng_chance(&m->rng, 50) ? far(m) : -far(m);
		break;
	default: /* behind what was there before this round: challenged */
		step.kind = STEP_RST;
		step.at = 1 + rng_below(&m->rng, 100);
	}
	return step;
}

static struct step rst_outside(struct maker *m)
{
	struct step step = {.kind = STEP_RST, .at = -1 - (int32_t)rng_below(&m->rng, 3)};

	switch (rng_below(&m->rng, 3)) {
	case 0:
		step.at = -far(m);
		break;
	case 1:
		step.kind = STEP_RST_WINDOW;
		step.at = 1 + rng_below(&m->rng, 3);
		break;
	}
	return step;
}

static void add_noise(struct maker *m, bool connected)
{
	struct step step;

	for (int i = 0; i < 3; i++) {
		if (!rng_chance(&m->rng, 25))
			continue;
		if (rng_chance(&m->rng, 30))
			step = rst_outside(m);
		else
			step = connected && rng_chance(&m->rng, 50) ? odd(m) : wrong(m);
		step.together = i && rng_chance(&m->rng, 30);
		*add(m, step.kind) = step;
	}
}

/* --- a connection's course --- */

static uint32_t sent_after(const struct step *step, uint32_t sent)
{
	bool stream =
		step->kind == STEP_SEND || step->kind == STEP_WRONG_ACK || step->kind == STEP_OLD;
	uint32_t end = step->at + step->len;

	return stream && end > sent ? end : sent;
}

/*
 * Where in the stream this step's segment begins, or the acknowledgement that it brings about.
 * RSTs are answered by nothing: -1.
 */
static int64_t begins_at(const struct step *step, uint32_t sent)
{
	switch (step->kind) {
	case STEP_SYN:
	case STEP_ACK:
		return sent;
	case STEP_WRONG_SEQ:
		return sent + step->at;
	case STEP_SEND:
	case STEP_WRONG_ACK:
	case STEP_OLD:
		return step->at;
	default:
		return -1;
	}
}

/*
 * Before the segment that bears the cookie no other comes more than twice: a sender that repeats
 * nothing else is taken for the end of a half-open connection, and reset.
 */
static void believe(struct maker *m, unsigned int from)
{
	int64_t begins[MAX_STEPS];
	uint32_t sent = 0;

	for (unsigned int i = from; i < m->plan->steps; i++) {
		struct step *step = &m->plan->step[i];
		unsigned int times = 0;

		begins[i] = step->lost ? -1 : begins_at(step, sent);
		for (unsigned int j = from; j < i; j++)
			times += begins[j] == begins[i];
		if (times >= 2 && begins[i] > 0) {
			step->lost = true;
			begins[i] = -1;
		}
		sent = sent_after(step, sent);
	}
}

/* The first segment that the server gets may be any of the first. */
static void first_segments(struct maker *m)
{
	unsigned int n = 0, from = m->plan->steps;
	struct step step[ROUND_CHUNKS + 1];

	add_noise(m, false);
	if (rng_chance(&m->rng, 10)) {
		add(m, STEP_ACK);
	} else {
		n = new_chunks(m, step);
		step[n++] = (struct step){.kind = STEP_ACK};
	}
	add_disordered(m, step, n);
	if (!m->once && rng_chance(&m->rng, 15))
		add(m, STEP_SYN);
	believe(m, from);
	add(m, STEP_SETTLE);
}

static void handshake(struct maker *m)
{
	if (rng_chance(&m->rng, 12))
		add(m, STEP_OLD_SYN)->at = -1000 - (int32_t)rng_below(&m->rng, 40000);
	for (add(m, STEP_SYN); !m->once && rng_chance(&m->rng, 25);)
		add(m, STEP_SYN)->together = rng_chance(&m->rng, 30);
	add(m, STEP_CONNECT);
	if (m->plan->lives == 1 && rng_chance(&m->rng, 4)) {
		m->plan->lenient = true;
		add_rst(m, STEP_RST, rng_chance(&m->rng, 50) ? 0 : rng_below(&m->rng, 100));
	}
	first_segments(m);
}

static void order(struct maker *m, char what, enum step_kind then)
{
	struct step *step;

	if (!give_order(m, what, m->sent))
		return;
	step = add(m, STEP_SEND);
	step->at = m->sent++;
	step->len = 1;
	add(m, then);
}

static void data_round(struct maker *m)
{
	struct step step[ROUND_CHUNKS];

	add_noise(m, true);
	add_disordered(m, step, new_chunks(m, step));
	if (rng_chance(&m->rng, 40))
		order(m, 'A', STEP_SETTLE);
	else
		add(m, STEP_SETTLE);
}

/* The FIN on its own or behind data, which may come after it. */
static void close_stream(struct maker *m, enum step_kind then)
{
	struct step step[2] = {{.kind = STEP_SEND}};
	unsigned int n = 0;

	if (rng_chance(&m->rng, 50))
		step[n++] = new_chunk(m);
	if (n && rng_chance(&m->rng, 50))
		step[0].fin = true;
	else
		step[n++] = (struct step){.kind = STEP_SEND, .at = m->sent, .fin = true};
	add_disordered(m, step, n);
	add(m, then);
}

static void client_closes(struct maker *m)
{
	bool hold = rng_chance(&m->rng, 30);

	if (hold)
		order(m, 'H', STEP_SETTLE);
	close_stream(m, hold ? STEP_SETTLE : STEP_SETTLE_FIN);
	/* the last that counted was the FIN: a RST there is taken (RFC 5961 section 3.2, extended)
	 */
	if (hold && rng_chance(&m->rng, 70))
		add_rst(m, STEP_RST, -(int32_t)rng_below(&m->rng, 2));
}

static void server_closes(struct maker *m)
{
	struct step step;

	order(m, rng_chance(&m->rng, 60) ? 'C' : 'Q', STEP_SETTLE_FIN);
	if (rng_chance(&m->rng, 50)) {
		step = new_chunk(m);
		*add(m, step.kind) = step;
		add(m, STEP_SETTLE);
	}
	if (rng_chance(&m->rng, 80))
		close_stream(m, STEP_SETTLE);
}

/* With a hole in what was sent: the end is the last SACK block's. */
static void reset_behind_hole(struct maker *m)
{
	struct step hole = new_chunk(m), step;

	hole.lost = true;
	*add(m, hole.kind) = hole;
	step = (struct step){.kind = STEP_SEND, .at = m->sent, .len = 20};
	m->sent += 20;
	*add(m, step.kind) = step;
	add(m, STEP_RST_END);
}

static void ending(struct maker *m)
{
	uint32_t how = rng_below(&m->rng, 100);

	if (how < 35)
		client_closes(m);
	else if (how < 60)
		server_closes(m);
	else if (how < 70)
		add_rst(m, STEP_RST, 0);
	else if (how < 78)
		reset_behind_hole(m);
	else if (how < 86)
		order(m, 'R', STEP_SETTLE_FIN);
	/* or this end forgets it all */
}

/* Old segments of the connection: they establish nothing. */
static void aftermath(struct maker *m)
{
	struct step step;

	while (rng_chance(&m->rng, 45)) {
		step = (struct step){.kind = rng_chance(&m->rng, 30) ? STEP_ACK : STEP_SEND};
		step.at = rng_chance(&m->rng, 50) ? 0 : rng_below(&m->rng, m->sent + 1);
		if (step.kind == STEP_SEND)
			step.len = m->sent - step.at < 100 ? m->sent - step.at : 100;
		if (rng_chance(&m->rng, 15))
			step = rst_outside(m);
		step.together = rng_chance(&m->rng, 30);
		*add(m, step.kind) = step;
	}
}

void plan_make(struct plan *plan, uint64_t seed, bool once)
{
	struct maker m = {.plan = plan, .rng = {seed}, .once = once};

	memset(plan, 0, sizeof(*plan));
	plan->seed = seed;
	plan->family = rng_chance(&m.rng, 50) ? AF_INET : AF_INET6;
	plan->port = 1025 + seed % 64000;
	do {
		if (plan->lives)
			add(&m, STEP_LIFE);
		begin_life(&m);
		handshake(&m);
		while (plan->steps < MAX_STEPS / 3 && rng_chance(&m.rng, 50))
			data_round(&m);
		ending(&m);
		aftermath(&m);
	} while (!plan->lenient && plan->lives < MAX_LIVES && plan->steps < MAX_STEPS / 2 &&
		 rng_chance(&m.rng, 40));
}

void plan_print(const struct plan *plan, FILE *out)
{
	const struct step *step;
	const struct life *life = plan->life;

	fprintf(out, "plan of seed %llu: IPv%c port %u%s\n", (unsigned long long)plan->seed,
		plan->family == AF_INET ? '4' : '6', plan->port,
		plan->lenient ? ", a RST comes into the handshake" : "");
	for (unsigned int i = 0; i < plan->steps; i++) {
		step = &plan->step[i];
		life += step->kind == STEP_LIFE;
		fprintf(out, "  %2u %s %s at %d%+d, %u bytes%s%s\n", i, step->together ? "+" : " ",
			step_names[step->kind], step->at, step->at2, step->len,
			step->fin ? ", FIN" : "", step->lost ? ", lost" : "");
	}
}
