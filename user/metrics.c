/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "metrics.h"

#include <errno.h>
#include <stdlib.h>

#include "attacks.h"
#include "counts.h"
#include "exposition.h"
#include "fsm.h"
#include "locals.h"
#include "options.h"
#include "process.h"

enum metric_scope {
	OF_INTERFACE,
	OF_DAEMON,  /* of an interface, while its daemon runs */
	OF_BUILD,   /* once */
	OF_PROCESS, /* once, where it is this process that is asked */
};

/* One family.  What it is worth is in a member of struct facts, or get() writes it. */
struct metric {
	const char *name;
	enum metric_type type;
	enum metric_scope scope;
	const char *unit;
	size_t at; /* offset of a __u64 */
	void (*get)(struct exposition *e, const struct facts *f);
	const char *help;
};

#define INTERFACE(f)                                                                               \
	{                                                                                          \
		"interface", (f)->ifname                                                           \
	}

/* -- packets -- */

static void write_actions(struct exposition *e, const struct facts *f, bool observed)
{
	static const char *const names[SYNSHIELD_ACTION_MAX] = {"pass", "drop", "reply"};
	int a, r;

	for (a = 0; a < SYNSHIELD_ACTION_MAX; a++) {
		for (r = 0; r < SYNSHIELD_REASON_MAX; r++) {
			const struct exposition_label labels[EXPOSITION_LABELS] = {
				INTERFACE(f),
				{"action", names[a]},
				{"reason", count_reasons[r].name},
			};
			int row = observed ? a + SYNSHIELD_ACTION_MAX : a;

			exposition_count(e, counts_at(&f->stats, row, r), labels);
		}
	}
}

static void get_packets(struct exposition *e, const struct facts *f)
{
	write_actions(e, f, false);
}

static void get_observed(struct exposition *e, const struct facts *f)
{
	write_actions(e, f, true);
}

#define REASON(name) (1ULL << SYNSHIELD_REASON_##name)
_Static_assert(SYNSHIELD_REASON_MAX <= 64, "sets of reasons are words");

/* What is counted of a SYN that is well formed, for this host, and not on a list. */
#define SYN_REASONS                                                                                \
	(REASON(cookie) | REASON(kernel_cookie) | REASON(small_mss) | REASON(cookie_not_due) |     \
	 REASON(calm) | REASON(known_tuple) | REASON(tuple_rate) | REASON(signed_syn) |            \
	 REASON(unsigned_listener) | REASON(closed_port) | REASON(reply_cap) |                     \
	 REASON(table_full) | REASON(no_key) | REASON(reply_failed))
#define REFUSED_REASONS                                                                            \
	(REASON(unknown_ack) | REASON(unknown_data) | REASON(unknown_fin) | REASON(bad_cookie))

/* actions: of enum synshield_action, as bits */
static __u64 sum_of(const struct facts *f, unsigned int actions, __u64 reasons, bool observed)
{
	__u64 sum = 0;
	int a, r;

	for (a = 0; a < COUNTS_ACTIONS; a++) {
		if (!(actions >> (a % SYNSHIELD_ACTION_MAX) & 1) ||
		    (a >= SYNSHIELD_ACTION_MAX && !observed))
			continue;
		for (r = 0; r < SYNSHIELD_REASON_MAX; r++) {
			if (reasons >> r & 1)
				sum += counts_at(&f->stats, a, r);
		}
	}
	return sum;
}

static void get_syns(struct exposition *e, const struct facts *f)
{
	const struct exposition_label labels[EXPOSITION_LABELS] = {INTERFACE(f)};

	exposition_count(e, sum_of(f, ~0U, SYN_REASONS, true), labels);
}

static void write_kinds(struct exposition *e, const struct facts *f, __u64 own, __u64 kernels)
{
	const struct exposition_label shield[EXPOSITION_LABELS] = {INTERFACE(f),
								   {"kind", "shield"}};
	const struct exposition_label kernel[EXPOSITION_LABELS] = {INTERFACE(f),
								   {"kind", "kernel"}};

	exposition_count(e, own, shield);
	exposition_count(e, kernels, kernel);
}

