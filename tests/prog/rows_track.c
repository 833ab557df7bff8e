/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What `conns` says of a connection after each segment that comes in or goes out. */
#include <string.h>
#include <unistd.h>

#include "exchange.h"
#include "live.h"

/* All that a row fixes; the rest is time. */
struct seen {
	enum synshield_conn_state state;
	const char *remote, *local; /* S: has sent a SYN that opens; A: acknowledged the other's */
	__u32 remote_next, local_next, remote_segments, local_segments;
};

static const char *letters(const struct synshield_sent *sent)
{
	return sent->syn ? sent->syn_acked ? "SA" : "S" : sent->syn_acked ? "A" : "";
}

static void note_seen(const char *what, const struct seen *seen)
{
	note("  %s: state %d, '%s' '%s', next %08x %08x, segments %u %u", what, seen->state,
	     seen->remote, seen->local, seen->remote_next, seen->local_next, seen->remote_segments,
	     seen->local_segments);
}

static bool has(const struct segment *s, const struct seen *want)
{
	struct synshield_conn c;
	struct seen got;

	if (!conn_get(s, &c)) {
		note("  not tracked");
		return false;
	}
	got = (struct seen){c.state,	  letters(&c.remote), letters(&c.local), c.remote_next,
			    c.local_next, c.remote_segments,  c.local_segments};
	if (got.state == want->state && !strcmp(got.remote, want->remote) &&
	    !strcmp(got.local, want->local) && got.remote_next == want->remote_next &&
	    got.local_next == want->local_next && got.remote_segments == want->remote_segments &&
	    got.local_segments == want->local_segments)
		return true;
	note_seen("got ", &got);
	note_seen("want", want);
	return false;
}

/* Left to the kernel, whose SYN-ACK and third segment follow. */
static void rows_served(bool ipv6)
{
	struct segment syn, synack, s, sent;
	__u32 isn = 0x40000000, theirs;

	shield_mode(SYNSHIELD_MODE_AUTO);
	segment_begin(&syn, ipv6, TCP_SYN);
	theirs = syn.seq;
	syn.ack = isn;
	row_segment(PASS(calm), &syn, "%s: a client's SYN", family_name(ipv6));
	ok(has(&syn, &(struct seen){SYNSHIELD_CONN_SYN_RECEIVED, "S", "", theirs + 1, 0, 1, 0}),
	   "%s: SYN received", family_name(ipv6));
	segment_turn(&syn, TCP_SYN | TCP_ACK, &synack);
	for (__u32 i = 1; i <= 2; i++) {
		run_sent(&synack);
		ok(has(&syn, &(struct seen){SYNSHIELD_CONN_SYN_RECEIVED, "S", "A", theirs + 1,
					    isn + 1, 1, i}),
		   "%s: SYN-ACK sent, time %u", family_name(ipv6), i);
	}
	segment_turn(&synack, TCP_ACK, &s);
	s.ack--;
	row_segment(PASS(tracked), &s, "%s: an ACK of something else", family_name(ipv6));
	ok(has(&syn,
	       &(struct seen){SYNSHIELD_CONN_SYN_RECEIVED, "S", "A", theirs + 1, isn + 1, 2, 2}),
	   "%s: completes nothing", family_name(ipv6));
	s.ack++;
	s.payload = "GET / HTTP/1.0";
	s.payload_len = 14;
	row_segment(PASS(tracked), &s, "%s: the third segment, with data", family_name(ipv6));
	ok(has(&syn,
	       &(struct seen){SYNSHIELD_CONN_ESTABLISHED, "SA", "A", theirs + 15, isn + 1, 3, 2}),
	   "%s: established", family_name(ipv6));
	segment_turn(&s, TCP_ACK | TCP_PSH, &sent);
	sent.payload_len = 10;
	run_sent(&sent);
	ok(has(&syn,
	       &(struct seen){SYNSHIELD_CONN_ESTABLISHED, "SA", "A", theirs + 15, isn + 11, 3, 3}),
	   "%s: data sent", family_name(ipv6));
}

