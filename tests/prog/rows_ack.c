/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The handshake's third segment and what follows it, while cookies are out. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exchange.h"
#include "live.h"

/* The ACK proves the connection, TC is told everything, and what follows is tracked. */
static void proves(struct exchange *e, const char *name)
{
	static struct outcome o;
	static struct frame f;
	struct synshield_listener before, after;
	bool told;

	listener_get(&e->ack, &before);
	frame_build(&e->ack, &f);
	shield_run(&f, &o);
	told = exchange_is_told(&o, e);
	ok(is_verdict(&o, PASS(cookie_ok)) && told && same_frame(&o.frame, &f),
	   "%s: %s: cookie_ok, decoded for TC", family_name(e->ack.ipv6), name);
	listener_get(&e->ack, &after);
	ok(conn_is(&e->ack, SYNSHIELD_CONN_PROVEN) && after.window_acks == before.window_acks + 1,
	   "%s: %s: tracked as proven, counted as completed", family_name(e->ack.ipv6), name);
	conn_forget(&e->ack);
}

static void rows_good(bool ipv6)
{
	static const char *const options[] = {
		"mss 1460 sack ts nop ws 7",
		"mss 1460 nop nop ts",
		"mss 1400 nop ws 0 nop nop ts",
		"mss 16383 sack ts nop ws 14",
		"mss 1460 nop nop sack nop ws 7",
		"mss 1460 nop ws 8 nop nop sack",
		"mss 1460",
		NO_OPTIONS,
		"mss 1300 nop ws 0",
		"mss 9000 nop ws 14",
		"mss 1452 nop ws 5 nop nop sack",
		"nop nop ts",
	};
	struct exchange e;

	for (unsigned int i = 0; i < sizeof(options) / sizeof(*options); i++) {
		exchange_begin(&e, ipv6, options[i]);
		proves(&e, options[i]);
	}
	for (int shift = 0; shift <= 14; shift++) {
		char text[64];

		for (int timestamps = 0; timestamps <= 1; timestamps++) {
			snprintf(text, sizeof(text), "mss 1460 %s nop ws %d",
				 timestamps ? "sack ts" : "nop nop sack", shift);
			exchange_begin(&e, ipv6, text);
			proves(&e, text);
		}
	}
}

static void rows_variants(bool ipv6)
{
	struct exchange e;

	exchange_begin(&e, ipv6, "mss 1460 sack ts nop ws 7");
	e.ack.payload = "GET / HTTP/1.0\r\n\r\n";
	e.ack.payload_len = 18;
	proves(&e, "data with the ACK");
	e.ack.flags |= TCP_PSH;
	proves(&e, "data and PSH");
	e.ack.flags |= TCP_FIN;
	proves(&e, "data and FIN");
	e.ack.payload_len = 0;
	proves(&e, "FIN with the ACK");
	e.ack.flags = TCP_ACK | TCP_URG;
	proves(&e, "URG");
	e.ack.flags = TCP_ACK | TCP_ECE | TCP_CWR;
	proves(&e, "ECE and CWR");
	e.ack.flags = TCP_ACK;
	e.ack.tsval += 100000;
	proves(&e, "a later TSval");
	e.ack.window = 0;
	proves(&e, "window 0");
	segment_options(&e.ack, "ts nop nop");
	proves(&e, "timestamps in front of their padding");
	segment_options(&e.ack, "unknown 6 ts");
	proves(&e, "timestamps among unknown options");
	e.ack.vlans = 1;
	e.ack.vlan[0] = (struct vlan_tag){0x8100, 7};
	proves(&e, "VLAN tag");
	exchange_begin(&e, ipv6, "mss 1460");
	e.ack.pad_to = 60 + 20 * ipv6;
	proves(&e, "Ethernet padding");
}

static void rows_ecn(bool ipv6)
{
	struct exchange e;

	segment_begin(&e.syn, ipv6, TCP_SYN | TCP_ECE | TCP_CWR);
	exchange_work_out(&e);
	e.ack.flags = TCP_ACK;
	proves(&e, "ECN agreed to");
}

