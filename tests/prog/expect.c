/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a row expects, and how it says that it got something else. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"

static const char *const reasons[] = {
#define X(name, text) #name,
	SYNSHIELD_REASONS(X)
#undef X
};
static const char *const actions[] = {"pass",	    "drop",	  "reply",
				      "would_pass", "would_drop", "would_reply"};

static int code_of(int action)
{
	switch (action) {
	case SYNSHIELD_DROP:
		return XDP_DROP;
	case SYNSHIELD_REPLY:
		return XDP_TX;
	default:
		return XDP_PASS;
	}
}

static void note_counted(const struct outcome *o)
{
	const __u64 *count = (const __u64 *)&o->counted;

	note("  returned %d, %u bytes", o->code, o->frame.len);
	for (int i = 0; i < 2 * SYNSHIELD_ACTION_MAX * SYNSHIELD_REASON_MAX; i++)
		if (count[i])
			note("  counted %s.%s: %llu", actions[i / SYNSHIELD_REASON_MAX],
			     reasons[i % SYNSHIELD_REASON_MAX], count[i]);
}

/* What is none of the shield's business in any mode. */
bool is_never_observed(int reason)
{
	switch (reason) {
	case SYNSHIELD_REASON_not_tcp:
	case SYNSHIELD_REASON_fragment:
	case SYNSHIELD_REASON_not_local:
	case SYNSHIELD_REASON_other_station:
	case SYNSHIELD_REASON_off:
		return true;
	default:
		return false;
	}
}

/* The action to expect where the settings are being observed only. */
static int action_now(int action, int reason)
{
	if (!shield_is_observing() || action >= WOULD || is_never_observed(reason))
		return action;
	return action + WOULD;
}

bool is_verdict(const struct outcome *o, int action, int reason)
{
	const __u64 *count = (const __u64 *)&o->counted;
	int want;

	action = action_now(action, reason);
	want = action * SYNSHIELD_REASON_MAX + reason;

	if (o->code != code_of(action))
		return false;
	for (int i = 0; i < 2 * SYNSHIELD_ACTION_MAX * SYNSHIELD_REASON_MAX; i++)
		if (count[i] != (i == want))
			return false;
	return true;
}

static bool is_untouched(const struct outcome *o, const struct frame *f)
{
	return o->code != XDP_PASS ||
	       (o->frame.len == f->len && !memcmp(o->frame.byte, f->byte, f->len));
}

static bool run_as_wanted(int action, int reason, const struct frame *f, struct outcome *o)
{
	shield_run(f, o);
	return is_verdict(o, action, reason) && is_untouched(o, f);
}

static void note_outcome(const struct outcome *o, const struct frame *f)
{
	note_counted(o);
	if (!is_untouched(o, f))
		note("  passed, but changed");
}

static bool run_row(int action, int reason, const struct frame *f, const char *name)
{
	static struct outcome o;
	bool passed = run_as_wanted(action, reason, f, &o);

	if (!ok(passed, "%s: %s.%s", name, actions[action_now(action, reason)], reasons[reason]))
		note_outcome(&o, f);
	return passed;
}

bool comes_to(int action, int reason, const struct frame *f, const char *fmt, ...)
{
	static struct outcome o;
	char name[200];
	va_list args;

	if (run_as_wanted(action, reason, f, &o))
		return true;
	va_start(args, fmt);
	vsnprintf(name, sizeof(name), fmt, args);
	va_end(args);
	note("  %s: not %s.%s", name, actions[action_now(action, reason)], reasons[reason]);
	note_outcome(&o, f);
	return false;
}

bool row(int action, int reason, const struct frame *f, const char *fmt, ...)
{
	char name[200];
	va_list args;

	va_start(args, fmt);
	vsnprintf(name, sizeof(name), fmt, args);
	va_end(args);
	return run_row(action, reason, f, name);
}

bool row_segment(int action, int reason, const struct segment *s, const char *fmt, ...)
{
	static struct frame f;
	char name[200];
	va_list args;

	va_start(args, fmt);
	vsnprintf(name, sizeof(name), fmt, args);
	va_end(args);
	frame_build(s, &f);
	return run_row(action, reason, &f, name);
}

