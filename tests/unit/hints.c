/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/hints.c: what the connections' states reveal, and where each hint begins. */
#include "hints.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "locals.h"
#include "tap.h"

#define SECOND 1000000000ULL

/* In place of user/locals.c. */
bool address_is_ipv4(const __u8 addr[16])
{
	static const __u8 mapped[12] = {[10] = 0xff, [11] = 0xff};

	return !memcmp(addr, mapped, 12);
}

const char *address_text(char text[ADDRESS_TEXT], const __u8 addr[16], __u16 port)
{
	return strcpy(text, port == 443 ? "A:443" : port ? "A:80" : "A:0");
}

static struct hints_tally *tally;

/* The n-th connection of a kind: of another host each, whose addresses lie 4 to a /24. */
static struct conn_view conn(unsigned int n, enum synshield_tcp_state local,
			     enum synshield_tcp_state remote)
{
	struct conn_view v = {
		.tuple = {.remote = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 0},
			  .local = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 1},
			  .remote_port = 1024 + n % 60000,
			  .local_port = 80},
		.local = local,
		.remote = remote,
		.opener = CONN_OPENED_REMOTE,
	};

	v.tuple.remote[13] = n >> 10;
	v.tuple.remote[14] = n >> 2;
	v.tuple.remote[15] = n & 3;
	return v;
}

/* Of one host, as a client of its port 443. */
static struct conn_view outgoing(unsigned int n, enum synshield_tcp_state local)
{
	struct conn_view v = conn(0, local, SYNSHIELD_TCP_CLOSED);

	v.opener = CONN_OPENED_LOCAL;
	v.tuple.local_port = 1024 + n;
	v.tuple.remote_port = 443;
	return v;
}

static void begin(void)
{
	hints_tally_free(tally);
	tally = hints_tally_new();
	if (!tally)
		bail_out("no memory");
}

/* Names of the hints, ' ' between them. */
static const char *found(struct hints_summary *extra, struct hint hints[HINTS_MAX])
{
	static char names[256];
	struct hints_summary s = {.local_range = 1000};
	int i, n;

	if (extra)
		s = *extra;
	hints_tally_sum(tally, &s);
	if (extra)
		*extra = s;
	n = hints_find(&s, hints);
	names[0] = 0;
	for (i = 0; i < n; i++) {
		strcat(names, i ? " " : "");
		strcat(names, hints[i].name);
		if (!hints[i].means || !*hints[i].means || !hints[i].mend || !*hints[i].mend)
			bail_out("%s says not what it means, or what to do", hints[i].name);
	}
	return names;
}

static void finds(const char *names, const char *seen, const char *what)
{
	struct hint hints[HINTS_MAX];
	const char *got = found(NULL, hints);
	bool same = !strcmp(got, names) && (!*names || !strcmp(hints[0].seen, seen));

	if (!ok(same, "%s", what))
		note("got '%s' (%s)", got, *got ? hints[0].seen : "");
}

static void nothing(void)
{
	struct conn_view v = conn(0, SYNSHIELD_TCP_ESTABLISHED, SYNSHIELD_TCP_ESTABLISHED);

	begin();
	finds("", "", "no connection: no hint");
	for (int i = 0; i < 5000; i++)
		hints_tally_add(tally, &v);
	finds("", "", "connections that are open: no hint");
}

static void close_wait(void)
{
	struct conn_view v = conn(0, SYNSHIELD_TCP_CLOSE_WAIT, SYNSHIELD_TCP_FIN_WAIT_2);

	begin();
	v.idle = 60 * SECOND;
	hints_tally_add(tally, &v);
	finds("", "", "CLOSE_WAIT, idle for 60 s: no hint");
	v.idle++;
	hints_tally_add(tally, &v);
	finds("close-wait",
	      "1 connection idle in CLOSE_WAIT for more than 60 s; 1 of local port 80",
	      "CLOSE_WAIT, idle for longer: the application does not close");
	v.tuple.local_port = 8080;
	hints_tally_add(tally, &v);
	hints_tally_add(tally, &v);
	finds("close-wait",
	      "3 connections idle in CLOSE_WAIT for more than 60 s; 2 of local port 8080",
	      "the local port with most of them is named");
}

static void fin_wait_2(void)
{
	struct conn_view open = conn(0, SYNSHIELD_TCP_ESTABLISHED, SYNSHIELD_TCP_ESTABLISHED);

	begin();
	for (int i = 0; i < 99; i++) {
		struct conn_view v = outgoing(i, SYNSHIELD_TCP_FIN_WAIT_2);

		hints_tally_add(tally, &v);
	}
	finds("", "", "99 in FIN_WAIT_2: no hint");
	for (int i = 0; i < 1; i++) {
		struct conn_view v = conn(i, SYNSHIELD_TCP_FIN_WAIT_2, SYNSHIELD_TCP_CLOSE_WAIT);

		hints_tally_add(tally, &v);
	}
	finds("fin-wait-2", "100 connections in FIN_WAIT_2; 99 with A:443",
	      "100 in FIN_WAIT_2: they pile up, and with whom is named");
	for (int i = 0; i < 404; i++)
		hints_tally_add(tally, &open);
	finds("", "", "so many beside four times as many that are open: no hint");
}

