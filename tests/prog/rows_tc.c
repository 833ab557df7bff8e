/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * TC ingress by itself.  A test run has no metadata, so these are the rows of a
 * driver without; tests/net accepts real connections.
 */
#include <linux/pkt_cls.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exchange.h"

/* One packet counted so, or none where reason is negative. */
static void tc_row(const struct segment *s, int code, int action, int reason, const char *name)
{
	static struct outcome o;
	static struct frame f;
	const __u64 *count = (const __u64 *)&o.counted;
	__u64 others = 0, want = 0;

	frame_build(s, &f);
	shield_run_tc(&f, &o);
	for (int i = 0; i < 2 * SYNSHIELD_ACTION_MAX * SYNSHIELD_REASON_MAX; i++) {
		if (reason >= 0 && i == action * SYNSHIELD_REASON_MAX + reason)
			want += count[i];
		else
			others += count[i];
	}
	if (!ok(o.code == code && want == (reason >= 0) && !others, "%s, TC: %s",
		family_name(s->ipv6), name))
		note("  returned %d, counted %llu as wanted, %llu otherwise", o.code, want, others);
}

#define NOTHING 0, -1

static void prove(struct exchange *e, bool ipv6, const char *options)
{
	static struct outcome o;
	static struct frame f;

	exchange_begin(e, ipv6, options);
	frame_build(&e->ack, &f);
	shield_run(&f, &o);
	if (!is_verdict(&o, PASS(cookie_ok)))
		note("  the ACK was not accepted");
}

static void rows_no_metadata(bool ipv6)
{
	struct exchange e;
	__u32 ack;

	prove(&e, ipv6, "mss 1460 sack ts nop ws 7");
	tc_row(&e.ack, TC_ACT_UNSPEC, NOTHING, "no metadata where the driver keeps it: passed");
	shield_meta_is_missing(true);
	ack = e.ack.ack;
	e.ack.ack ^= 1;
	tc_row(&e.ack, TC_ACT_SHOT, DROP(bad_cookie), "proven, but this is not its ACK");
	e.ack.ack = ack;
	e.ack.flags = TCP_RST | TCP_ACK;
	tc_row(&e.ack, TC_ACT_SHOT, DROP(bad_cookie), "RST before the kernel has the socket");
	shield_meta_is_missing(false);
}

static void rows_not_proven(bool ipv6)
{
	struct synshield_conn c = {.state = SYNSHIELD_CONN_ESTABLISHED};
	struct segment s;

	shield_meta_is_missing(true);
	segment_begin(&s, ipv6, TCP_ACK);
	tc_row(&s, TC_ACT_UNSPEC, NOTHING, "unknown connection: passed");
	conn_put(&s, &c);
	tc_row(&s, TC_ACT_UNSPEC, NOTHING, "established connection: passed");
	s.target_port = 4444;
	c.state = SYNSHIELD_CONN_PROVEN;
	conn_put(&s, &c);
	tc_row(&s, TC_ACT_UNSPEC, NOTHING, "proven, but the listener is gone: passed");
	ok(!conn_get(&s, &c), "%s, TC: and forgotten", family_name(ipv6));
	shield_meta_is_missing(false);
}

static void rows_confirmed(bool ipv6)
{
	struct synshield_conn c = {.state = SYNSHIELD_CONN_PROVEN};
	struct segment s;
	int client, server;

	shield_meta_is_missing(true);
	net_connect(net_listener(ipv6), ipv6, PORT, &client, &server);
	segment_begin(&s, ipv6, TCP_ACK);
	net_address(ipv6 ? "2001:db8:9::9" : "192.0.2.9", s.source);
	s.source_port = net_local_port(client);
	conn_put(&s, &c);
	tc_row(&s, TC_ACT_UNSPEC, NOTHING, "the kernel has the socket now: passed");
	ok(conn_is(&s, SYNSHIELD_CONN_ESTABLISHED), "%s, TC: established from now on",
	   family_name(ipv6));
	close(client);
	close(server);
	shield_meta_is_missing(false);
}

static void rows_backlog(bool ipv6)
{
	int fd = net_listen(ipv6, 8401, 1, LISTENER_PLAIN), client[2];
	struct exchange e;

	segment_begin(&e.syn, ipv6, TCP_SYN);
	e.syn.target_port = 8401;
	exchange_work_out(&e);
	row_segment(REPLY(cookie), &e.syn, "%s: accept queue not full", family_name(ipv6));
	row_segment(PASS(cookie_ok), &e.ack, "%s: accept queue not full", family_name(ipv6));
	for (int i = 0; i < 2; i++)
		client[i] = net_dial(ipv6, 8401);
	shield_meta_is_missing(true);
	tc_row(&e.ack, TC_ACT_SHOT, DROP(backlog_full), "accept queue full: the client repeats");
	ok(conn_is(&e.ack, SYNSHIELD_CONN_PROVEN), "%s, TC: and stays proven", family_name(ipv6));
	shield_meta_is_missing(false);
	for (int i = 0; i < 2; i++)
		close(client[i]);
	close(fd);
}

void rows_tc(void)
{
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		shield_reset();
		rows_no_metadata(ipv6);
		rows_not_proven(ipv6);
		rows_confirmed(ipv6);
		rows_backlog(ipv6);
	}
}