static void rows_wrong_flags(bool ipv6)
{
	struct exchange e;

	exchange_begin(&e, ipv6, "mss 1460 sack ts nop ws 7");
	e.ack.flags = TCP_SYN | TCP_ACK;
	row_refused(SYNSHIELD_REASON_unknown_synack, &e.ack, "%s: good cookie on a SYN,ACK",
		    family_name(ipv6));
	e.ack.flags = TCP_RST | TCP_ACK;
	row_segment(DROP(unknown_rst), &e.ack, "%s: good cookie on a RST,ACK", family_name(ipv6));
	e.ack.flags = TCP_RST;
	row_segment(DROP(unknown_rst), &e.ack, "%s: good cookie on a RST", family_name(ipv6));
	e.ack.flags = TCP_FIN;
	row_segment(DROP(bad_flags), &e.ack, "%s: good cookie on a FIN", family_name(ipv6));
	e.ack.flags = TCP_ACK;
	segment_options(&e.ack, NO_OPTIONS);
	row_segment(DROP(unproven), &e.ack, "%s: good cookie, but no timestamps",
		    family_name(ipv6));
	segment_options(&e.ack, "raw 8 raw 0 nop nop");
	row_segment(DROP(unproven), &e.ack, "%s: good cookie, options that overrun",
		    family_name(ipv6));
	exchange_begin(&e, ipv6, "mss 1460");
	segment_options(&e.ack, "nop nop ts");
	row_segment(DROP(unproven), &e.ack, "%s: good cookie, but timestamps", family_name(ipv6));
}

static void rows_epochs(bool ipv6)
{
	static const char *const options[] = {"mss 1460 sack ts nop ws 7", "mss 1460 nop ws 7"};
	struct exchange e;

	for (int i = 0; i < 2; i++) {
		shield_reset();
		exchange_begin(&e, ipv6, options[i]);
		for (int age = 1; age <= 9; age++) {
			shield_next_epoch();
			budgets_refill();
			if (age == 1)
				proves(&e, "cookie of the previous epoch");
			else
				row_segment(DROP(unproven), &e.ack,
					    "%s: cookie of %d epochs ago, \"%s\"",
					    family_name(ipv6), age, options[i]);
		}
	}
	shield_reset();
}

/* Before the first epoch there was none: nobody made its key. */
static void rows_first_epoch(bool ipv6)
{
	static const __u64 no_key[2];
	struct exchange e;

	for (int timestamps = 0; timestamps <= 1; timestamps++) {
		memset(&shield.keys, 0, sizeof(shield.keys));
		shield_next_epoch();
		exchange_begin(&e, ipv6, timestamps ? "mss 1460 sack ts" : "mss 1460");
		proves(&e, "cookie of the first epoch");
		oracle_make(&e.syn, &e.agreed, no_key, 0, &e.cookie);
		segment_third(&e.syn, &e.agreed, &e.cookie, &e.ack);
		row_segment(DROP(unproven), &e.ack, "%s: forged for epoch 0, whose key is zero%s",
			    family_name(ipv6), timestamps ? "" : ", no timestamps");
		conn_forget(&e.ack);
	}
	shield_reset();
}

/* As what nobody knows, or as martian. */
static bool is_refused(const struct outcome *o)
{
	return is_verdict(o, DROP(unproven)) || is_verdict(o, REPLY(unknown_ack)) ||
	       is_verdict(o, DROP(martian));
}

/* How many of the good ACK's copies with one bit flipped are taken. */
static int flip_field(const struct frame *good, __u32 at, int len)
{
	static struct outcome o;
	static struct frame f;
	int accepted = 0;

	for (int bit = 0; bit < len * 8; bit++) {
		f = *good;
		f.byte[at + bit / 8] ^= 1 << bit % 8;
		shield_run(&f, &o);
		accepted += !is_refused(&o);
	}
	return accepted;
}

static void refused_if_altered(const struct exchange *e, const char *name, __u32 at, int len)
{
	static struct frame f;

	frame_build(&e->ack, &f);
	ok(!flip_field(&f, at, len), "%s: any bit of %s altered%s: refused",
	   family_name(e->ack.ipv6), name, e->agreed.timestamp ? "" : ", no timestamps");
}

static void rows_altered(bool ipv6, const char *options)
{
	struct exchange e, elsewhere;
	__u32 size = ipv6 ? 16 : 4, ip = 14, tcp = ip + (ipv6 ? 40 : 20);

	exchange_begin(&e, ipv6, options);
	refused_if_altered(&e, "the source address", ip + (ipv6 ? 8 : 12), size);
	refused_if_altered(&e, "the source port", tcp, 2);
	refused_if_altered(&e, "the sequence number", tcp + 4, 4);
	refused_if_altered(&e, "the acknowledgement number", tcp + 8, 4);
	if (e.agreed.timestamp)
		refused_if_altered(&e, "TSecr", tcp + 28, 4);
	elsewhere = e;
	net_address(ipv6 ? "2001:db8:1::2" : "198.51.100.2", elsewhere.syn.target);
	row_segment(REPLY(cookie), &elsewhere.syn, "%s: cookies are out on another address",
		    family_name(ipv6));
	net_address(ipv6 ? "2001:db8:1::2" : "198.51.100.2", elsewhere.ack.target);
	row_segment(DROP(unproven), &elsewhere.ack, "%s: another target address",
		    family_name(ipv6));
	elsewhere = e;
	elsewhere.syn.target_port = elsewhere.ack.target_port = PORT + 1;
	row_segment(REPLY(cookie), &elsewhere.syn, "%s: cookies are out on another port",
		    family_name(ipv6));
	row_segment(DROP(unproven), &elsewhere.ack, "%s: another target port", family_name(ipv6));
	proves(&e, "unaltered after all that");
}

