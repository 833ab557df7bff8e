/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One established connection, one small request after another: how long each answer takes. */
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

#define REQUEST 64
#define TIMEOUT 5 /* seconds, for an answer */
#define TURNS_MAX 10000000

static int open_connection(const struct addr *server, uint16_t port)
{
	struct timeval patience = {.tv_sec = TIMEOUT};
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(server, port, &ss);
	int fd = socket(server->family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		die("socket: %m");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&ss, len))
		die("connect: %m");
	return fd;
}

static void take_turn(int fd)
{
	uint8_t buf[REQUEST] = {0};

	if (send(fd, buf, sizeof(buf), MSG_NOSIGNAL) != sizeof(buf))
		die("send: %m");
	if (recv(fd, buf, sizeof(buf), MSG_WAITALL) != sizeof(buf))
		die("no answer: %m");
}

int main(int argc, char **argv)
{
	struct samples samples = {0};
	uint64_t deadline, before, after;
	struct addr server;
	int fd;

	if (argc != 4)
		die("usage: turns ADDR PORT MILLISECONDS\n"
		    "asks an echo server, 64 bytes at a time; JSON, times in us");
	server = parse_addr(argv[1]);
	fd = open_connection(&server, parse_number(argv[2], 1, 65535, "port"));
	before = now_ns();
	deadline = before + parse_number(argv[3], 1, 60000, "time") * (NSEC_PER_SEC / 1000);
	while (before < deadline && samples.count < TURNS_MAX) {
		take_turn(fd);
		after = now_ns();
		samples_add(&samples, (after - before) / 1e3);
		before = after;
	}
	close(fd);
	printf("{\"turns\":%zu,", samples.count);
	samples_print(&samples, "us", stdout);
	puts("}");
	return 0;
}
