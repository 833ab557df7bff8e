/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A steady UDP exchange, to see whether what is not TCP suffers. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

struct settings {
	struct addr addr;
	uint16_t port;
	uint64_t number;
	uint64_t interval_ms;
	uint64_t wait_ms;
};

static const char help[] =
	"usage: udp serve ADDR PORT          answers each datagram with the same; prints 'ready'\n"
	"       udp ask [options] ADDR PORT  sends and awaits answers; the result is JSON\n"
	"  --number N      datagrams (10)\n"
	"  --interval MS   between them (100)\n"
	"  --wait MS       for the last answers (500)\n";

static const struct option long_options[] = {
	{"number", required_argument, NULL, 'n'},
	{"interval", required_argument, NULL, 'i'},
	{"wait", required_argument, NULL, 'w'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static void parse_settings(struct settings *settings, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (option) {
		case 'n':
			settings->number = parse_number(optarg, 1, 1000000, "number");
			break;
		case 'i':
			settings->interval_ms = parse_number(optarg, 0, 60000, "interval");
			break;
		case 'w':
			settings->wait_ms = parse_number(optarg, 1, 60000, "wait");
			break;
		case 'h':
			fputs(help, stdout);
			exit(0);
		default:
			usage_error("wrong option");
		}
	}
	if (argc - optind != 3)
		usage_error("serve or ask, an address and a port are needed");
	settings->addr = parse_addr(argv[optind + 1]);
	settings->port = parse_number(argv[optind + 2], 1, 65535, "port");
}

static int serve(const struct settings *settings)
{
	struct sockaddr_storage ss, peer;
	socklen_t len = addr_to_sockaddr(&settings->addr, settings->port, &ss), peer_len;
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char buf[2048];
	ssize_t n;

	if (fd < 0 || bind(fd, (struct sockaddr *)&ss, len))
		die("bind to %s port %u: %m", addr_text(&settings->addr), settings->port);
	puts("ready");
	fflush(stdout);
	for (;;) {
		peer_len = sizeof(peer);
		n = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&peer, &peer_len);
		if (n >= 0)
			sendto(fd, buf, n, 0, (struct sockaddr *)&peer, peer_len);
	}
}

struct datagram {
	uint64_t serial;
	uint64_t sent_at;
};

static uint64_t collect(int fd, uint64_t until, uint64_t wanted, struct samples *rtt)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	struct datagram datagram;
	uint64_t got = 0, now;

	while (got < wanted && (now = now_ns()) < until) {
		if (poll(&pfd, 1, (until - now) / 1000000 + 1) <= 0)
			continue;
		if (recv(fd, &datagram, sizeof(datagram), 0) != sizeof(datagram))
			continue;
		samples_add(rtt, (now_ns() - datagram.sent_at) / 1e6);
		got++;
	}
	return got;
}

static int ask(const struct settings *settings)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&settings->addr, settings->port, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct datagram datagram = {0};
	struct samples rtt = {0};
	uint64_t answered = 0, started = now_ns(), until;

	if (fd < 0 || connect(fd, (struct sockaddr *)&ss, len))
		die("connect to %s port %u: %m", addr_text(&settings->addr), settings->port);
	for (; datagram.serial < settings->number; datagram.serial++) {
		datagram.sent_at = now_ns();
		if (send(fd, &datagram, sizeof(datagram), 0) < 0 && errno != ECONNREFUSED)
			die("send: %m");
		until = started + (datagram.serial + 1) * settings->interval_ms * 1000000;
		answered += collect(fd, until, UINT64_MAX, &rtt);
	}
	until = now_ns() + settings->wait_ms * 1000000;
	answered += collect(fd, until, settings->number - answered, &rtt);
	printf("{\"sent\":%llu,\"answered\":%llu,\"lost\":%llu,",
	       (unsigned long long)settings->number, (unsigned long long)answered,
	       (unsigned long long)(settings->number - answered));
	samples_print(&rtt, "rtt_ms", stdout);
	puts("}");
	return answered == settings->number ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct settings settings = {.number = 10, .interval_ms = 100, .wait_ms = 500};

	parse_settings(&settings, argc, argv);
	if (!strcmp(argv[optind], "serve"))
		return serve(&settings);
	if (!strcmp(argv[optind], "ask"))
		return ask(&settings);
	usage_error("unknown mode '%s'", argv[optind]);
}
