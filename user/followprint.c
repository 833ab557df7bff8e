/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "followprint.h"

#include <netinet/tcp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "counts.h"
#include "duration.h"
#include "json.h"
#include "locals.h"

#define SECOND 1000000000ULL
#define TH_ECE 0x40
#define TH_CWR 0x80

const char *flags_text(char text[FLAGS_TEXT], __u8 flags)
{
	static const struct {
		__u8 flag;
		const char *name;
	} names[] = {
		{TH_SYN, "SYN"}, {TH_FIN, "FIN"}, {TH_RST, "RST"}, {TH_PUSH, "PSH"},
		{TH_ACK, "ACK"}, {TH_URG, "URG"}, {TH_ECE, "ECE"}, {TH_CWR, "CWR"},
	};
	size_t i;

	text[0] = 0;
	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!(flags & names[i].flag))
			continue;
		if (text[0])
			strcat(text, ",");
		strcat(text, names[i].name);
	}
	return text[0] ? text : strcpy(text, "none");
}

const char *follow_time_text(char text[TIME_TEXT], const struct follow_print *p, __u64 time)
{
	time_t seconds = time / SECOND;
	unsigned int us = time % SECOND / 1000;
	char hour[16];
	struct tm tm;

	if (p->relative) {
		time = time > p->zero ? time - p->zero : 0;
		snprintf(text, TIME_TEXT, "%llu.%06llu", time / SECOND, time % SECOND / 1000);
		return text;
	}
	time += p->zero;
	seconds = time / SECOND;
	us = time % SECOND / 1000;
	if (!localtime_r(&seconds, &tm) || !strftime(hour, sizeof(hour), "%H:%M:%S", &tm))
		strcpy(hour, "?");
	snprintf(text, TIME_TEXT, "%s.%06u", hour, us);
	return text;
}

const char *follow_answer_text(const struct follow_step *s)
{
	switch (s->answer) {
	case ANSWER_COOKIE:
		return s->reason == SYNSHIELD_REASON_kernel_cookie
			       ? "answered by the driver: SYN-ACK with a cookie of the kernel's"
			       : "answered by the driver: SYN-ACK with a cookie";
	case ANSWER_RST:
		return s->answer_flags & TH_ACK ? "answered by the driver: RST,ACK"
						: "answered by the driver: RST";
	default:
		return "";
	}
}

/* --- text --- */

static void print_ends(const struct follow_print *p, const struct synshield_tuple *t,
		       const char *arrow)
{
	char local[ADDRESS_TEXT], remote[ADDRESS_TEXT];

	fprintf(p->out, "%s %s %s", address_text(local, t->local, t->local_port), arrow,
		address_text(remote, t->remote, t->remote_port));
}

static void step_text(const struct follow_print *p, const struct follow_step *s)
{
	bool sent = s->event->end == SYNSHIELD_LOCAL;
	char time[TIME_TEXT], flags[FLAGS_TEXT];

	fprintf(p->out, "%s ", follow_time_text(time, p, s->time));
	print_ends(p, &s->event->tuple, sent ? "->" : "<-");
	fprintf(p->out, "  %s seq=%u", flags_text(flags, s->event->flags), s->seq);
	if (s->event->flags & TH_ACK)
		fprintf(p->out, " ack=%u", s->ack);
	fprintf(p->out, " len=%u  local %s, remote %s", s->event->payload, fsm_state_name(s->local),
		fsm_state_name(s->remote));
	if (s->judged)
		fprintf(p->out, "  %s%s %s", s->observed ? "would_" : "",
			count_actions[s->action].name, count_reasons[s->reason].name);
	if (s->answer)
		fprintf(p->out, " (%s)", follow_answer_text(s));
	if (s->probe)
		fprintf(p->out, "  (keepalive probe)");
	fputc('\n', p->out);
}

static void end_text(const struct follow_print *p, const struct follow_end *e)
{
	char time[TIME_TEXT];

	fprintf(p->out, "%s ", follow_time_text(time, p, e->time));
	print_ends(p, &e->conn->tuple, "--");
	if (e->dead)
		fprintf(p->out, "  dead: no answer to %u probes", e->conn->probes);
	else
		fprintf(p->out, "  %s%s",
			e->ended == SYNSHIELD_TCP_TIME_WAIT ? "2 MSL are over: " : "time-out of ",
			fsm_state_name(e->ended));
	fprintf(p->out, "  local %s, remote %s\n", fsm_state_name(e->local),
		fsm_state_name(e->remote));
}

/* --- JSON --- */

static void json_begin(struct json *j, const struct follow_print *p, const char *kind)
{
	json_start(j, p->out);
	j->one_line = true;
	json_object(j, NULL);
	json_text(j, "kind", kind);
}

static void json_conn(struct json *j, const struct follow_print *p, const struct followed *c,
		      __u64 time)
{
	char text[ADDRESS_TEXT];

	json_number(j, "time-ns",
		    !p->relative     ? time + p->zero
		    : time > p->zero ? time - p->zero
				     : 0);
	json_number(j, "connection", c->id);
	json_text(j, "local", address_text(text, c->tuple.local, c->tuple.local_port));
	json_text(j, "remote", address_text(text, c->tuple.remote, c->tuple.remote_port));
}

static void json_states(struct json *j, enum synshield_tcp_state local,
			enum synshield_tcp_state remote)
{
	json_text(j, "local-state", fsm_state_name(local));
	json_text(j, "remote-state", fsm_state_name(remote));
}

static void step_json(const struct follow_print *p, const struct follow_step *s)
{
	const struct synshield_event *e = s->event;
	char flags[FLAGS_TEXT];
	struct json j;

	json_begin(&j, p, "segment");
	json_conn(&j, p, s->conn, s->time);
	json_text(&j, "from", e->end == SYNSHIELD_LOCAL ? "local" : "remote");
	json_text(&j, "flags", flags_text(flags, e->flags));
	json_number(&j, "seq", s->seq);
	if (e->flags & TH_ACK)
		json_number(&j, "ack", s->ack);
	json_number(&j, "length", e->payload);
	if (s->judged) {
		json_text(&j, "action", count_actions[s->action].name);
		json_text(&j, "reason", count_reasons[s->reason].name);
		json_bool(&j, "observed", s->observed);
	}
	json_states(&j, s->local, s->remote);
	if (s->answer)
		json_text(&j, "answer", flags_text(flags, s->answer_flags));
	if (s->probe)
		json_bool(&j, "probe", true);
	json_end(&j);
}

static void end_json(const struct follow_print *p, const struct follow_end *e)
{
	struct json j;

	json_begin(&j, p, "time-out");
	json_conn(&j, p, e->conn, e->time);
	json_text(&j, "ended", fsm_state_name(e->ended));
	json_bool(&j, "dead", e->dead);
	json_states(&j, e->local, e->remote);
	json_end(&j);
}

/* --- either --- */

void follow_print_step(const struct follow_print *p, const struct follow_step *s)
{
	if (p->json)
		step_json(p, s);
	else
		step_text(p, s);
}

void follow_print_end(const struct follow_print *p, const struct follow_end *e)
{
	if (p->json)
		end_json(p, e);
	else
		end_text(p, e);
}

void follow_print_note(const struct follow_print *p, const char *fmt, ...)
{
	char text[256];
	struct json j;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!p->json) {
		fprintf(p->out, "-- %s\n", text);
		return;
	}
	json_begin(&j, p, "note");
	json_text(&j, "text", text);
	json_end(&j);
}
