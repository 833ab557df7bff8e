/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The daemon is told of the segments that move a connection's state, and of no other:
 * neither data nor a flood costs it anything.  A trace has every segment it asks for.
 */
#include <bpf/bpf.h>
#include <string.h>

#include "exchange.h"
#include "live.h"
#include "told.h"

#define IN SYNSHIELD_REMOTE
#define OUT SYNSHIELD_LOCAL
#define FIN (TCP_FIN | TCP_ACK)
#define FILLING 40000 /* events, more than there is room for */

static const char payload[100];

/* One event of this kind, of this segment. */
static bool is_told(const struct segment *s, enum synshield_end end, enum synshield_event_kind kind)
{
	static struct told t;

	told_read("events", &t);
	if (t.count == 1 && told_of(&t.event[0], s, end) && t.event[0].kind == kind)
		return true;
	note("  %d events, the first of kind %d, flags %s", t.count, t.event[0].kind,
	     flags_name(t.event[0].flags));
	return false;
}

static void forget_told(void)
{
	static struct told t;

	told_read("events", &t);
}

static bool is_silent(void)
{
	static struct told t;

	told_read("events", &t);
	if (t.count)
		note("  %d events, the first with flags %s", t.count, flags_name(t.event[0].flags));
	return !t.count;
}

struct step {
	const char *name;
	enum synshield_end end;
	__u8 flags;
	int payload;
	bool told;
};

/* A handshake with the kernel, data, and the end. */
static const struct step steps[] = {
	{"SYN", IN, TCP_SYN, 0, true},
	{"SYN-ACK", OUT, TCP_SYN | TCP_ACK, 0, true},
	{"third segment", IN, TCP_ACK, 0, true},
	{"data", IN, TCP_ACK | TCP_PSH, 100, false},
	{"ACK", OUT, TCP_ACK, 0, false},
	{"data", OUT, TCP_ACK | TCP_PSH, 50, false},
	{"ACK", IN, TCP_ACK, 0, false},
	{"FIN with data", IN, FIN, 10, true},
	{"ACK of the FIN", OUT, TCP_ACK, 0, true},
	{"the same once more", OUT, TCP_ACK, 0, false},
	{"data", OUT, TCP_ACK, 100, false},
	{"ACK", IN, TCP_ACK, 0, false},
	{"FIN", OUT, FIN, 0, true},
	{"ACK of the FIN", IN, TCP_ACK, 0, true},
};

static void rows_steps(bool ipv6)
{
	__u32 next[2] = {0, 0xfffffff0};
	struct segment s, sent;

	shield_mode(SYNSHIELD_MODE_AUTO);
	segment_begin(&s, ipv6, TCP_SYN);
	next[IN] = s.seq;
	for (unsigned int i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		const struct step *t = &steps[i];
		struct segment *it;

		s.flags = t->flags;
		segment_turn(&s, t->flags, &sent);
		it = t->end == OUT ? &sent : &s;
		it->seq = next[t->end];
		it->ack = t->flags & TCP_ACK ? next[!t->end] : 0;
		it->payload = payload;
		it->payload_len = t->payload;
		next[t->end] += t->payload + !!(t->flags & (TCP_SYN | TCP_FIN));
		if (t->end == OUT)
			run_sent(it);
		else
			run_segment(it);
		ok(t->told ? is_told(it, t->end, SYNSHIELD_EVENT_SEGMENT) : is_silent(),
		   "%s: %s %s: %s", family_name(ipv6), t->name, t->end == OUT ? "out" : "in",
		   t->told ? "told" : "not told");
		s.payload_len = 0;
	}
	conn_forget(&s);
}

/* Cookies leave nothing until one comes back. */
static void rows_cookie(bool ipv6)
{
	struct segment sent;
	struct exchange e;

	shield_mode(SYNSHIELD_MODE_ALWAYS);
	exchange_begin(&e, ipv6, "mss 1460 sack ts nop ws 7");
	ok(is_silent(), "%s: a SYN that gets a cookie: not told", family_name(ipv6));
	run_segment(&e.ack);
	ok(is_told(&e.ack, IN, SYNSHIELD_EVENT_PROVEN), "%s: its proof: told", family_name(ipv6));
	run_segment(&e.ack);
	ok(is_silent(), "%s: its proof once more: not told", family_name(ipv6));
	segment_turn(&e.ack, TCP_ACK | TCP_PSH, &sent);
	run_sent(&sent);
	forget_told();
	segment_turn(&e.ack, TCP_RST | TCP_ACK, &sent);
	run_sent(&sent);
	ok(is_told(&sent, OUT, SYNSHIELD_EVENT_SEGMENT), "%s: a RST sent: told", family_name(ipv6));
}