static void get_cookies_sent(struct exposition *e, const struct facts *f)
{
	write_kinds(e, f, sum_of(f, 1U << SYNSHIELD_REPLY, REASON(cookie), false),
		    sum_of(f, 1U << SYNSHIELD_REPLY, REASON(kernel_cookie), false));
}

static void get_cookies_accepted(struct exposition *e, const struct facts *f)
{
	write_kinds(e, f, sum_of(f, 1U << SYNSHIELD_PASS, REASON(cookie_ok), false),
		    sum_of(f, 1U << SYNSHIELD_PASS, REASON(kernel_cookie_ok), false));
}

static void get_cookies_refused(struct exposition *e, const struct facts *f)
{
	const struct exposition_label labels[EXPOSITION_LABELS] = {INTERFACE(f)};

	exposition_count(
		e, sum_of(f, 1U << SYNSHIELD_DROP | 1U << SYNSHIELD_REPLY, REFUSED_REASONS, false),
		labels);
}

/* -- the interface -- */

static void write_one(struct exposition *e, const struct facts *f, double value)
{
	const struct exposition_label labels[EXPOSITION_LABELS] = {INTERFACE(f)};

	exposition_real(e, value, labels);
}

static void get_attached(struct exposition *e, const struct facts *f)
{
	write_one(e, f, f->attached);
}

static void get_daemon(struct exposition *e, const struct facts *f)
{
	write_one(e, f, f->daemon);
}

static void get_mode(struct exposition *e, const struct facts *f)
{
	__u32 mode;

	for (mode = SYNSHIELD_MODE_OFF; mode < SYNSHIELD_MODE_MAX; mode++) {
		const struct exposition_label labels[EXPOSITION_LABELS] = {
			INTERFACE(f), {"mode", options_mode_name(mode)}};

		exposition_count(e, f->settings.mode == mode, labels);
	}
}

static void get_resets_left(struct exposition *e, const struct facts *f)
{
	write_one(e, f, f->resets_left);
}

static void get_key(struct exposition *e, const struct facts *f)
{
	if (f->key_made > 0)
		write_one(e, f, f->key_made);
}

static void get_began(struct exposition *e, const struct facts *f)
{
	write_one(e, f, f->daemon_began);
}

/* -- listeners -- */

typedef __u64 (*listener_value_t)(const struct facts *f, const struct listener_row *row);

static void write_listeners(struct exposition *e, const struct facts *f, listener_value_t value)
{
	char address[ADDRESS_TEXT], port[8];
	size_t i;

	for (i = 0; i < f->listener_count && i < METRICS_LISTENERS; i++) {
		const struct listener_row *row = &f->listeners[i];
		const struct exposition_label labels[EXPOSITION_LABELS] = {
			INTERFACE(f),
			{"address", address_only(address, row->key.addr)},
			{"port", port},
		};

		snprintf(port, sizeof(port), "%u", row->key.port);
		exposition_count(e, value(f, row), labels);
	}
}

static __u64 is_hot(const struct facts *f, const struct listener_row *row)
{
	return under_attack(&row->value, f->now_jiffies);
}

static __u64 half_open(const struct facts *f, const struct listener_row *row)
{
	return row->value.half_open;
}

static __u64 attacks(const struct facts *f, const struct listener_row *row)
{
	return row->value.attacks;
}

static __u64 peak(const struct facts *f, const struct listener_row *row)
{
	return row->value.attack_peak;
}

static __u64 listener_syns(const struct facts *f, const struct listener_row *row)
{
	return row->value.syns;
}

static __u64 listener_acks(const struct facts *f, const struct listener_row *row)
{
	return row->value.acks;
}

#define LISTENER_GET(name)                                                                         \
	static void get_##name(struct exposition *e, const struct facts *f)                        \
	{                                                                                          \
		write_listeners(e, f, name);                                                       \
	}
LISTENER_GET(is_hot)
LISTENER_GET(half_open)
LISTENER_GET(attacks)
LISTENER_GET(peak)
LISTENER_GET(listener_syns)
LISTENER_GET(listener_acks)

/* -- connections and maps -- */

