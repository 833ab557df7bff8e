/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Each of the 256 combinations of TCP flags, with and without data, wherever a
 * segment can come to.  RFC 9293 section 3.10.7 and docs/packets.md, written down
 * again as tables.
 */
#include "harness.h"
#include "live.h"

#define ANY_RATE 0x1000000

/* The first row counts whose flags under the mask are these, and whose data is there or not. */
struct flags_row {
	__u8 mask, flags;
	int data; /* -1: either way */
	int action, reason;
};

#define SA (TCP_SYN | TCP_ACK)

/* Neither SYN, RST nor ACK; SYN with FIN or RST. */
#define MALFORMED                                                                                  \
	{TCP_SYN | TCP_RST | TCP_ACK, 0, -1, DROP(bad_flags)},                                     \
		{TCP_SYN | TCP_FIN, TCP_SYN | TCP_FIN, -1, DROP(bad_flags)},                       \
	{                                                                                          \
		TCP_SYN | TCP_RST, TCP_SYN | TCP_RST, -1, DROP(bad_flags)                          \
	}

/* A RST is never answered; what else belongs to nothing is, at once. */
#define UNKNOWN                                                                                    \
	{TCP_RST, TCP_RST, -1, DROP(unknown_rst)}, {SA, SA, -1, REPLY(unknown_synack)},            \
		{TCP_FIN, TCP_FIN, -1, REPLY(unknown_fin)}, {0, 0, 1, REPLY(unknown_data)},        \
	{                                                                                          \
		0, 0, 0, REPLY(unknown_ack)                                                        \
	}

static const struct flags_row closed_rows[] = {
	MALFORMED,
	{SA, TCP_SYN, -1, REPLY(closed_port)},
	UNKNOWN,
};

static const struct flags_row calm_rows[] = {
	MALFORMED,
	{SA, TCP_SYN, -1, PASS(calm)},
	UNKNOWN,
};

/* Cookies are out: what may be ahead of one has to wait. */
static const struct flags_row cookies_rows[] = {
	MALFORMED,
	{SA, TCP_SYN, -1, REPLY(cookie)},
	{TCP_RST, TCP_RST, -1, DROP(unknown_rst)},
	{SA, SA, -1, REPLY(unknown_synack)},
	{0, 0, -1, DROP(unproven)},
};

/* The kernel has let the connection go. */
static const struct flags_row stale_rows[] = {
	MALFORMED,
	{SA, TCP_SYN, -1, REPLY(cookie)},
	{TCP_RST, TCP_RST, -1, DROP(blind_rst)},
	{0, 0, -1, PASS(tracked)},
};

/* So, and the segment acknowledges what this host sent last. */
static const struct flags_row stale_acked_rows[] = {
	MALFORMED,
	{SA, TCP_SYN, -1, REPLY(cookie)},
	{TCP_RST | TCP_ACK, TCP_RST, -1, DROP(blind_rst)},
	{0, 0, -1, PASS(tracked)},
};

/* The kernel's connection; the segment is the next one. */
static const struct flags_row known_rows[] = {
	MALFORMED,
	{SA, TCP_SYN, -1, PASS(known_tuple)},
	{0, 0, -1, PASS(tracked)},
};

static const struct flags_row off_rows[] = {
	{0, 0, -1, PASS(off)},
};

struct flags_context {
	const char *name;
	const struct flags_row *rows;
	enum synshield_mode mode;
	__u16 port;
	bool tracked, acked, real;
};

static const struct flags_context contexts[] = {
	{"closed port", closed_rows, SYNSHIELD_MODE_ALWAYS, CLOSED_PORT, false, false, false},
	{"closed port, auto", closed_rows, SYNSHIELD_MODE_AUTO, CLOSED_PORT, false, false, false},
	{"listener, auto and calm", calm_rows, SYNSHIELD_MODE_AUTO, PORT, false, false, false},
	{"listener, always", cookies_rows, SYNSHIELD_MODE_ALWAYS, PORT, false, false, false},
	{"tracked, no socket", stale_rows, SYNSHIELD_MODE_ALWAYS, PORT, true, false, false},
	{"tracked, no socket, all acknowledged", stale_acked_rows, SYNSHIELD_MODE_ALWAYS, PORT,
	 true, true, false},
	{"tracked, the kernel's", known_rows, SYNSHIELD_MODE_ALWAYS, PORT, true, true, true},
	{"listener, off", off_rows, SYNSHIELD_MODE_OFF, PORT, false, false, false},
};

static const struct flags_row *row_of(const struct flags_row *r, __u8 flags, bool data)
{
	while ((flags & r->mask) != r->flags || (r->data >= 0 && r->data != data))
		r++;
	return r;
}

static void track_it(const struct flags_context *c, const struct segment *s)
{
	struct synshield_conn conn = {
		.state = SYNSHIELD_CONN_ESTABLISHED,
		.last_seen_jiffies = shield_now(),
		.remote_next = s->seq,
		.local_next = c->acked ? s->ack : s->ack + 1,
	};

	conn_put(s, &conn);
}

static bool run_flags(const struct flags_context *c, const struct live *live, bool ipv6, __u8 flags,
		      bool data)
{
	const struct flags_row *r = row_of(c->rows, flags, data);
	static struct frame f, want;
	static struct outcome o;
	struct segment s;

	segment_begin_apart(&s, ipv6, flags);
	s.target_port = c->port;
	s.ack = 0x10203040;
	if (c->real)
		live_segment(live, flags, &s);
	s.payload = "data";
	s.payload_len = data ? 4 : 0;
	if (c->tracked)
		track_it(c, &s);
	frame_build(&s, &f);
	if (r->action != SYNSHIELD_REPLY || r->reason == SYNSHIELD_REASON_cookie)
		return comes_to(r->action, r->reason, &f, "flags %s, %d bytes", flags_name(flags),
				s.payload_len);
	expect_reset(&s, &want);
	shield_run(&f, &o);
	return is_verdict(&o, r->action, r->reason) && is_answer(&o, &f, &want);
}

static void context_begin(const struct flags_context *c, bool ipv6)
{
	struct segment s;

	shield_reset();
	shield.settings.syn_rate = 100000000;
	shield.settings.reset_rate = shield.settings.reply_rate = ANY_RATE;
	shield_mode(c->mode);
	segment_begin_apart(&s, ipv6, TCP_SYN);
	run_segment(&s);
}

void rows_flags(void)
{
	for (unsigned int i = 0; i < 2 * sizeof(contexts) / sizeof(*contexts); i++) {
		const struct flags_context *c = &contexts[i / 2];
		bool ipv6 = i % 2;
		struct live live;

		context_begin(c, ipv6);
		live_connect(&live, ipv6, net_listener(ipv6), PORT);
		for (int flags = 0; flags < 256; flags++)
			for (int data = 0; data <= 1; data++)
				ok(run_flags(c, &live, ipv6, flags, data), "%s, %s: flags %s%s",
				   family_name(ipv6), c->name, flags_name(flags),
				   data ? " and data" : "");
		live_close(&live);
	}
	shield_reset();
}
