/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdlib.h>

#include "attacks.h"
#include "counts.h"
#include "fsm.h"
#include "locals.h"
#include "options.h"
#include "report.h"
#include "shield.h"

static void json_option(struct json *j, const struct option_desc *d, __u32 value, bool port)
{
	const char *word = options_word(d, value, port);

	if (word)
		json_text(j, d->name, word);
	else
		json_number(j, d->name, value);
}

static void json_settings(struct json *j, const struct report *r)
{
	size_t i, k;

	json_object(j, "settings");
	for (i = 0; i < options_count; i++)
		json_option(j, &options[i], options_get_settings(&options[i], &r->settings), false);
	json_number(j, "generation", r->settings.generation);
	json_end(j);
	json_array(j, "ports");
	for (k = 0; k < r->policy_count; k++) {
		json_object(j, NULL);
		json_number(j, "port", r->ports[k]);
		for (i = 0; i < options_count; i++) {
			if (options[i].per_port)
				json_option(j, &options[i],
					    options_get_policy(&options[i], &r->policies[k]), true);
		}
		json_end(j);
	}
	json_end(j);
}

static void json_listeners(struct json *j, const struct report *r)
{
	char text[ADDRESS_TEXT];
	size_t i;

	json_array(j, "listeners");
	for (i = 0; i < r->listener_count; i++) {
		const struct listener_row *l = &r->listeners[i];

		json_object(j, NULL);
		json_text(j, "address", address_text(text, l->key.addr, l->key.port));
		json_number(j, "port", l->key.port);
		json_text(j, "mode", report_listener_mode(l));
		json_bool(j, "under-attack", under_attack(&l->value, r->now_jiffies));
		json_text(j, "cookies", report_listener_cookies(r, l));
		json_number(j, "half-open", l->value.half_open);
		json_number(j, "attacks", l->value.attacks);
		json_number(j, "attack-syns", l->value.attack_syns);
		json_number(j, "attack-acks", l->value.attack_acks);
		json_number(j, "attack-peak", l->value.attack_peak);
		json_end(j);
	}
	json_end(j);
}

static void json_rates(struct json *j, const struct report *r)
{
	struct count_cell cells[COUNTS_ACTIONS * SYNSHIELD_REASON_MAX];
	size_t n, i;
	int a;

	json_object(j, "rates");
	for (a = 0; a < COUNTS_ACTIONS; a++)
		json_real(j, count_actions[a].name, report_rate(r, a));
	json_end(j);
	json_array(j, "top");
	n = counts_cells(&r->after, &r->before, cells);
	for (i = 0; i < n && i < REPORT_REASONS; i++) {
		json_object(j, NULL);
		json_text(j, "action", count_actions[cells[i].action].name);
		json_text(j, "reason", count_reasons[cells[i].reason].name);
		json_real(j, "rate", cells[i].count / r->seconds);
		json_end(j);
	}
	json_end(j);
}

static void json_warnings(struct json *j, const struct report *r)
{
	int i;

	json_array(j, "warnings");
	for (i = 0; i < r->warning_count; i++) {
		json_object(j, NULL);
		json_text(j, "text", r->warnings[i].text);
		if (r->warnings[i].mend[0])
			json_text(j, "mend", r->warnings[i].mend);
		json_end(j);
	}
	json_end(j);
}

static void json_conns(struct json *j, const struct report *r)
{
	long used = report_conns_at_most(r);

	json_object(j, "conns");
	json_number(j, "capacity", r->conns_capacity);
	if (used >= 0)
		json_number(j, "used-at-most", used);
	else
		json_null(j, "used-at-most");
	json_end(j);
}

static void json_states(struct json *j, const struct report *r)
{
	int i;

	json_number(j, "events-lost", r->tracking.events_lost);
	if (!r->with_states)
		return;
	json_object(j, "states");
	for (i = 0; i < SYNSHIELD_TCP_STATES_MAX; i++)
		json_number(j, fsm_state_name(i), r->states[i]);
	json_end(j);
}

static void json_defences(struct json *j, const struct report *r)
{
	json_object(j, "keepalive");
	json_number(j, "probes", r->done.probes);
	json_number(j, "answered", r->done.probes_answered);
	json_number(j, "dead", r->done.dead);
	json_number(j, "closed", r->done.dead_closed);
	json_end(j);
	json_number(j, "half-open-ended", r->done.half_open_ended);
	json_object(j, "syn-backlog");
	json_number(j, "before", r->done.backlog_before);
	json_number(j, "raised-to", r->done.backlog_set);
	json_end(j);
}

void report_json(struct json *j, const struct report *r)
{
	json_object(j, NULL);
	json_text(j, "interface", r->ifname);
	json_bool(j, "protected", r->xdp && r->tc);
	json_text(j, "xdp", shield_xdp_text(&r->note));
	json_bool(j, "dispatcher", r->note.dispatcher);
	json_text(j, "tc", shield_tc_text(&r->note));
	json_bool(j, "daemon", r->daemon);
	json_bool(j, "this-namespace", r->here);
	json_bool(j, "under-attack", report_attacks(r) > 0);
	if (r->maps.fd[MAP_KEYS] >= 0)
		json_number(j, "epoch", r->epoch);
	else
		json_null(j, "epoch");
	json_bool(j, "learned", report_learned(r));
	json_conns(j, r);
	json_states(j, r);
	json_defences(j, r);
	json_settings(j, r);
	json_rates(j, r);
	json_listeners(j, r);
	json_warnings(j, r);
	hints_json(j, r->hints, r->hint_count);
	json_end(j);
}
