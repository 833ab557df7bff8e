/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "topprint.h"

#include "fsm.h"
#include "json.h"
#include "options.h"
#include "shield.h"
#include "topview.h"

int topprint_text(const struct top *top, bool blocks)
{
	struct canvas c;
	size_t i;
	int err;

	for (i = 0; i < top->count; i++) {
		err = top_view_whole(&c, top, top->interfaces[i], blocks);
		if (err)
			return err;
		canvas_print(&c, stdout);
		canvas_close(&c);
		putchar('\n');
	}
	return 0;
}

static void json_rates(struct json *j, const struct top_rates *r)
{
	int which;

	json_real(j, "seconds", r->seconds);
	json_object(j, "rates");
	for (which = 0; which < TOP_RATES; which++)
		json_real(j, top_rate_names[which].key, top_rate(r, which));
	json_end(j);
	json_object(j, "packets");
	for (which = 0; which < TOP_RATES; which++)
		json_number(j, top_rate_names[which].key, r->packets[which]);
	json_end(j);
}

static void json_reasons(struct json *j, const struct top_rates *r)
{
	size_t n;

	json_array(j, "reasons");
	for (n = 0; n < r->cell_count; n++) {
		json_object(j, NULL);
		json_text(j, "action", count_actions[r->cells[n].action].name);
		json_text(j, "reason", count_reasons[r->cells[n].reason].name);
		json_real(j, "rate", r->cells[n].count / r->seconds);
		json_number(j, "packets", r->cells[n].count);
		json_end(j);
	}
	json_end(j);
}

static void json_states(struct json *j, const char *key, const __u64 *counts)
{
	int state;

	json_object(j, key);
	for (state = 0; state < SYNSHIELD_TCP_STATES_MAX; state++) {
		if (counts[state])
			json_number(j, fsm_state_name(state), counts[state]);
	}
	json_end(j);
}

static void json_conns(struct json *j, const struct top *top, const struct census *census)
{
	const __u64 then = census->counted_ns;

	if (!then) {
		json_null(j, "connections");
		return;
	}
	json_object(j, "connections");
	json_number(j, "count", census->counted.connections);
	json_real(j, "age", top->time_ns > then ? (top->time_ns - then) / 1e9 : 0);
	json_states(j, "local", census->counted.local);
	json_states(j, "remote", census->counted.remote);
	json_end(j);
}

static void json_listener(struct json *j, const struct top_listener *l)
{
	char text[ADDRESS_TEXT];

	json_object(j, NULL);
	json_text(j, "address", address_text(text, l->row.key.addr, l->row.key.port));
	json_number(j, "port", l->row.key.port);
	json_text(j, "mode",
		  l->row.value.checked_jiffies ? options_mode_name(l->row.value.mode) : "-");
	json_bool(j, "under-attack", l->attack);
	if (l->attack)
		json_real(j, "attack-seconds", l->attack_seconds);
	if (l->syns >= 0)
		json_real(j, "syn-rate", l->syns);
	if (l->completed >= 0)
		json_real(j, "completed", l->completed);
	json_number(j, "half-open", l->row.value.half_open);
	json_number(j, "attacks", l->row.value.attacks);
	json_number(j, "attack-peak", l->row.value.attack_peak);
	json_end(j);
}

static void json_interface(struct json *j, const struct top *top, const struct top_interface *i)
{
	size_t n;

	json_object(j, NULL);
	json_text(j, "interface", i->ifname);
	json_bool(j, "attached", i->now.attached);
	if (i->why[0])
		json_text(j, "why", i->why);
	json_bool(j, "protected", top_is_protected(i));
	if (i->now.attached) {
		json_text(j, "mode", options_mode_name(i->now.settings.mode));
		json_text(j, "xdp", shield_xdp_text(&i->now.note));
		json_text(j, "tc", shield_tc_text(&i->now.note));
		json_bool(j, "daemon", i->now.daemon);
		json_bool(j, "under-attack", i->rates.attacked > 0);
		if (i->rates.attacked)
			json_real(j, "attack-seconds", i->rates.attack_seconds);
		json_conns(j, top, &i->census);
		json_array(j, "listeners");
		for (n = 0; n < i->rates.listener_count; n++)
			json_listener(j, &i->rates.listeners[n]);
		json_end(j);
	}
	if (i->rates.known) {
		json_rates(j, &i->rates);
		json_reasons(j, &i->rates);
	}
	json_end(j);
}

void topprint_json(const struct top *top)
{
	struct json j;
	size_t i;

	json_start(&j, stdout);
	j.one_line = true;
	json_object(&j, NULL);
	json_number(&j, "time-ms", top->time.tv_sec * 1000ULL + top->time.tv_nsec / 1000000);
	json_array(&j, "interfaces");
	for (i = 0; i < top->count; i++)
		json_interface(&j, top, top->interfaces[i]);
	json_end(&j);
	json_end(&j);
}