static void rows_adopted(bool ipv6)
{
	struct segment s, sent;
	struct live l;

	live_connect(&l, ipv6, net_listener(ipv6), PORT);
	live_segment(&l, TCP_ACK | TCP_PSH, &s);
	s.payload = payload;
	s.payload_len = 30;
	run_segment(&s);
	ok(is_told(&s, IN, SYNSHIELD_EVENT_ADOPTED), "%s: data of a connection not tracked: told",
	   family_name(ipv6));
	run_segment(&s);
	ok(is_silent(), "%s: its next: not told", family_name(ipv6));
	conn_forget(&s);
	segment_turn(&s, TCP_ACK | TCP_PSH, &sent);
	run_sent(&sent);
	ok(is_told(&sent, OUT, SYNSHIELD_EVENT_ADOPTED),
	   "%s: data sent on a connection not tracked: told", family_name(ipv6));
	s.flags = TCP_RST;
	s.payload_len = 0;
	run_segment(&s);
	ok(is_told(&s, IN, SYNSHIELD_EVENT_SEGMENT), "%s: a RST that the kernel heeds: told",
	   family_name(ipv6));
	live_close(&l);
}

/* What is dropped or refused, or comes of nothing. */
static void rows_silent(bool ipv6)
{
	static const __u8 flags[] = {TCP_ACK, FIN, TCP_RST, TCP_SYN | TCP_ACK, TCP_SYN, 0};
	struct synshield_conn c = {.state = SYNSHIELD_CONN_ESTABLISHED, .local_next = 5};
	struct segment s;

	for (unsigned int i = 0; i < sizeof(flags); i++) {
		segment_begin(&s, ipv6, flags[i]);
		s.target_port = CLOSED_PORT;
		run_segment(&s);
		ok(is_silent(), "%s: flags %s to a closed port: not told", family_name(ipv6),
		   flags_name(flags[i]));
	}
	segment_begin(&s, ipv6, TCP_RST);
	conn_put(&s, &c);
	run_segment(&s);
	ok(is_silent(), "%s: a blind RST: not told", family_name(ipv6));
	for (int i = 0; i < 1000; i++) {
		segment_begin(&s, ipv6, i & 1 ? TCP_SYN : TCP_ACK);
		run_segment(&s);
	}
	ok(is_silent(), "%s: a flood of SYNs and ACKs: not told", family_name(ipv6));
}

/* Nobody reads: what is lost is counted, and nothing else changes. */
static void rows_full(void)
{
	static struct frame f;
	static struct told t;
	struct synshield_tracking tracking;
	struct synshield_stats counted;
	struct segment s;
	__u32 zero = 0;

	shield_reset();
	shield.settings.syn_rate = 100000000;
	shield_mode(SYNSHIELD_MODE_AUTO);
	segment_begin(&s, false, TCP_SYN);
	net_address("10.9.0.0", s.source);
	frame_build(&s, &f);
	shield_run_tuples(&f, FILLING, &counted);
	if (bpf_map_lookup_elem(shield_map("tracking"), &zero, &tracking))
		bail_out("map tracking");
	told_read("events", &t);
	note("%d events kept, %llu lost", t.count, tracking.events_lost);
	ok(tracking.events_lost && t.count > 1000 && t.count + tracking.events_lost == FILLING,
	   "%d SYNs that nobody reads of: those without room are counted", FILLING);
	ok(counted.pass.calm + counted.would_pass.calm == FILLING && tracking.made == FILLING,
	   "and each is passed and tracked as ever");
}

/* --- traces --- */

static void trace(const struct synshield_trace *what)
{
	__u32 zero = 0;

	map_put("trace", &zero, what);
}

static int traced(const struct segment *s, enum synshield_end end, int action, int reason)
{
	static struct told t;

	told_read("traces", &t);
	if (t.count == 1 && told_of(&t.event[0], s, end) &&
	    t.event[0].verdict == (__u32)(action << 16 | reason))
		return 1;
	if (t.count)
		note("  %d traced, the first with verdict %08x", t.count, t.event[0].verdict);
	return t.count ? -1 : 0;
}