bool is_answer(const struct outcome *o, const struct frame *in, const struct frame *want)
{
	return same_frame(&o->frame, shield_is_observing() ? in : want);
}

bool row_refused(int reason, const struct segment *s, const char *fmt, ...)
{
	static struct frame f, want;
	static struct outcome o;
	bool counted, same;
	char name[200];
	va_list args;

	va_start(args, fmt);
	vsnprintf(name, sizeof(name), fmt, args);
	va_end(args);
	frame_build(s, &f);
	expect_reset(s, &want);
	shield_run(&f, &o);
	counted = is_verdict(&o, SYNSHIELD_REPLY, reason);
	same = counted && is_answer(&o, &f, &want);
	if (!ok(same, "%s: %s: RST, byte for byte", name, reasons[reason]) && !counted)
		note_counted(&o);
	return same;
}

void run_segment(const struct segment *s)
{
	static struct outcome o;
	static struct frame f;

	frame_build(s, &f);
	shield_run(&f, &o);
}

void run_sent(const struct segment *s)
{
	static struct frame f;

	frame_build(s, &f);
	shield_run_out(&f);
}

const char *flags_name(__u8 flags)
{
	static const char letters[] = "FSRPAUEC";
	static char name[9];

	for (int bit = 0; bit < 8; bit++)
		name[7 - bit] = flags & 1 << bit ? letters[bit] : '-';
	return name;
}

const char *family_name(bool ipv6)
{
	return ipv6 ? "IPv6" : "IPv4";
}

void segment_begin(struct segment *s, bool ipv6, __u8 flags)
{
	static const __u8 server[6] = SERVER_MAC, client[6] = CLIENT_MAC;
	static __u16 port = 20000;
	static __u32 seq = 0xfffffff0; /* some wrap round */

	memset(s, 0, sizeof(*s));
	memcpy(s->to, server, 6);
	memcpy(s->from, client, 6);
	s->ipv6 = ipv6;
	net_address(ipv6 ? "2001:db8:2::2" : "192.0.2.2", s->source);
	net_address(ipv6 ? "2001:db8:1::1" : "198.51.100.1", s->target);
	s->hops = 57;
	s->id = 0x1234;
	s->fragment = IPV4_DF;
	s->source_port = port = port == 0xffff ? 1024 : port + 1;
	s->target_port = PORT;
	s->seq = seq += 7;
	s->flags = flags;
	s->window = 64240;
	s->tsval = 0xdeadbe00 + port;
	if (flags & TCP_SYN)
		segment_options(s, "mss 1460 sack ts nop ws 7");
}

void segment_third(const struct segment *syn, const struct agreement *a,
		   const struct oracle_cookie *c, struct segment *ack)
{
	*ack = *syn;
	ack->flags = TCP_ACK;
	ack->tos = 0;
	ack->seq = syn->seq + 1;
	ack->ack = c->isn + 1;
	ack->window = 502;
	ack->payload_len = 0;
	ack->tsval = syn->tsval + 1;
	ack->tsecr = c->tsval;
	segment_options(ack, a->timestamp ? "nop nop ts" : "");
}

static void turn(const struct segment *syn, struct segment *reply)
{
	*reply = *syn;
	memcpy(reply->to, syn->from, 6);
	memcpy(reply->from, syn->to, 6);
	memcpy(reply->source, syn->target, 16);
	memcpy(reply->target, syn->source, 16);
	reply->source_port = syn->target_port;
	reply->target_port = syn->source_port;
	reply->ip_options_len = 0;
	reply->extensions = 0;
	reply->payload_len = 0;
	reply->pad_to = 0;
	reply->tos = 0;
	reply->id = 0;
	reply->fragment = IPV4_DF;
	reply->hops = syn->ipv6 ? shield.host.hop_limit : shield.host.ttl;
}

void segment_begin_apart(struct segment *s, bool ipv6, __u8 flags)
{
	segment_begin(s, ipv6, flags);
	net_address(ipv6 ? "2001:db8:4::4" : "192.0.4.4", s->source);
}

