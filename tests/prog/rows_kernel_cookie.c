/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Listeners that take no cookie but the kernel's own: MPTCP, kernels before 6.9. */
#include <unistd.h>

#include "harness.h"

#define MPTCP_PORT 8301

/* The kernel's cookie knows an MSS and nothing else. */
static bool is_answered(const struct segment *syn, struct oracle_cookie *c)
{
	static const struct agreement bare = {.wscale = NO_WSCALE};
	static struct frame f, want;
	static struct outcome o;
	struct server_side server;

	frame_build(syn, &f);
	shield_run(&f, &o);
	if (!is_verdict(&o, REPLY(kernel_cookie)))
		return false;
	server_side_read(syn->ipv6, PORT, &server);
	c->isn = get32(o.frame.byte + f.l3 + (syn->ipv6 ? 40 : 20) + 4);
	expect_synack(syn, &bare, &server, c, &want);
	return is_answer(&o, &f, &want);
}

static void rows_cookie(bool ipv6, __u16 port, const char *name)
{
	static const struct agreement bare = {.wscale = NO_WSCALE};
	struct oracle_cookie c = {};
	struct segment syn, ack;

	segment_begin(&syn, ipv6, TCP_SYN);
	syn.target_port = port;
	ok(is_answered(&syn, &c), "%s, %s: SYN-ACK with the kernel's cookie, byte for byte",
	   family_name(ipv6), name);
	segment_third(&syn, &bare, &c, &ack);
	row_segment(PASS(kernel_cookie_ok), &ack, "%s, %s: the ACK", family_name(ipv6), name);
	ok(conn_is(&ack, SYNSHIELD_CONN_ESTABLISHED), "%s, %s: and now it is tracked",
	   family_name(ipv6), name);
	conn_forget(&ack);
	segment_options(&ack, "nop nop ts");
	row_segment(PASS(kernel_cookie_ok), &ack, "%s, %s: the ACK with options", family_name(ipv6),
		    name);
	conn_forget(&ack);
	for (int bit = 2; bit < 32; bit += 5) { /* bits 0 and 1 stand for an MSS */
		ack.ack = (c.isn + 1) ^ 1u << bit;
		budgets_refill();
		row_segment(DROP(unproven), &ack, "%s, %s: bit %d of the ACK altered",
			    family_name(ipv6), name, bit);
	}
	ack.ack = c.isn + 1;
	ack.flags = TCP_RST | TCP_ACK;
	row_segment(DROP(unknown_rst), &ack, "%s, %s: RST", family_name(ipv6), name);
}

static void rows_mptcp(bool ipv6)
{
	int fd = net_listen(ipv6, MPTCP_PORT, 1, LISTENER_MPTCP);
	static struct frame f, answer;
	struct segment s;

	net_sysctl("ipv4/tcp_syncookies", "2");
	rows_cookie(ipv6, MPTCP_PORT, "MPTCP listener");
	segment_begin(&s, ipv6, TCP_SYN);
	s.target_port = MPTCP_PORT;
	segment_options(&s, "mss 1460 sack ts nop ws 7 mpc");
	row_segment(REPLY(kernel_cookie), &s, "%s: SYN with MP_CAPABLE", family_name(ipv6));
	for (int off = 0; off <= 1; off++) {
		net_sysctl("ipv4/tcp_syncookies", off ? "0" : "1");
		row_segment(PASS(cookie_not_due), &s, "%s: tcp_syncookies=%d, queue empty",
			    family_name(ipv6), !off);
	}
	net_sysctl("ipv4/tcp_syncookies", "1");
	for (int i = 0; i < 2; i++) {
		segment_begin(&s, ipv6, TCP_SYN);
		s.target_port = MPTCP_PORT;
		frame_build(&s, &f);
		ok(net_kernel_answer(&f, &answer), "%s: half-open request %d", family_name(ipv6),
		   i + 1);
	}
	segment_begin(&s, ipv6, TCP_SYN);
	s.target_port = MPTCP_PORT;
	row_segment(REPLY(kernel_cookie), &s, "%s: tcp_syncookies=1, queue full",
		    family_name(ipv6));
	close(fd);
}

