/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A RST counts if the kernel would heed or challenge it (RFC 5961 section 3).  The
 * windows are asked of the sockets themselves.
 */
#include <unistd.h>

#include "exchange.h"
#include "live.h"

struct rst_row {
	const char *name;
	__u32 seq;
	bool passes, closes;
};

static void rst_row(const struct segment *s, const struct rst_row *r, const char *what)
{
	struct segment rst = *s;
	struct synshield_conn c;

	for (int ack = 0; ack <= 1; ack++) {
		rst.flags = TCP_RST | (ack ? TCP_ACK : 0);
		rst.seq = r->seq;
		if (r->passes)
			row_segment(PASS(tracked), &rst, "%s: %s: %s%s", family_name(s->ipv6), what,
				    r->name, ack ? ", ACK" : "");
		else
			row_segment(DROP(blind_rst), &rst, "%s: %s: %s%s", family_name(s->ipv6),
				    what, r->name, ack ? ", ACK" : "");
		ok(conn_get(s, &c) && c.remote.rst == r->closes, "%s: %s: %s%s: the connection %s",
		   family_name(s->ipv6), what, r->name, ack ? ", ACK" : "",
		   r->closes ? "is over" : "goes on");
		c.remote.rst = 0;
		conn_put(s, &c);
	}
}

static void rows_window(const struct segment *s, const struct live_window *w, const char *what)
{
	__u32 first = (__s32)(w->rcv_wup - (w->rcv_nxt - 1)) < 0 ? w->rcv_wup : w->rcv_nxt - 1;
	const struct rst_row rows[] = {
		{"the next sequence number", w->rcv_nxt, true, true},
		{"the first of the window", first, true, first == w->rcv_nxt},
		{"one before the window", first - 1, false, false},
		{"one after the next", w->rcv_nxt + 1, true, false},
		{"the end of the window", w->rcv_nxt + w->rcv_wnd, true, false},
		{"one past the window", w->rcv_nxt + w->rcv_wnd + 1, false, false},
		{"2 GB ahead", w->rcv_nxt + 0x80000000, false, false},
		{"1 GB behind", w->rcv_nxt - 0x40000000, false, false},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		rst_row(s, &rows[i], what);
}

static void tracked(const struct segment *s, enum synshield_conn_state state)
{
	struct synshield_conn c = {
		.state = state,
		.last_seen_jiffies = shield_now(),
		.remote_next = s->seq + 0x20000000, /* the shield may have missed a lot */
		.local_next = s->ack + 77,
	};

	conn_put(s, &c);
}

static void rows_established(bool ipv6)
{
	struct live_window w;
	struct segment s;
	struct live l;

	live_connect(&l, ipv6, net_listener(ipv6), PORT);
	for (int mode = SYNSHIELD_MODE_AUTO; mode <= SYNSHIELD_MODE_ALWAYS; mode++) {
		shield_mode(mode);
		live_segment(&l, TCP_RST, &s);
		live_window(&l, &w);
		tracked(&s, SYNSHIELD_CONN_ESTABLISHED);
		rows_window(&s, &w, "established");
	}
	if (write(l.client, "0123456789", 10) != 10)
		bail_out("writing through lo");
	live_segment(&l, TCP_RST, &s);
	live_window(&l, &w);
	tracked(&s, SYNSHIELD_CONN_ESTABLISHED);
	rows_window(&s, &w, "data received");
	conn_forget(&s);
	live_close(&l);
}

/* Not tracked yet, but the kernel's. */
static void rows_adopted(bool ipv6)
{
	struct synshield_conn c;
	struct live_window w;
	struct segment s;
	struct live l;

	live_connect(&l, ipv6, net_listener(ipv6), PORT);
	live_window(&l, &w);
	live_segment(&l, TCP_RST, &s);
	s.seq = w.rcv_nxt + w.rcv_wnd + 1;
	row_segment(DROP(blind_rst), &s, "%s: not tracked, past the window", family_name(ipv6));
	ok(!conn_get(&s, &c), "%s: and it stays so", family_name(ipv6));
	s.seq = w.rcv_nxt + 1;
	row_segment(PASS(adopted), &s, "%s: not tracked, in the window", family_name(ipv6));
	ok(!conn_get(&s, &c), "%s: the kernel will challenge it: a RST begins no entry",
	   family_name(ipv6));
	s.seq = w.rcv_nxt;
	row_segment(PASS(adopted), &s, "%s: not tracked, exact", family_name(ipv6));
	ok(!conn_get(&s, &c), "%s: nor does one that the kernel will heed", family_name(ipv6));
	live_close(&l);
}

/* A connection that this host opens: refused by a RST that acknowledges its SYN. */
static void rows_syn_sent(bool ipv6)
{
	struct synshield_conn c = {.state = SYNSHIELD_CONN_SYN_SENT, .local.syn = 1};
	int fd = net_dial_nobody(ipv6, 7);
	struct segment s;

	segment_begin(&s, ipv6, TCP_RST | TCP_ACK);
	s.source_port = 7;
	s.target_port = net_local_port(fd);
	s.ack = live_sent(fd);
	c.local_next = s.ack;
	conn_put(&s, &c);
	s.ack--;
	row_segment(DROP(blind_rst), &s, "%s: SYN sent, RST that acknowledges nothing",
		    family_name(ipv6));
	s.ack += 2;
	row_segment(DROP(blind_rst), &s, "%s: SYN sent, RST that acknowledges too much",
		    family_name(ipv6));
	s.ack--;
	s.flags = TCP_RST;
	row_segment(DROP(blind_rst), &s, "%s: SYN sent, RST without ACK", family_name(ipv6));
	s.flags = TCP_RST | TCP_ACK;
	row_segment(PASS(tracked), &s, "%s: SYN sent, RST that acknowledges the SYN",
		    family_name(ipv6));
	ok(conn_get(&s, &c) && c.remote.rst, "%s: and that is the end of it", family_name(ipv6));
	conn_forget(&s);
	close(fd);
}

/* A request of the kernel's own: its window begins where the SYN ended. */
static void rows_syn_received(bool ipv6)
{
	struct synshield_conn c = {.state = SYNSHIELD_CONN_SYN_RECEIVED, .remote.syn = 1};
	static struct frame f, answer;
	struct segment s;
	__u32 window;

	segment_begin(&s, ipv6, TCP_SYN);
	frame_build(&s, &f);
	if (!net_kernel_answer(&f, &answer))
		bail_out("the kernel does not answer");
	window = get16(answer.byte + answer.l4 + 14);
	s.seq++;
	c.remote_next = s.seq;
	conn_put(&s, &c);
	{
		const struct rst_row rows[] = {
			{"the next sequence number", s.seq, true, true},
			{"one before", s.seq - 1, false, false},
			{"in the window", s.seq + 1000, true, false},
			{"the end of the window", s.seq + window, true, false},
			{"one past the window", s.seq + window + 1, false, false},
		};

		for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++)
			rst_row(&s, &rows[i], "half-open");
	}
	conn_forget(&s);
}