void segment_turn(const struct segment *s, __u8 flags, struct segment *sent)
{
	turn(s, sent);
	sent->flags = flags;
	sent->seq = s->ack;
	sent->ack = s->seq + s->payload_len + !!(s->flags & TCP_SYN) + !!(s->flags & TCP_FIN);
	sent->tsval = s->tsecr;
	sent->tsecr = s->tsval;
}

/* RFC 9293 section 3.10.7.1; the rest as Linux lays it out. */
void expect_reset(const struct segment *s, struct frame *f)
{
	struct segment r;

	turn(s, &r);
	r.window = 0;
	segment_options(&r, NO_OPTIONS);
	if (s->flags & TCP_ACK) {
		r.flags = TCP_RST;
		r.seq = s->ack;
		r.ack = 0;
	} else {
		r.flags = TCP_RST | TCP_ACK;
		r.seq = 0;
		r.ack = s->seq + s->payload_len + !!(s->flags & TCP_SYN) + !!(s->flags & TCP_FIN);
	}
	frame_build(&r, f);
}

/* The order and the padding of Linux: tcp_options_write(). */
static void synack_options(const struct agreement *a, const struct server_side *server,
			   struct segment *s)
{
	char scale[16] = "";

	if (a->wscale != NO_WSCALE)
		snprintf(scale, sizeof(scale), "nop ws %d", server->wscale);
	segment_options(s, "mss %d %s %s", server->mss,
			a->timestamp && a->sack ? "sack ts"
			: a->timestamp		? "nop nop ts"
			: a->sack		? "nop nop sack"
						: "",
			scale);
}

void expect_synack(const struct segment *syn, const struct agreement *a,
		   const struct server_side *server, const struct oracle_cookie *c, struct frame *f)
{
	struct segment s;

	turn(syn, &s);
	s.seq = c->isn;
	s.ack = syn->seq + 1;
	s.flags = TCP_SYN | TCP_ACK | (a->ecn ? TCP_ECE : 0);
	s.window = server->window[a->timestamp];
	s.tsval = c->tsval;
	s.tsecr = syn->tsval;
	synack_options(a, server, &s);
	frame_build(&s, f);
}

void leave_half_open(bool ipv6, __u16 port, int count)
{
	static struct frame f, answer;
	struct segment s;

	for (int i = 0; i < count; i++) {
		segment_begin(&s, ipv6, TCP_SYN);
		s.target_port = port;
		frame_build(&s, &f);
		if (!net_kernel_answer(&f, &answer))
			note("  the kernel did not answer SYN %d", i);
	}
}

static __u16 answered_window(const struct segment *syn, struct server_side *server)
{
	static struct frame f, answer;
	const __u8 *tcp, *at;

	frame_build(syn, &f);
	if (!net_kernel_answer(&f, &answer))
		bail_out("the kernel does not answer a SYN to port %d", syn->target_port);
	tcp = answer.byte + answer.l4;
	for (at = tcp + 20; at < tcp + (tcp[12] >> 4) * 4; at += at[0] < 2 ? 1 : at[1]) {
		if (at[0] == 2)
			server->mss = get16(at + 2);
		else if (at[0] == 3)
			server->wscale = at[2];
	}
	return get16(tcp + 14);
}

void server_side_read(bool ipv6, __u16 port, struct server_side *server)
{
	struct segment syn;

	memset(server, 0, sizeof(*server));
	for (int timestamps = 0; timestamps <= 1; timestamps++) {
		segment_begin(&syn, ipv6, TCP_SYN);
		syn.target_port = port;
		segment_options(&syn, "mss 1460 nop ws 7 %s",
				timestamps ? "nop nop ts" : NO_OPTIONS);
		server->window[timestamps] = answered_window(&syn, server);
	}
}

static void note_frame(const char *what, const struct frame *f)
{
	char text[3 * 160 + 1] = "";

	for (__u32 i = 0; i < f->len && i < 160; i++)
		sprintf(text + strlen(text), "%02x%s", f->byte[i], i == 13 || i == 33 ? "|" : "");
	note("  %s: %s", what, text);
}

bool same_frame(const struct frame *got, const struct frame *want)
{
	if (got->len == want->len && !memcmp(got->byte, want->byte, got->len))
		return true;
	note_frame("got ", got);
	note_frame("want", want);
	return false;
}
