/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Ten million ACKs of each kind that nobody was asked for: random source, port,
 * sequence and acknowledgement numbers, TSecr.  RANDOM_ACKS=N for another count.
 */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

#define RANDOM_ACKS 10000000
#define CALM_PORT 8200
#define CALL 1000000 /* in one call of the kernel */
#define PLAIN_MOST 8 /* expected 0.6 of 10 M at 2^-24: more than 8 once in 10^8 runs */

static __u32 wanted(void)
{
	const char *text = getenv("RANDOM_ACKS");

	return text ? strtoul(text, NULL, 0) : RANDOM_ACKS;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void random_acks(bool ipv6, bool timestamps)
{
	static struct frame f;
	struct synshield_stats counted;
	struct segment s;
	__u64 refused = 0, accepted = 0;
	__u32 times = wanted(), left;
	double began = seconds();

	segment_begin(&s, ipv6, TCP_ACK);
	s.target_port = CALM_PORT;
	net_address(ipv6 ? "2001:db8:3::" : "203.0.0.0", s.source); /* no row's clients */
	if (timestamps)
		segment_options(&s, "nop nop ts");
	frame_build(&s, &f);
	for (left = times; left; left -= left < CALL ? left : CALL) {
		shield_run_random(&f, timestamps ? f.l4 + 28 : 0, left < CALL ? left : CALL,
				  &counted);
		refused += counted.drop.unproven + counted.drop.unknown_ack;
		accepted += counted.pass.cookie_ok;
	}
	note("%s: %llu refused, %llu accepted, %.0f ns each", family_name(ipv6), refused, accepted,
	     (seconds() - began) * 1e9 / times);
	ok(refused + accepted == times && accepted <= (timestamps ? 0 : PLAIN_MOST),
	   "%s: of %u random ACKs %s timestamps %s accepted", family_name(ipv6), times,
	   timestamps ? "with" : "without", timestamps ? "none is" : "at most 8 are");
}

/* On a listener that never overflowed: the kernel accepts no cookie of its own there. */
void rows_random(void)
{
	int fd = net_listen(true, CALM_PORT, 64, LISTENER_DUAL);
	struct segment s;

	shield_reset();
	shield.settings.reset = SYNSHIELD_RESET_DROP; /* a RST would take the frame's place */
	shield_configure(true);
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		segment_begin(&s, ipv6, TCP_SYN);
		s.target_port = CALM_PORT;
		row_segment(REPLY(cookie), &s, "%s: cookies are out", family_name(ipv6));
		random_acks(ipv6, true);
		random_acks(ipv6, false);
	}
	close(fd);
}