static void rows_traced(bool ipv6)
{
	struct synshield_trace t = {.until_jiffies = shield_now() + 1000 * shield.host.hz};
	struct segment s, sent;

	shield_mode(SYNSHIELD_MODE_ALWAYS);
	trace(&t);
	segment_begin(&s, ipv6, TCP_SYN);
	run_segment(&s);
	ok(traced(&s, IN, REPLY(cookie)) == 1, "%s: trace: SYN, and what became of it",
	   family_name(ipv6));
	segment_begin(&s, ipv6, TCP_RST);
	run_segment(&s);
	ok(traced(&s, IN, DROP(unknown_rst)) == 1, "%s: trace: RST, and what became of it",
	   family_name(ipv6));
	segment_begin(&s, ipv6, TCP_ACK);
	s.target_port = CLOSED_PORT;
	s.payload = payload;
	s.payload_len = 77;
	run_segment(&s);
	ok(traced(&s, IN, REPLY(unknown_data)) == 1, "%s: trace: data, and what became of it",
	   family_name(ipv6));
	segment_turn(&s, TCP_ACK, &sent);
	run_sent(&sent);
	ok(traced(&sent, OUT, 0, 0) == 1, "%s: trace: what is sent", family_name(ipv6));
	t.until_jiffies = shield_now();
	trace(&t);
	run_segment(&s);
	ok(traced(&s, IN, 0, 0) == 0, "%s: trace: none after its end", family_name(ipv6));
}

/* A filter, and whether it takes the segment of rows_filters(). */
struct filter {
	const char *name;
	const char *remote[2], *local[2]; /* IPv4, IPv6 */
	__u8 remote_bits[2], local_bits[2];
	__u16 remote_port, local_port;
	bool takes;
};

static const struct filter filters[] = {
	{"all", {}, {}, {}, {}, 0, 0, true},
	{"its port", {}, {}, {}, {}, 0, PORT, true},
	{"another port", {}, {}, {}, {}, 0, PORT + 1, false},
	{"the client's port", {}, {}, {}, {}, 777, 0, true},
	{"another port of the client's", {}, {}, {}, {}, 778, 0, false},
	{"the client", {"192.0.2.2", "2001:db8:2::2"}, {}, {128, 128}, {}, 0, 0, true},
	{"another client", {"192.0.2.3", "2001:db8:2::3"}, {}, {128, 128}, {}, 0, 0, false},
	{"its prefix", {"192.0.2.77", "2001:db8:2::77"}, {}, {96 + 24, 64}, {}, 0, 0, true},
	{"another", {"192.0.3.2", "2001:db8:2:1::2"}, {}, {96 + 24, 64}, {}, 0, 0, false},
	{"this address", {}, {"198.51.100.1", "2001:db8:1::1"}, {}, {128, 128}, 777, PORT, true},
	{"another address", {}, {"198.51.100.2", "2001:db8:1::2"}, {}, {128, 128}, 0, 0, false},
};

static void rows_filters(bool ipv6)
{
	struct segment s;

	for (unsigned int i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
		const struct filter *f = &filters[i];
		struct synshield_trace t = {
			.until_jiffies = shield_now() + 1000 * shield.host.hz,
			.remote_bits = f->remote_bits[ipv6],
			.local_bits = f->local_bits[ipv6],
			.remote_port = f->remote_port,
			.local_port = f->local_port,
		};

		if (f->remote[ipv6])
			net_address(f->remote[ipv6], t.remote);
		if (f->local[ipv6])
			net_address(f->local[ipv6], t.local);
		trace(&t);
		segment_begin(&s, ipv6, TCP_SYN);
		s.source_port = 777;
		run_segment(&s);
		ok(traced(&s, IN, REPLY(cookie)) == f->takes, "%s: trace of %s: %s",
		   family_name(ipv6), f->name, f->takes ? "taken" : "not taken");
	}
	trace(&(struct synshield_trace){});
	forget_told();
}

void rows_event(void)
{
	forget_told();
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		shield_reset();
		rows_steps(ipv6);
		rows_cookie(ipv6);
		rows_adopted(ipv6);
		rows_silent(ipv6);
		rows_traced(ipv6);
		rows_filters(ipv6);
	}
	rows_full();
	shield_reset();
}