static void rows_tracked(bool ipv6)
{
	static struct outcome o;
	static struct frame f;
	struct synshield_conn c;
	struct exchange e;

	exchange_begin(&e, ipv6, "mss 1460 sack ts nop ws 7");
	row_segment(PASS(cookie_ok), &e.ack, "%s: third segment", family_name(ipv6));
	e.ack.payload = "data";
	e.ack.payload_len = 4;
	frame_build(&e.ack, &f);
	shield_run(&f, &o);
	ok(is_verdict(&o, PASS(tracked)) && is_unconfirmed(&o),
	   "%s: segment right behind it: tracked, TC told to look", family_name(ipv6));
	conn_get(&e.ack, &c);
	c.state = SYNSHIELD_CONN_ESTABLISHED;
	conn_put(&e.ack, &c);
	frame_build(&e.ack, &f);
	shield_run(&f, &o);
	ok(is_verdict(&o, PASS(tracked)) && !o.meta_len,
	   "%s: segment once the socket is there: tracked, no metadata", family_name(ipv6));
	conn_get(&e.ack, &c);
	ok(c.remote_segments == 3, "%s: three segments seen", family_name(ipv6));
	e.ack.flags = TCP_FIN | TCP_ACK;
	row_segment(PASS(tracked), &e.ack, "%s: FIN on it", family_name(ipv6));
}

static void rows_adopted(bool ipv6, int listener)
{
	struct segment s;
	struct live l;

	live_connect(&l, ipv6, listener, PORT);
	live_segment(&l, TCP_ACK | TCP_PSH, &s);
	row_segment(PASS(adopted), &s, "%s: the kernel has the connection", family_name(ipv6));
	ok(conn_is(&s, SYNSHIELD_CONN_ESTABLISHED), "%s: and now it is tracked", family_name(ipv6));
	row_segment(PASS(tracked), &s, "%s: its next segment", family_name(ipv6));
	conn_forget(&s);
	for (__u8 flags = TCP_RST; flags; flags = flags == TCP_RST ? TCP_FIN | TCP_ACK : 0) {
		s.flags = flags;
		row_segment(PASS(adopted), &s, "%s: the kernel has it, flags %02x",
			    family_name(ipv6), flags);
		conn_forget(&s);
	}
	shutdown(l.server, SHUT_RDWR);
	shutdown(l.client, SHUT_RDWR);
	s.flags = TCP_ACK;
	row_segment(PASS(adopted), &s, "%s: the kernel holds it in TIME_WAIT", family_name(ipv6));
	conn_forget(&s);
	live_close(&l);
}

static void rows_known_syn(bool ipv6, int listener)
{
	struct synshield_conn c = {.state = SYNSHIELD_CONN_ESTABLISHED};
	struct segment s;
	struct live l;

	live_connect(&l, ipv6, listener, PORT);
	live_segment(&l, TCP_SYN, &s);
	shield_configure(false);
	row_segment(PASS(known_tuple), &s, "%s: SYN, established, not learned yet",
		    family_name(ipv6));
	shield_configure(true);
	c.last_seen_jiffies = shield_now();
	conn_put(&s, &c);
	for (int i = 1; i <= 16; i++)
		row_segment(PASS(known_tuple), &s, "%s: SYN %d on a tracked connection",
			    family_name(ipv6), i);
	row_segment(DROP(tuple_rate), &s, "%s: SYN 17 at once", family_name(ipv6));
	s.flags = TCP_ACK;
	row_segment(PASS(tracked), &s, "%s: its own segments pass", family_name(ipv6));
	s.flags = TCP_SYN;
	row_segment(PASS(known_tuple), &s, "%s: SYN after another segment", family_name(ipv6));
	conn_get(&s, &c);
	c.syns = 16;
	c.last_seen_jiffies = shield_now() - 251;
	conn_put(&s, &c);
	row_segment(PASS(known_tuple), &s, "%s: one more a second later", family_name(ipv6));
	row_segment(DROP(tuple_rate), &s, "%s: and not two", family_name(ipv6));
	shutdown(l.server, SHUT_RDWR);
	shutdown(l.client, SHUT_RDWR);
	c = (struct synshield_conn){.state = SYNSHIELD_CONN_ESTABLISHED};
	conn_put(&s, &c);
	row_segment(PASS(known_tuple), &s, "%s: SYN on a tuple in TIME_WAIT", family_name(ipv6));
	conn_forget(&s);
	shield_configure(false);
	row_segment(PASS(known_tuple), &s, "%s: SYN on a tuple in TIME_WAIT, not learned yet",
		    family_name(ipv6));
	shield_configure(true);
	live_close(&l);
}