/* Opened by this host. */
static void rows_opened(bool ipv6)
{
	struct segment s, syn, ack;
	__u32 ours = 0xfffffff8, theirs = 0x70000000;

	segment_begin(&s, ipv6, TCP_SYN | TCP_ACK);
	s.source_port = 443;
	s.target_port = 50000;
	s.seq = theirs;
	s.ack = ours + 1;
	segment_turn(&s, TCP_SYN, &syn);
	syn.seq = ours;
	for (__u32 i = 1; i <= 2; i++) {
		run_sent(&syn);
		ok(has(&s, &(struct seen){SYNSHIELD_CONN_SYN_SENT, "", "S", 0, ours + 1, 0, i}),
		   "%s: SYN sent, time %u", family_name(ipv6), i);
	}
	s.ack++;
	row_segment(PASS(tracked), &s, "%s: a SYN-ACK of something else", family_name(ipv6));
	ok(has(&s, &(struct seen){SYNSHIELD_CONN_SYN_SENT, "", "S", 0, ours + 1, 1, 2}),
	   "%s: says nothing", family_name(ipv6));
	s.ack--;
	row_segment(PASS(tracked), &s, "%s: the SYN-ACK", family_name(ipv6));
	ok(has(&s, &(struct seen){SYNSHIELD_CONN_SYN_SENT, "A", "S", theirs + 1, ours + 1, 2, 2}),
	   "%s: the SYN was acknowledged", family_name(ipv6));
	segment_turn(&s, TCP_ACK, &ack);
	run_sent(&ack);
	ok(has(&s,
	       &(struct seen){SYNSHIELD_CONN_ESTABLISHED, "A", "SA", theirs + 1, ours + 1, 2, 3}),
	   "%s: the third segment sent: established", family_name(ipv6));
	row_segment(PASS(tracked), &s, "%s: the SYN-ACK once more", family_name(ipv6));
	syn.seq += 0x10000000;
	run_sent(&syn);
	ok(has(&s, &(struct seen){SYNSHIELD_CONN_SYN_SENT, "", "S", 0, syn.seq + 1, 0, 1}),
	   "%s: another SYN sent from the same port: a new connection", family_name(ipv6));
}

/* Both ends send a SYN (RFC 9293 section 3.5, figure 7). */
static void rows_simultaneous_open(bool ipv6)
{
	struct segment s, syn, synack;
	__u32 ours, theirs;
	int fd;

	fd = net_dial_nobody(ipv6, 443);
	segment_begin(&s, ipv6, TCP_SYN);
	theirs = s.seq;
	ours = live_sent(fd) - 1;
	s.source_port = 443;
	s.target_port = net_local_port(fd);
	segment_turn(&s, TCP_SYN, &syn);
	syn.seq = ours;
	run_sent(&syn);
	row_segment(PASS(known_tuple), &s, "%s: SYNs cross", family_name(ipv6));
	ok(has(&s, &(struct seen){SYNSHIELD_CONN_SYN_SENT, "S", "S", theirs + 1, ours + 1, 0, 1}),
	   "%s: both SYNs were seen", family_name(ipv6));
	segment_turn(&s, TCP_SYN | TCP_ACK, &synack);
	synack.seq = ours;
	run_sent(&synack);
	s.flags = TCP_SYN | TCP_ACK;
	s.ack = ours + 1;
	row_segment(PASS(tracked), &s, "%s: SYN-ACKs cross", family_name(ipv6));
	segment_turn(&s, TCP_ACK, &synack);
	run_sent(&synack);
	ok(conn_is(&s, SYNSHIELD_CONN_ESTABLISHED), "%s: established", family_name(ipv6));
	conn_forget(&s);
	close(fd);
}

/* Cookie connections: the cookie speaks for the SYN; the kernel sends once it has the socket. */
static void rows_proven(bool ipv6)
{
	struct segment sent, rst;
	struct exchange e;

	shield_mode(SYNSHIELD_MODE_ALWAYS);
	exchange_begin(&e, ipv6, "mss 1460 sack ts nop ws 7");
	e.ack.payload = "GET";
	e.ack.payload_len = 3;
	row_segment(PASS(cookie_ok), &e.ack, "%s: a cookie comes back", family_name(ipv6));
	ok(has(&e.ack,
	       &(struct seen){SYNSHIELD_CONN_PROVEN, "S", "", e.ack.seq + 3, e.ack.ack, 1, 0}),
	   "%s: proven", family_name(ipv6));
	segment_turn(&e.ack, TCP_RST, &rst);
	run_sent(&rst);
	ok(conn_is(&e.ack, SYNSHIELD_CONN_PROVEN), "%s: a RST sent: there is no socket yet",
	   family_name(ipv6));
	segment_turn(&e.ack, TCP_ACK | TCP_PSH, &sent);
	sent.payload_len = 2;
	run_sent(&sent);
	ok(has(&e.ack, &(struct seen){SYNSHIELD_CONN_ESTABLISHED, "S", "", e.ack.seq + 3,
				      e.ack.ack + 2, 1, 1}),
	   "%s: data sent: established", family_name(ipv6));
}

static void sent_is_tracked(const struct segment *sent, const struct segment *s, bool tracked,
			    const char *name)
{
	struct synshield_conn c;

	run_sent(sent);
	ok(conn_get(s, &c) == tracked, "%s: %s: %s", family_name(s->ipv6), name,
	   tracked ? "tracked" : "not tracked");
	conn_forget(s);
}