static void write_states(struct exposition *e, const struct facts *f,
			 const struct synshield_state_counts *counts)
{
	const __u32 values[SYNSHIELD_TCP_STATES_MAX] = {
#define X(name) counts->name,
		SYNSHIELD_TCP_STATES(X)
#undef X
	};
	int s;

	for (s = 0; s < SYNSHIELD_TCP_STATES_MAX; s++) {
		const struct exposition_label labels[EXPOSITION_LABELS] = {
			INTERFACE(f), {"state", fsm_state_name(s)}};

		exposition_count(e, values[s], labels);
	}
}

static void get_local_states(struct exposition *e, const struct facts *f)
{
	write_states(e, f, &f->done.local);
}

static void get_remote_states(struct exposition *e, const struct facts *f)
{
	write_states(e, f, &f->done.remote);
}

static void get_lost(struct exposition *e, const struct facts *f)
{
	const struct exposition_label events[EXPOSITION_LABELS] = {INTERFACE(f),
								   {"buffer", "events"}};
	const struct exposition_label traces[EXPOSITION_LABELS] = {INTERFACE(f),
								   {"buffer", "traces"}};

	exposition_count(e, f->tracking.events_lost, events);
	exposition_count(e, f->tracking.traces_lost, traces);
}

/* Only maps whose entries cost little to count: none is walked that may have a million. */
static void write_map(struct exposition *e, const struct facts *f, enum map_id id, __u64 value)
{
	const struct exposition_label labels[EXPOSITION_LABELS] = {INTERFACE(f),
								   {"map", map_names[id]}};

	exposition_count(e, value, labels);
}

static void get_entries(struct exposition *e, const struct facts *f)
{
	__u64 shown = 0;

#define X(name) shown += f->done.local.name;
	SYNSHIELD_TCP_STATES(X)
#undef X
	if (f->daemon) {
		write_map(e, f, MAP_CONNS, f->done.followed);
		write_map(e, f, MAP_CLOSING, shown);
	}
	write_map(e, f, MAP_LISTENERS, f->listener_count);
	write_map(e, f, MAP_LISTS, f->settings.listed);
	write_map(e, f, MAP_POLICY, f->policies);
}

