/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "connfilter.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lower case and '-' will do, too: fin-wait-2. */
static bool same_name(const char *word, const char *name)
{
	for (; *word && *name; word++, name++) {
		if (toupper((unsigned char)*word) != *name && !(*word == '-' && *name == '_'))
			return false;
	}
	return !*word && !*name;
}

static bool parse_state(const char *word, enum synshield_tcp_state *state)
{
	int i;

	for (i = 0; i < SYNSHIELD_TCP_STATES_MAX; i++) {
		if (same_name(word, fsm_state_name(i))) {
			*state = i;
			return true;
		}
	}
	return false;
}

static bool parse_port(const char *word, __u16 *port)
{
	unsigned long n;
	char *end;

	if (!isdigit((unsigned char)*word))
		return false;
	n = strtoul(word, &end, 10);
	*port = n;
	return !*end && n && n <= 65535;
}

/* `named`: an end was; then it has to be a filter. */
static int parse_rule(struct conn_filter_rule *r, const char *word, bool named, char why[CIDR_WHY])
{
	const char *port = *word == ':' && word[1] != ':' ? word + 1 : named ? word : NULL;

	if (parse_state(word, &r->state)) {
		r->what = FILTER_STATE;
		if (r->end == FILTER_EITHER)
			r->end = FILTER_LOCAL;
		return 1;
	}
	if (port && parse_port(port, &r->port)) {
		r->what = FILTER_PORT;
		return 1;
	}
	r->what = FILTER_PREFIX;
	if ((named || strpbrk(word, ".:/")) && !cidr_parse(word, &r->prefix, why))
		return 1;
	if (!named && *word != ':' && !strchr(word, '/'))
		return 0;
	snprintf(why, CIDR_WHY, "'%.40s' is no state of RFC 9293, port or address prefix", word);
	return -EINVAL;
}

int conn_filter_add(struct conn_filter *f, const char *word, char why[CIDR_WHY])
{
	static const char local[] = "local:", remote[] = "remote:";
	struct conn_filter_rule r = {.end = FILTER_EITHER};
	const char *rest = word;
	int is;

	if (!strncmp(word, local, strlen(local))) {
		r.end = FILTER_LOCAL;
		rest += strlen(local);
	} else if (!strncmp(word, remote, strlen(remote))) {
		r.end = FILTER_REMOTE;
		rest += strlen(remote);
	}
	is = parse_rule(&r, rest, r.end != FILTER_EITHER, why);
	if (is <= 0)
		return is;
	if (f->count == CONN_FILTERS_MAX) {
		snprintf(why, CIDR_WHY, "more than %d filters", CONN_FILTERS_MAX);
		return -EINVAL;
	}
	f->rules[f->count++] = r;
	return 1;
}

static bool holds_at(const struct conn_filter_rule *r, const struct conn_view *v, bool local)
{
	switch (r->what) {
	case FILTER_STATE:
		return r->state == (local ? v->local : v->remote);
	case FILTER_PORT:
		return r->port == (local ? v->tuple.local_port : v->tuple.remote_port);
	case FILTER_PREFIX:
		return cidr_holds(&r->prefix, local ? v->tuple.local : v->tuple.remote);
	}
	return false;
}

static bool holds(const struct conn_filter_rule *r, const struct conn_view *v)
{
	return (r->end != FILTER_REMOTE && holds_at(r, v, true)) ||
	       (r->end != FILTER_LOCAL && holds_at(r, v, false));
}

bool conn_filter_takes(const struct conn_filter *f, const struct conn_view *v)
{
	unsigned int asked = 0, met = 0, i;

	for (i = 0; i < f->count; i++) {
		unsigned int kind = 1U << (f->rules[i].what * 3 + f->rules[i].end);

		asked |= kind;
		if (!(met & kind) && holds(&f->rules[i], v))
			met |= kind;
	}
	return asked == met;
}

bool conn_filter_wants(const struct conn_filter *f, enum synshield_tcp_state state)
{
	unsigned int i;

	for (i = 0; i < f->count; i++) {
		if (f->rules[i].what == FILTER_STATE && f->rules[i].state == state)
			return true;
	}
	return false;
}
