/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How connections end: what `conns` says of both ends after each segment, from which
 * user space tells RFC 9293's states.  Then, who still gets through on one that is over.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "live.h"

#define STEPS_MAX 10

/* F: FIN sent, 1: before the other's was acknowledged, A: that was acknowledged, R: RST sent. */
struct step {
	const char *name;
	bool out;
	__u8 flags;
	int payload, ahead; /* ahead: of where it should begin */
	bool old_ack;	    /* acknowledges all but the other end's FIN */
	const char *remote, *local;
};

struct script {
	const char *name;
	struct step step[STEPS_MAX];
};

#define IN false
#define OUT true
#define FIN (TCP_FIN | TCP_ACK)

static const struct script scripts[] = {
	{"T5 the client closes first",
	 {{"FIN", IN, FIN, 0, 0, false, "F1", ""},
	  {"ACK", OUT, TCP_ACK, 0, 0, false, "F1", "A"},
	  {"FIN", OUT, FIN, 0, 0, false, "F1", "FA"},
	  {"ACK", IN, TCP_ACK, 0, 0, false, "F1A", "FA"}}},
	{"T6 the server closes first",
	 {{"FIN", OUT, FIN, 0, 0, false, "", "F1"},
	  {"ACK", IN, TCP_ACK, 0, 0, false, "A", "F1"},
	  {"FIN", IN, FIN, 0, 0, false, "FA", "F1"},
	  {"ACK", OUT, TCP_ACK, 0, 0, false, "FA", "F1A"}}},
	{"T7 half-closed by the client",
	 {{"data and FIN", IN, FIN | TCP_PSH, 50, 0, false, "F1", ""},
	  {"ACK", OUT, TCP_ACK, 0, 0, false, "F1", "A"},
	  {"data", OUT, TCP_ACK, 100, 0, false, "F1", "A"},
	  {"ACK", IN, TCP_ACK, 0, 0, false, "F1", "A"},
	  {"data", OUT, TCP_ACK | TCP_PSH, 100, 0, false, "F1", "A"},
	  {"ACK", IN, TCP_ACK, 0, 0, false, "F1", "A"},
	  {"data and FIN", OUT, FIN, 9, 0, false, "F1", "FA"},
	  {"ACK", IN, TCP_ACK, 0, 0, false, "F1A", "FA"}}},
	{"T7 half-closed by the server",
	 {{"FIN", OUT, FIN, 0, 0, false, "", "F1"},
	  {"data and ACK", IN, TCP_ACK, 100, 0, false, "A", "F1"},
	  {"ACK", OUT, TCP_ACK, 0, 0, false, "A", "F1"},
	  {"data and FIN", IN, FIN, 9, 0, false, "FA", "F1"},
	  {"ACK", OUT, TCP_ACK, 0, 0, false, "FA", "F1A"}}},
	{"T8 three segments",
	 {{"FIN", IN, FIN, 0, 0, false, "F1", ""},
	  {"FIN and ACK", OUT, FIN, 0, 0, false, "F1", "FA"},
	  {"ACK", IN, TCP_ACK, 0, 0, false, "F1A", "FA"}}},
	{"T9 simultaneous close",
	 {{"FIN", OUT, FIN, 0, 0, false, "", "F1"},
	  {"FIN that has not seen it", IN, FIN, 0, 0, true, "F1", "F1"},
	  {"ACK", OUT, TCP_ACK, 0, 0, false, "F1", "F1A"},
	  {"ACK", IN, TCP_ACK, 0, 0, false, "F1A", "F1A"}}},
	{"T11 the FIN is repeated",
	 {{"FIN", IN, FIN, 0, 0, false, "F1", ""},
	  {"the same", IN, FIN, 0, -1, false, "F1", ""},
	  {"FIN and ACK", OUT, FIN, 0, 0, false, "F1", "FA"},
	  {"the same", OUT, FIN, 0, -1, false, "F1", "FA"},
	  {"ACK", IN, TCP_ACK, 0, 0, false, "F1A", "FA"}}},
	{"T13 a FIN from elsewhere",
	 {{"2 GB ahead", IN, FIN, 0, 0x7fff0000, false, "", ""},
	  {"32 MB behind", IN, FIN, 0, -(1 << 25), false, "", ""},
	  {"an old one", IN, FIN, 0, -1000, false, "", ""},
	  {"32 MB ahead, sent", OUT, FIN, 0, 1 << 25, false, "", ""}}},
	{"data is missing ahead of the FIN",
	 {{"FIN", IN, FIN, 10, 5000, false, "F1", ""},
	  {"the data", IN, TCP_ACK, 100, -5011, false, "F1", ""},
	  {"ACK of all", OUT, TCP_ACK, 0, 0, false, "F1", "A"}}},
	{"T15 the server aborts", {{"RST", OUT, TCP_RST | TCP_ACK, 0, 0, false, "", "R"}}},
	{"T15 the client aborts", {{"RST", IN, TCP_RST | TCP_ACK, 0, 0, false, "R", ""}}},
};

static const char payload[200];

static const char *letters(const struct synshield_sent *sent)
{
	static char text[2][8];
	static int turn;
	char *at = text[turn ^= 1];

	sprintf(at, "%s%s%s%s", sent->fin ? "F" : "", sent->fin_first ? "1" : "",
		sent->fin_acked ? "A" : "", sent->rst ? "R" : "");
	return at;
}

/* Both ends as the test counts them. */
struct ends {
	struct segment s;    /* the client's next segment */
	__u32 remote, local; /* what each sends next */
	bool remote_fin, local_fin;
};

