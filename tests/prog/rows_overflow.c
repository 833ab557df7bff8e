/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * More than a table has room for: what is forgotten then, and who is served all the same.
 * `listeners` is filled by SYNs to a whole local prefix, `doubts` by segments of as many tuples.
 */
#include <unistd.h>

#include "exchange.h"
#include "live.h"

#define REASON(name) SYNSHIELD_REASON_##name
/* Four times the room of `listeners`, sixteen times that of `doubts`: nothing old stays. */
#define MANY 65536
#define HALF_OPEN 4
#define QUEUE_PORT 8210

static const char *prefix(bool ipv6)
{
	return ipv6 ? "2001:db8:18::" : "198.18.0.0";
}

/* One to each address of the prefix: what was counted. */
static void syns_to_prefix(bool ipv6, struct synshield_stats *counted)
{
	static struct frame f;
	struct segment s;

	segment_begin(&s, ipv6, TCP_SYN);
	net_address(ipv6 ? "2001:db8:99::9" : "192.0.2.99", s.source);
	net_address(prefix(ipv6), s.target);
	frame_build(&s, &f);
	shield_run_targets(&f, MANY, counted);
}

static void begin(bool ipv6)
{
	shield_reset();
	local_put_prefix(prefix(ipv6), ipv6 ? 112 : 16);
	shield.settings.syn_rate = 100000000;
	shield.settings.half_open = 100000; /* whatever other rows have left in PORT's queue */
	shield_mode(SYNSHIELD_MODE_AUTO);
	shield_policy(QUEUE_PORT, &(struct synshield_policy){.half_open = HALF_OPEN});
}

/* Those on whose listener's entry nothing depends. */
static void rows_served(bool ipv6, struct exchange *e, struct live *l)
{
	const char *family = family_name(ipv6);
	struct segment s;

	row_segment(PASS(cookie_ok), &e->ack, "%s: forgotten: its cookie of before holds", family);
	row_segment(PASS(tracked), &e->ack, "%s: forgotten: that connection goes on", family);
	live_segment(l, TCP_ACK, &s);
	conn_forget(&s);
	row_segment(PASS(adopted), &s, "%s: forgotten: the kernel's connection goes on", family);
}

/* A connection of a cookie whose first segment is late: this is what the entry is missed for. */
static void row_overtaken(bool ipv6, const struct exchange *e)
{
	struct segment data = e->ack;

	data.seq += 1400;
	data.ack ^= 1;
	data.payload = "more";
	data.payload_len = 4;
	row_refused(REASON(unknown_data), &data,
		    "%s: forgotten: data ahead of its cookie is refused at first sight",
		    family_name(ipv6));
}

/* The listener on PORT is under attack, that on QUEUE_PORT calm; then SYNs come for everybody. */
static void forget_both(bool ipv6, struct exchange e[2], const struct segment *queue)
{
	const char *family = family_name(ipv6);
	struct synshield_stats counted;
	struct synshield_listener l;

	row_segment(PASS(calm), queue, "%s: a listener, calm", family);
	segment_begin(&e->syn, ipv6, TCP_SYN);
	row_segment(PASS(calm), &e->syn, "%s: another", family);
	listener_attack(&e->syn);
	for (int i = 0; i < 2; i++)
		exchange_begin(&e[i], ipv6, "mss 1460 sack ts nop ws 7");
	syns_to_prefix(ipv6, &counted);
	ok(counted.pass.calm == MANY, "%s: SYNs to %d addresses: all are the kernel's (%llu)",
	   family, MANY, counted.pass.calm);
	ok(!listener_get(&e->syn, &l) && !listener_get(queue, &l),
	   "%s: both listeners have been forgotten", family);
}

static void rows_listeners(bool ipv6)
{
	int fd = net_listen(ipv6, QUEUE_PORT, 64, LISTENER_PLAIN);
	const char *family = family_name(ipv6);
	struct synshield_stats counted;
	struct synshield_listener l;
	struct exchange e[2];
	struct segment s, queue;
	struct live live;

	live_connect(&live, ipv6, net_listener(ipv6), PORT);
	begin(ipv6);
	segment_begin(&queue, ipv6, TCP_SYN);
	queue.target_port = QUEUE_PORT;
	forget_both(ipv6, e, &queue);
	row_overtaken(ipv6, &e[1]);
	rows_served(ipv6, &e[0], &live);
	segment_begin(&s, ipv6, TCP_SYN);
	row_segment(PASS(calm), &s, "%s: forgotten: the attack, too", family);

	leave_half_open(ipv6, QUEUE_PORT, HALF_OPEN);
	row_segment(REPLY(cookie), &queue, "%s: but a full queue is seen by the next SYN", family);
	syns_to_prefix(ipv6, &counted);
	ok(!listener_get(&queue, &l), "%s: it is forgotten again", family);
	row_segment(REPLY(cookie), &queue, "%s: and its queue is seen again", family);
	live_close(&live);
	close(fd);
}

static void rows_doubts(bool ipv6)
{
	const char *family = family_name(ipv6);
	static struct frame f;
	struct synshield_stats counted;
	struct segment s, other;

	shield_reset();
	shield.settings.reset_rate = 1000000;
	shield_configure(true);
	segment_begin(&s, ipv6, TCP_SYN);
	run_segment(&s);
	segment_begin(&s, ipv6, TCP_ACK | TCP_PSH);
	for (int i = 1; i <= 2; i++)
		row_segment(DROP(unproven), &s, "%s: a segment in doubt, sight %d", family, i);
	segment_begin(&other, ipv6, TCP_ACK);
	net_address(ipv6 ? "2001:db8:77::" : "10.1.0.0", other.source);
	frame_build(&other, &f);
	shield_run_tuples(&f, MANY, &counted);
	ok(counted.drop.unproven == MANY, "%s: so are %d others (%llu)", family, MANY,
	   counted.drop.unproven);
	for (int i = 1; i <= 2; i++)
		row_segment(DROP(unproven), &s, "%s: they took its place: sight %d again", family,
			    i);
	row_refused(REASON(unknown_ack), &s, "%s: without them, sight 3", family);
}

void rows_overflow(void)
{
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		rows_listeners(ipv6);
		rows_doubts(ipv6);
	}
	shield_reset();
}