static void time_wait(void)
{
	begin();
	for (int i = 0; i < 499; i++) {
		struct conn_view v = outgoing(i, SYNSHIELD_TCP_TIME_WAIT);

		hints_tally_add(tally, &v);
	}
	for (int i = 0; i < 14115; i++) {
		struct conn_view v = conn(4096, SYNSHIELD_TCP_CLOSED, SYNSHIELD_TCP_TIME_WAIT);

		hints_tally_add(tally, &v);
	}
	for (int i = 0; i < 60000; i++) {
		struct conn_view v = conn(i, SYNSHIELD_TCP_TIME_WAIT, SYNSHIELD_TCP_CLOSED);

		hints_tally_add(tally, &v);
	}
	finds("", "",
	      "TIME_WAIT of 60000 clients at the server, and short of half the ports elsewhere: no "
	      "hint");
	struct conn_view v = outgoing(499, SYNSHIELD_TCP_TIME_WAIT);

	hints_tally_add(tally, &v);
	finds("time-wait-local", "500 of 1000 local ports to A:443 in TIME_WAIT",
	      "half of this host's ports to one server in TIME_WAIT");
	begin();
	for (int i = 0; i < 14116; i++) {
		v = conn(4096, SYNSHIELD_TCP_CLOSED, SYNSHIELD_TCP_TIME_WAIT);
		hints_tally_add(tally, &v);
	}
	finds("time-wait-remote",
	      "14116 ports of A in TIME_WAIT for local port 80 (its range may be 28232)",
	      "half of a client's ports in TIME_WAIT: it is the remote side that runs out");
}

static void flood(void)
{
	struct hints_summary s = {0};
	struct hint hints[HINTS_MAX];
	struct conn_view v;

	begin();
	for (int i = 0; i < 63; i++) {
		v = conn(i, SYNSHIELD_TCP_SYN_RECEIVED, SYNSHIELD_TCP_SYN_SENT);
		hints_tally_add(tally, &v);
	}
	finds("", "", "63 half-open handshakes: no hint");
	v = conn(63, SYNSHIELD_TCP_SYN_RECEIVED, SYNSHIELD_TCP_SYN_SENT);
	hints_tally_add(tally, &v);
	finds("syn-flood", "64 half-open handshakes, from 64 addresses in 16 prefixes",
	      "64 half-open handshakes from as many addresses: a SYN flood");
	for (int i = 0; i < 65; i++)
		hints_tally_add(tally, &v);
	finds("half-open", "129 half-open handshakes, from 64 addresses",
	      "so many that half of them are one client's: no flood");
	begin();
	for (int i = 0; i < 100000; i++) {
		v = conn(i, SYNSHIELD_TCP_SYN_RECEIVED, SYNSHIELD_TCP_SYN_SENT);
		hints_tally_add(tally, &v);
	}
	found(&s, hints);
	ok(s.half_open_sources == HINTS_SOURCES_MAX &&
		   !strcmp(hints[0].seen, "100000 half-open handshakes, from at least 12288 "
					  "addresses in 12288 prefixes"),
	   "more addresses than can be told apart: at least so many");

	begin();
	s = (struct hints_summary){.cookies = 99};
	ok(!strcmp(found(&s, hints), ""), "99 cookies that nobody brings back: no hint");
	s = (struct hints_summary){.cookies = 100, .completed = 25};
	ok(!strcmp(found(&s, hints), ""), "a quarter of 100 brought back: no hint");
	s = (struct hints_summary){.cookies = 100, .completed = 24};
	ok(!strcmp(found(&s, hints), "syn-flood"), "fewer: a SYN flood");
}

static void unanswered(void)
{
	struct conn_view v = outgoing(0, SYNSHIELD_TCP_SYN_SENT);

	begin();
	v.local_segments = 1;
	hints_tally_add(tally, &v);
	finds("", "", "one SYN without an answer yet: no hint");
	v.local_segments = 2;
	hints_tally_add(tally, &v);
	finds("syn-unanswered", "1 SYN of this host repeated without an answer; 1 to A:443",
	      "a SYN that was repeated: the remote host is down, or a firewall drops");
}

int main(void)
{
	nothing();
	close_wait();
	fin_wait_2();
	time_wait();
	flood();
	unanswered();
	hints_tally_free(tally);
	return tap_done();
}