/* One that answers no SYN of this host's is the kernel's to challenge, but not without end. */
static void rows_synack_twice(bool ipv6)
{
	struct synshield_conn c = {.state = SYNSHIELD_CONN_ESTABLISHED};
	struct segment s;

	segment_begin(&s, ipv6, TCP_SYN | TCP_ACK);
	c.last_seen_jiffies = shield_now();
	conn_put(&s, &c);
	for (int i = 1; i <= 16; i++)
		row_segment(PASS(tracked), &s, "%s: SYN-ACK %d on a tracked connection",
			    family_name(ipv6), i);
	row_segment(DROP(tuple_rate), &s, "%s: SYN-ACK 17 at once", family_name(ipv6));
	s.flags = TCP_ACK;
	row_segment(PASS(tracked), &s, "%s: its own segments pass", family_name(ipv6));
	s.flags = TCP_SYN | TCP_ACK;
	row_segment(PASS(tracked), &s, "%s: SYN-ACK after another segment", family_name(ipv6));
	c.state = SYNSHIELD_CONN_SYN_SENT;
	c.syns = 16;
	conn_put(&s, &c);
	for (int i = 1; i <= 17; i++)
		row_segment(PASS(tracked), &s, "%s: SYN-ACK %d to this host's SYN",
			    family_name(ipv6), i);
}

/* A tracked tuple whose socket is gone does not hold up its next SYN. */
static void rows_stale(bool ipv6)
{
	struct synshield_conn c = {.state = SYNSHIELD_CONN_ESTABLISHED};
	struct segment s;

	segment_begin(&s, ipv6, TCP_SYN);
	conn_put(&s, &c);
	row_segment(REPLY(cookie), &s, "%s: SYN on a tuple that the kernel has let go",
		    family_name(ipv6));
	ok(!conn_get(&s, &c), "%s: it is forgotten", family_name(ipv6));
}

/*
 * XDP sees a whole batch before TC sees its first packet: a duplicate of the SYN
 * behind the ACK must not take away the proof that TC is about to look for.
 */
static void rows_replayed(bool ipv6)
{
	struct exchange e;

	exchange_begin(&e, ipv6, "mss 1460 sack ts nop ws 7");
	row_segment(PASS(cookie_ok), &e.ack, "%s: ACK in a batch", family_name(ipv6));
	row_segment(PASS(tracked), &e.ack, "%s: the ACK once more", family_name(ipv6));
	exchange_begin(&e, ipv6, "mss 1460 sack ts nop ws 7");
	row_segment(PASS(cookie_ok), &e.ack, "%s: ACK in a batch", family_name(ipv6));
	run_segment(&e.syn);
	ok(conn_is(&e.ack, SYNSHIELD_CONN_PROVEN),
	   "%s: duplicate SYN behind it in the batch: the proof is kept", family_name(ipv6));
}

/*
 * When the entry of its connection has gone nothing tells that a cookie was used: it opens
 * another, as its sender could anyway, while its key is one of the last two.
 */
static void rows_replayed_later(bool ipv6, const char *options)
{
	struct exchange e;

	shield_reset();
	exchange_begin(&e, ipv6, options);
	for (int age = 0; age <= 1; age++) {
		for (int time = 1; time <= 2; time++) {
			row_segment(PASS(cookie_ok), &e.ack,
				    "%s: \"%s\", its entry gone, %d epochs old, time %d",
				    family_name(ipv6), options, age, time);
			conn_forget(&e.ack);
		}
		shield_next_epoch();
	}
	row_segment(DROP(unproven), &e.ack, "%s: \"%s\", its entry gone, two epochs old",
		    family_name(ipv6), options);
	ok(!conn_is(&e.ack, SYNSHIELD_CONN_PROVEN), "%s: \"%s\", it opens nothing",
	   family_name(ipv6), options);
	shield_reset();
}

void rows_ack(void)
{
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		int other = net_listen(ipv6, PORT + 1, 16, LISTENER_PLAIN);

		shield_reset();
		rows_good(ipv6);
		rows_variants(ipv6);
		rows_ecn(ipv6);
		rows_wrong_flags(ipv6);
		rows_epochs(ipv6);
		rows_first_epoch(ipv6);
		rows_altered(ipv6, "mss 1460 sack ts nop ws 7");
		rows_altered(ipv6, "mss 1460 nop ws 7");
		rows_tracked(ipv6);
		rows_synack_twice(ipv6);
		rows_stale(ipv6);
		rows_replayed(ipv6);
		rows_replayed_later(ipv6, "mss 1460 sack ts nop ws 7");
		rows_replayed_later(ipv6, "mss 1460 nop ws 7");
		rows_adopted(ipv6, net_listener(ipv6));
		rows_known_syn(ipv6, net_listener(ipv6));
		close(other);
	}
}