static void ends_begin(struct ends *e, bool ipv6)
{
	struct synshield_conn c = {.state = SYNSHIELD_CONN_ESTABLISHED};

	memset(e, 0, sizeof(*e));
	segment_begin(&e->s, ipv6, TCP_ACK);
	c.remote_next = e->remote = e->s.seq;
	c.local_next = e->local = 0xfffffff8;
	conn_put(&e->s, &c);
}

static void take_step(struct ends *e, const struct step *t)
{
	struct segment sent, *s = &e->s;
	__u32 *next = t->out ? &e->local : &e->remote;
	bool *fin = t->out ? &e->local_fin : &e->remote_fin;
	bool other_fin = t->out ? e->remote_fin : e->local_fin;

	s->flags = t->flags;
	segment_turn(s, t->flags, &sent);
	if (t->out)
		s = &sent;
	s->seq = *next + t->ahead;
	s->ack = (t->out ? e->remote : e->local) - (t->old_ack && other_fin);
	s->payload = payload;
	s->payload_len = t->payload;
	if (t->out)
		run_sent(s);
	else
		run_segment(s);
	e->s.payload_len = 0;
	if (t->ahead < 0 || t->ahead > 1 << 24)
		return;
	*next = s->seq + t->payload + !!(t->flags & TCP_FIN);
	*fin |= !!(t->flags & TCP_FIN);
}

static void run_script(const struct script *script, bool ipv6)
{
	struct synshield_conn c;
	struct ends e;

	ends_begin(&e, ipv6);
	for (const struct step *t = script->step; t->name; t++) {
		bool right;

		take_step(&e, t);
		right = conn_get(&e.s, &c) && !strcmp(letters(&c.remote), t->remote) &&
			!strcmp(letters(&c.local), t->local);
		if (!ok(right, "%s: %s: %s %s", family_name(ipv6), script->name, t->name,
			t->out ? "out" : "in"))
			note("  remote '%s' local '%s', want '%s' '%s'", letters(&c.remote),
			     letters(&c.local), t->remote, t->local);
	}
	conn_forget(&e.s);
}

/* In each way that a connection can be over, and the kernel has no socket for it. */
static const struct synshield_sent closed = {.fin = 1, .fin_acked = 1}, aborted = {.rst = 1},
				   quiet = {};

static void rows_gone(bool ipv6)
{
	const struct synshield_sent *const ends[][2] = {
		{&closed, &closed}, {&aborted, &quiet}, {&quiet, &aborted}};
	struct synshield_conn c = {.state = SYNSHIELD_CONN_ESTABLISHED};
	struct segment s;

	for (unsigned int i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		c.remote = *ends[i][0];
		c.local = *ends[i][1];
		segment_begin(&s, ipv6, TCP_ACK);
		conn_put(&s, &c);
		row_refused(SYNSHIELD_REASON_unknown_ack, &s, "%s: over ('%s', '%s'), no socket",
			    family_name(ipv6), letters(&c.remote), letters(&c.local));
		ok(conn_get(&s, &c),
		   "%s: its entry stays: the cookie that began it cannot begin another",
		   family_name(ipv6));
		c = (struct synshield_conn){.state = SYNSHIELD_CONN_ESTABLISHED};
	}
	c.remote = closed;
	conn_put(&s, &c);
	row_segment(PASS(tracked), &s, "%s: only one end is done: not over", family_name(ipv6));
}

/* The shield saw a RST that the kernel did not heed. */
static void rows_unheeded(bool ipv6)
{
	struct synshield_conn c = {.state = SYNSHIELD_CONN_ESTABLISHED, .remote.rst = 1};
	struct segment s;
	struct live l;

	live_connect(&l, ipv6, net_listener(ipv6), PORT);
	live_segment(&l, TCP_ACK, &s);
	c.remote_next = s.seq;
	c.local_next = s.ack;
	conn_put(&s, &c);
	row_segment(PASS(tracked), &s, "%s: over, but the kernel has it", family_name(ipv6));
	ok(conn_get(&s, &c) && !c.remote.rst, "%s: so it is not over", family_name(ipv6));
	live_close(&l);
}

static void rows_time_wait(bool ipv6)
{
	struct synshield_conn c = {
		.state = SYNSHIELD_CONN_ESTABLISHED, .remote = closed, .local = closed};
	struct segment s;
	struct live l;

	live_connect(&l, ipv6, net_listener(ipv6), PORT);
	live_segment(&l, FIN, &s);
	shutdown(l.server, SHUT_RDWR);
	shutdown(l.client, SHUT_RDWR);
	conn_put(&s, &c);
	row_segment(PASS(tracked), &s, "%s: over, the kernel holds it in TIME_WAIT",
		    family_name(ipv6));
	ok(conn_get(&s, &c) && c.remote.fin_acked && c.local.fin_acked, "%s: and over it stays",
	   family_name(ipv6));
	s.flags = TCP_SYN;
	row_segment(PASS(known_tuple), &s, "%s: T12 a SYN there is the kernel's",
		    family_name(ipv6));
	live_close(&l);
}

void rows_close(void)
{
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		shield_reset();
		for (unsigned int i = 0; i < sizeof(scripts) / sizeof(*scripts); i++)
			run_script(&scripts[i], ipv6);
		rows_gone(ipv6);
		rows_unheeded(ipv6);
		rows_time_wait(ipv6);
	}
	shield_reset();
}