/* No flood of other segments costs such a client its connection. */
static void rows_spent(bool ipv6)
{
	static const struct agreement bare = {.wscale = NO_WSCALE};
	struct oracle_cookie c = {};
	struct segment syn, ack;

	shield.settings.reset_rate = 1;
	shield_configure(true);
	segment_begin(&syn, ipv6, TCP_SYN);
	ok(is_answered(&syn, &c), "%s: SYN-ACK with the kernel's cookie", family_name(ipv6));
	segment_third(&syn, &bare, &c, &ack);
	budgets_spend_resets();
	row_segment(PASS(kernel_cookie_ok), &ack, "%s: the ACK, when no RST is left",
		    family_name(ipv6));
}

/* In a burst of one answer a second to a prefix: proofs give back what they took. */
static bool proof_gives_back(bool ipv6)
{
	static const struct agreement bare = {.wscale = NO_WSCALE};
	static struct outcome o;
	static struct frame f;
	struct oracle_cookie c = {};
	struct segment syn, ack;
	bool right = true;

	budgets_refill();
	shield.settings.reply_rate = 1;
	shield_configure(true);
	for (int i = 0; i < 2; i++) {
		segment_begin(&syn, ipv6, TCP_SYN);
		right &= is_answered(&syn, &c);
		segment_third(&syn, &bare, &c, &ack);
		segment_begin(&syn, ipv6, TCP_SYN);
		frame_build(&syn, &f);
		shield_run(&f, &o);
		right &= is_verdict(&o, DROP(reply_cap));
		frame_build(&ack, &f);
		shield_run(&f, &o);
		right &= is_verdict(&o, PASS(kernel_cookie_ok));
	}
	return right;
}

static bool kernel_takes_nothing(bool ipv6)
{
	static struct outcome o;
	static struct frame f;
	struct segment syn;
	bool right = true;

	budgets_refill();
	shield.settings.reply_rate = 1;
	shield_configure(true);
	for (int i = 0; i < 3; i++) {
		segment_begin(&syn, ipv6, TCP_SYN);
		frame_build(&syn, &f);
		shield_run(&f, &o);
		right &= is_verdict(&o, PASS(cookie_not_due));
	}
	return right;
}

/* Within a jiffy, in which no part of an answer is earned, or anew. */
static void in_no_time(bool (*right)(bool ipv6), bool ipv6, const char *name)
{
	bool is_right = false;
	__u64 began;

	for (int tries = 0; tries < 100 && !is_right; tries++) {
		began = shield_now();
		is_right = right(ipv6);
		if (shield_now() == began)
			break;
	}
	ok(is_right, "%s: %s", family_name(ipv6), name);
}

static void rows_budget_kept(bool ipv6)
{
	rows_spent(ipv6);
	in_no_time(proof_gives_back, ipv6, "a proof of the kernel's cookie gives back an answer");
	shield.settings.reply_rate = 20000;
	shield_configure(true);
	net_sysctl("ipv4/tcp_syncookies", "1");
	in_no_time(kernel_takes_nothing, ipv6, "a SYN that is left to the kernel takes no answer");
	net_sysctl("ipv4/tcp_syncookies", "2");
}

static void rows_old_kernel(bool ipv6)
{
	net_sysctl("ipv4/tcp_syncookies", "2");
	shield.host.flags &= ~SYNSHIELD_HOST_REQSK;
	shield_configure(true);
	rows_cookie(ipv6, PORT, "no bpf_sk_assign_tcp_reqsk");
	rows_budget_kept(ipv6);
	shield_reset();
	net_sysctl("ipv4/tcp_syncookies", "1");
}

void rows_kernel_cookie(void)
{
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		shield_reset();
		rows_mptcp(ipv6);
		rows_old_kernel(ipv6);
	}
}