static void get_capacity(struct exposition *e, const struct facts *f)
{
	static const enum map_id maps[] = {MAP_CONNS, MAP_CLOSING, MAP_LISTENERS, MAP_LISTS,
					   MAP_POLICY};
	size_t i;

	for (i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		write_map(e, f, maps[i], f->capacity[maps[i]]);
}

/* -- BPF -- */

static const char *const program_names[FACTS_PROGRAMS] = {"xdp", "tc_in", "tc_out"};

static void get_runs(struct exposition *e, const struct facts *f)
{
	int i;

	for (i = 0; i < FACTS_PROGRAMS; i++) {
		const struct exposition_label labels[EXPOSITION_LABELS] = {
			INTERFACE(f), {"program", program_names[i]}};

		if (f->program[i].runs)
			exposition_count(e, f->program[i].runs, labels);
	}
}

static void get_run_time(struct exposition *e, const struct facts *f)
{
	int i;

	for (i = 0; i < FACTS_PROGRAMS; i++) {
		const struct exposition_label labels[EXPOSITION_LABELS] = {
			INTERFACE(f), {"program", program_names[i]}};

		if (f->program[i].runs)
			exposition_real(e, f->program[i].seconds, labels);
	}
}

/* -- once -- */

#define TEXT(x) #x
#define NUMBER_TEXT(x) TEXT(x)

static void get_build(struct exposition *e, const struct facts *f)
{
	static const struct exposition_label labels[EXPOSITION_LABELS] = {
		{"version", SYNSHIELD_VERSION}, {"abi", NUMBER_TEXT(SYNSHIELD_ABI)}};

	exposition_count(e, 1, labels);
}

static void get_process_start(struct exposition *e, const struct facts *f)
{
	exposition_real(e, process_start(), NULL);
}

static void get_process_cpu(struct exposition *e, const struct facts *f)
{
	exposition_real(e, process_cpu(), NULL);
}

static void get_process_memory(struct exposition *e, const struct facts *f)
{
	exposition_count(e, process_resident(), NULL);
}

/* -- the table -- */

#define AT(member) .at = offsetof(struct facts, member)

static const struct metric metrics[] = {
	{"synshield_build", METRIC_INFO, OF_BUILD, .get = get_build,
	 .help = "Version of the program, and of the layout of its maps"},
	{"synshield_attached", METRIC_GAUGE, OF_INTERFACE, .get = get_attached,
	 .help = "1 if the programs are attached to the interface"},
	{"synshield_daemon_running", METRIC_GAUGE, OF_INTERFACE, .get = get_daemon,
	 .help = "1 if a daemon renews keys, addresses and listeners"},
	{"synshield_daemon_start_timestamp_seconds", METRIC_GAUGE, OF_DAEMON, "seconds",
	 .get = get_began, .help = "Unix time at which the daemon began"},
	{"synshield_mode", METRIC_GAUGE, OF_INTERFACE, .get = get_mode,
	 .help = "1 for the mode of the interface, 0 for the others; ports may have their own"},
	{"synshield_packets", METRIC_COUNTER, OF_INTERFACE, .get = get_packets,
	 .help = "Packets by what was done with them, and why"},
	{"synshield_observed_packets", METRIC_COUNTER, OF_INTERFACE, .get = get_observed,
	 .help = "Packets passed in mode observe, by what would have been done, and why"},
	{"synshield_syns", METRIC_COUNTER, OF_INTERFACE, .get = get_syns,
	 .help = "Well-formed SYNs for this host, without those of listed sources"},
	{"synshield_cookies_sent", METRIC_COUNTER, OF_INTERFACE, .get = get_cookies_sent,
	 .help = "SYNs answered with a cookie, by who made it"},
	{"synshield_cookies_accepted", METRIC_COUNTER, OF_INTERFACE, .get = get_cookies_accepted,
	 .help = "Handshakes completed by a valid cookie, by who had made it"},
	{"synshield_cookies_refused", METRIC_COUNTER, OF_INTERFACE, .get = get_cookies_refused,
	 .help = "Segments refused that belong to no connection and bear no valid cookie"},
	{"synshield_attacks", METRIC_COUNTER, OF_INTERFACE, AT(done.attacks),
	 .help = "Attacks that began while a daemon ran"},
	{"synshield_listeners", METRIC_GAUGE, OF_INTERFACE, AT(listener_count),
	 .help = "Addresses and ports that take connections"},
	{"synshield_listeners_under_attack", METRIC_GAUGE, OF_INTERFACE, AT(attacked),
	 .help = "Those that are under attack"},
	{"synshield_half_open", METRIC_GAUGE, OF_INTERFACE, AT(half_open),
	 .help = "Half-open requests in the kernel, when the listeners were last read"},
	{"synshield_listener_under_attack", METRIC_GAUGE, OF_INTERFACE, .get = get_is_hot,
	 .help = "1 if the listener is under attack (64 listeners at most: those under attack "
		 "first)"},
	{"synshield_listener_half_open", METRIC_GAUGE, OF_INTERFACE, .get = get_half_open,
	 .help = "Half-open requests of the listener, when it was last read"},
	{"synshield_listener_attacks", METRIC_COUNTER, OF_INTERFACE, .get = get_attacks,
	 .help = "Attacks on the listener since it is known"},
	{"synshield_listener_attack_peak_syns_per_second", METRIC_GAUGE, OF_INTERFACE,
	 .get = get_peak, .help = "SYN rate in the busiest second of its last attack"},
	{"synshield_listener_syns", METRIC_COUNTER, OF_INTERFACE, .get = get_listener_syns,
	 .help = "SYNs for the listener; under flood an estimate"},
	{"synshield_listener_cookies_accepted", METRIC_COUNTER, OF_INTERFACE,
	 .get = get_listener_acks, .help = "Cookies of the listener that came back"},
	{"synshield_connections_tracked", METRIC_COUNTER, OF_INTERFACE, AT(tracking.made),
	 .help = "Entries made in the map conns"},
	{"synshield_connections_local", METRIC_GAUGE, OF_DAEMON, .get = get_local_states,
	 .help = "Connections by the state of this host's end, as RFC 9293 names them"},
	{"synshield_connections_remote", METRIC_GAUGE, OF_DAEMON, .get = get_remote_states,
	 .help = "Connections by the state of the other end"},
	{"synshield_timers", METRIC_GAUGE, OF_DAEMON, AT(done.timers),
	 .help = "Deadlines of connections that are set"},
	{"synshield_half_open_ended", METRIC_COUNTER, OF_INTERFACE, AT(done.half_open_ended),
	 .help = "Handshakes ended by half-open-timeout"},
	{"synshield_keepalive_probes", METRIC_COUNTER, OF_INTERFACE, AT(done.probes),
	 .help = "Keepalive probes sent"},
	{"synshield_keepalive_probes_answered", METRIC_COUNTER, OF_INTERFACE,
	 AT(done.probes_answered), .help = "Idle connections whose other end answered a probe"},
	{"synshield_dead_connections", METRIC_COUNTER, OF_INTERFACE, AT(done.dead),
	 .help = "Connections whose other end answered no probe"},
	{"synshield_dead_connections_closed", METRIC_COUNTER, OF_INTERFACE, AT(done.dead_closed),
	 .help = "Those whose socket was closed"},
	{"synshield_reset_budget_ratio", METRIC_GAUGE, OF_INTERFACE, "ratio",
	 .get = get_resets_left, .help = "RSTs that may be sent at once, as a share of reset-rate"},
	{"synshield_reply_prefixes_spent", METRIC_GAUGE, OF_INTERFACE, AT(spent_prefixes),
	 .help = "Prefixes (of 16384 hashed) that get no answer now because of reply-rate"},
	{"synshield_ring_buffer_lost", METRIC_COUNTER, OF_INTERFACE, .get = get_lost,
	 .help = "Reports for which the ring buffer had no room"},
	{"synshield_map_entries", METRIC_GAUGE, OF_INTERFACE, .get = get_entries,
	 .help = "Entries of the map; conns as the daemon follows them"},
	{"synshield_map_capacity", METRIC_GAUGE, OF_INTERFACE, .get = get_capacity,
	 .help = "Entries that the map has room for"},
	{"synshield_bpf_runs", METRIC_COUNTER, OF_INTERFACE, .get = get_runs,
	 .help = "Runs of the BPF program while kernel.bpf_stats_enabled was 1; else left out"},
	{"synshield_bpf_run_time_seconds", METRIC_COUNTER, OF_INTERFACE, "seconds",
	 .get = get_run_time, .help = "Time that these runs took"},
	{"synshield_cookie_key_timestamp_seconds", METRIC_GAUGE, OF_INTERFACE, "seconds",
	 .get = get_key, .help = "Unix time at which the current cookie key was made"},
	{"process_start_time_seconds", METRIC_GAUGE, OF_PROCESS, "seconds",
	 .get = get_process_start, .help = "Unix time at which the process began"},
	{"process_cpu_seconds", METRIC_COUNTER, OF_PROCESS, "seconds", .get = get_process_cpu,
	 .help = "CPU time of the process, in user and in kernel mode"},
	{"process_resident_memory_bytes", METRIC_GAUGE, OF_PROCESS, "bytes",
	 .get = get_process_memory, .help = "Resident memory of the process"},
};

static void write_interface(struct exposition *e, const struct metric *m, const struct facts *f)
{
	const struct exposition_label labels[EXPOSITION_LABELS] = {INTERFACE(f)};

	if (m->scope == OF_DAEMON && !f->daemon)
		return;
	if (m->get)
		m->get(e, f);
	else
		exposition_count(e, *(const __u64 *)((const char *)f + m->at), labels);
}

static void write_metric(struct exposition *e, const struct metric *m, const struct facts *facts,
			 size_t count, unsigned int flags)
{
	size_t i;

	if (m->scope == OF_PROCESS && !(flags & METRICS_PROCESS))
		return;
	exposition_family(e, m->name, m->type, m->unit, m->help);
	if (m->scope == OF_BUILD || m->scope == OF_PROCESS) {
		m->get(e, NULL);
		return;
	}
	for (i = 0; i < count; i++)
		write_interface(e, m, &facts[i]);
}

int metrics_page(const struct facts *facts, size_t count, unsigned int flags, char **text,
		 size_t *size)
{
	struct exposition e = {.openmetrics = flags & METRICS_OPENMETRICS};
	size_t i;

	e.out = open_memstream(text, size);
	if (!e.out)
		return -ENOMEM;
	for (i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++)
		write_metric(&e, &metrics[i], facts, count, flags);
	exposition_end(&e);
	if (!fclose(e.out))
		return 0;
	free(*text);
	return -ENOMEM;
}