/* The cookie is proven, and TC has not made a socket of it yet. */
static void rows_proven(bool ipv6)
{
	struct exchange e;

	exchange_begin(&e, ipv6, "mss 1460 sack ts nop ws 7");
	row_segment(PASS(cookie_ok), &e.ack, "%s: proven", family_name(ipv6));
	{
		struct segment s = e.ack;
		const struct rst_row rows[] = {
			{"the next sequence number", s.seq, true, true},
			{"within 64 KB", s.seq + 65535, true, true},
			{"64 KB ahead", s.seq + 65536, false, false},
			{"one before", s.seq - 1, false, false},
		};

		s.ack = 0x1111;
		for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++)
			rst_row(&s, &rows[i], "proven, no socket yet");
	}
}

/* The kernel has no socket, or only the listener: what counts is what this host sent last. */
static void rows_none(bool ipv6, __u16 port, const char *what)
{
	struct synshield_conn c = {.state = SYNSHIELD_CONN_ESTABLISHED};
	struct segment s;

	segment_begin(&s, ipv6, TCP_RST | TCP_ACK);
	s.target_port = port;
	s.ack = 0x01020304;
	c.remote_next = s.seq;
	c.local_next = s.ack + 1;
	conn_put(&s, &c);
	row_segment(DROP(blind_rst), &s, "%s: %s, acknowledges something else", family_name(ipv6),
		    what);
	c.local_next = s.ack;
	conn_put(&s, &c);
	s.flags = TCP_RST;
	row_segment(DROP(blind_rst), &s, "%s: %s, without ACK", family_name(ipv6), what);
	s.flags = TCP_RST | TCP_ACK;
	row_segment(PASS(tracked), &s, "%s: %s, acknowledges what was sent last", family_name(ipv6),
		    what);
	c.local_next = 0;
	s.ack = 0;
	conn_put(&s, &c);
	row_segment(DROP(blind_rst), &s, "%s: %s, nothing was seen sent", family_name(ipv6), what);
	shield.host.flags |= SYNSHIELD_HOST_OTHER_CONNS;
	shield_configure(true);
	row_segment(PASS(tracked), &s, "%s: %s, others may take it", family_name(ipv6), what);
	shield_reset();
}

static void rows_modes(bool ipv6)
{
	struct synshield_conn c = {.state = SYNSHIELD_CONN_ESTABLISHED};
	struct segment s;

	segment_begin(&s, ipv6, TCP_RST);
	conn_put(&s, &c);
	shield_mode(SYNSHIELD_MODE_OFF);
	row_segment(PASS(off), &s, "%s: mode off", family_name(ipv6));
	shield_mode(SYNSHIELD_MODE_AUTO);
	row_segment(DROP(blind_rst), &s, "%s: mode auto", family_name(ipv6));
	shield_policy(PORT, &(struct synshield_policy){.mode = SYNSHIELD_MODE_OFF});
	row_segment(PASS(off), &s, "%s: port's mode off", family_name(ipv6));
	shield_reset();
}

void rows_rst(void)
{
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		shield_reset();
		rows_established(ipv6);
		rows_adopted(ipv6);
		rows_syn_sent(ipv6);
		rows_syn_received(ipv6);
		rows_proven(ipv6);
		rows_none(ipv6, PORT, "no socket but the listener's");
		rows_none(ipv6, CLOSED_PORT, "no socket at all");
		rows_modes(ipv6);
	}
	shield_reset();
}