/* What is sent without an entry has a socket; but not everything is the shield's business. */
static void rows_adopted(bool ipv6)
{
	struct segment s, sent;

	segment_begin(&s, ipv6, TCP_ACK);
	s.ack = 0x1000;
	segment_turn(&s, TCP_ACK | TCP_PSH, &sent);
	sent.payload = "0123456789";
	sent.payload_len = 10;
	run_sent(&sent);
	ok(has(&s, &(struct seen){SYNSHIELD_CONN_ESTABLISHED, "", "", s.seq, 0x100a, 0, 1}),
	   "%s: data sent without an entry: tracked", family_name(ipv6));
	conn_forget(&s);
	sent.flags = TCP_ACK | TCP_FIN;
	sent_is_tracked(&sent, &s, true, "FIN sent without an entry");
	sent.flags = TCP_RST | TCP_ACK;
	sent_is_tracked(&sent, &s, false, "RST sent without an entry");
	sent.flags = TCP_RST;
	sent_is_tracked(&sent, &s, false, "RST sent without an entry");
	sent.flags = TCP_SYN | TCP_ACK;
	sent_is_tracked(&sent, &s, false, "SYN-ACK sent without an entry");
	sent.flags = TCP_ACK;
	shield_mode(SYNSHIELD_MODE_OFF);
	sent_is_tracked(&sent, &s, false, "data sent, mode off");
	shield_mode(SYNSHIELD_MODE_ALWAYS);
	shield_policy(PORT, &(struct synshield_policy){.mode = SYNSHIELD_MODE_OFF});
	sent_is_tracked(&sent, &s, false, "data sent, port's mode off");
	shield_policy(PORT, &(struct synshield_policy){});
	list_put(ipv6 ? "2001:db8:2::" : "192.0.2.0", ipv6 ? 64 : 24, SYNSHIELD_LIST_DENY);
	shield.settings.listed = 1;
	shield_configure(true);
	sent_is_tracked(&sent, &s, false, "data sent to who is denied");
	shield.settings.listed = 0;
	shield_configure(true);
	net_address(ipv6 ? "2001:db8:1::3" : "198.51.100.3", sent.source);
	net_address(ipv6 ? "2001:db8:1::3" : "198.51.100.3", s.target);
	sent_is_tracked(&sent, &s, false, "data forwarded for another host");
}

static const char payload[300];

/* Sequence numbers that come round, are repeated, or are made up. */
static void rows_next(bool ipv6)
{
	static const struct {
		const char *name;
		__u32 at, next; /* from 0xffffff00: where the segment begins, what comes next */
		int len;
	} rows[] = {
		{"in order", 0, 100, 100},
		{"comes round", 100, 400, 300},
		{"repeated", 100, 400, 300},
		{"repeated in part", 300, 500, 200},
		{"an old one", 0, 500, 1},
		{"a keepalive", 499, 500, 0},
		{"ahead", 600, 700, 100},
		{"as far ahead as is believed", 700 + (1 << 24) - 50, 700 + (1 << 24), 50},
		{"further", 700 + (1 << 24) + (1 << 24), 700 + (1 << 24), 50},
		{"2 GB ahead", 0x80000000, 700 + (1 << 24), 50},
	};
	struct synshield_conn c = {.state = SYNSHIELD_CONN_ESTABLISHED};
	struct segment s, sent;
	__u32 start = 0xffffff00;

	for (int out = 0; out <= 1; out++) {
		segment_begin(&s, ipv6, TCP_ACK);
		c.remote_next = c.local_next = start;
		c.remote_segments = c.local_segments = 7;
		conn_put(&s, &c);
		for (__u32 i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
			struct seen want = {SYNSHIELD_CONN_ESTABLISHED, "", "", start, start, 7, 7};

			s.payload = payload;
			segment_turn(&s, TCP_ACK, &sent);
			sent.seq = s.seq = start + rows[i].at;
			sent.payload_len = s.payload_len = 0;
			(out ? &sent : &s)->payload_len = rows[i].len;
			out ? run_sent(&sent) : run_segment(&s);
			*(out ? &want.local_next : &want.remote_next) = start + rows[i].next;
			*(out ? &want.local_segments : &want.remote_segments) = 8 + i;
			ok(has(&s, &want), "%s: %s: %s", family_name(ipv6), out ? "out" : "in",
			   rows[i].name);
		}
	}
}

/* A SYN on a tuple of before: the kernel decides, and what it says counts. */
static void rows_reused(bool ipv6)
{
	struct segment syn, synack;
	struct live l;

	shield_mode(SYNSHIELD_MODE_ALWAYS);
	live_connect(&l, ipv6, net_listener(ipv6), PORT);
	live_segment(&l, TCP_SYN, &syn);
	shield_configure(false);
	row_segment(PASS(known_tuple), &syn, "%s: SYN on a tuple that the kernel holds",
		    family_name(ipv6));
	ok(conn_is(&syn, SYNSHIELD_CONN_ESTABLISHED), "%s: tracked", family_name(ipv6));
	segment_turn(&syn, TCP_SYN | TCP_ACK, &synack);
	synack.seq = 0x5000;
	run_sent(&synack);
	ok(has(&syn,
	       &(struct seen){SYNSHIELD_CONN_SYN_RECEIVED, "S", "A", syn.seq + 1, 0x5001, 1, 1}),
	   "%s: the kernel answered: a new connection", family_name(ipv6));
	live_close(&l);
}

void rows_track(void)
{
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		shield_reset();
		rows_served(ipv6);
		rows_opened(ipv6);
		rows_simultaneous_open(ipv6);
		rows_proven(ipv6);
		shield_reset();
		rows_adopted(ipv6);
		shield_reset();
		rows_next(ipv6);
		rows_reused(ipv6);
	}
	shield_reset();
}
