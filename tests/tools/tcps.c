/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A TCP server whose connections behave as a test needs: one epoll loop, no threads. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define MAX_LISTENERS 16
#define EVENTS 256
#define CHUNK 65536
#define BANNER "220 server ready\r\n"

enum behaviour { LINE, GREET, ECHO_BACK, SINK, SOURCE, INFO };

static const char *const behaviour_names[] = {
	[LINE] = "line", [GREET] = "greet",   [ECHO_BACK] = "echo",
	[SINK] = "sink", [SOURCE] = "source", [INFO] = "info",
};

struct listener {
	struct addr addr;
	uint16_t port;
};

struct settings {
	struct listener listener[MAX_LISTENERS];
	unsigned int listeners;
	enum behaviour behaviour;
	bool mptcp;
	bool reuseport;
	int backlog;
	int rcvbuf;
	int maxseg;
	uint64_t bytes;
	uint64_t seed;
};

struct conn {
	int fd;
	bool listening;
	bool ended; /* the peer's FIN has been read */
	bool stream_ok;
	struct stream stream;
	size_t pending; /* bytes of buf not yet sent */
	size_t sent;
	uint8_t buf[CHUNK];
};

static struct settings settings = {
	.backlog = 4096,
	.bytes = 1 << 20,
	.seed = 1,
};

static int epoll_fd;

static const char help[] =
	"usage: tcps --listen ADDR PORT [--listen ADDR PORT]... [BEHAVIOUR] [options]\n"
	"Behaviours:\n"
	"  line     reads a line, answers a line, closes first (default)\n"
	"  greet    speaks first: a banner, then echoes\n"
	"  echo     sends back what it reads\n"
	"  sink     reads a stream to its end, verifies it, answers 'ok BYTES CHECKSUM'\n"
	"  source   sends a stream of --bytes, closes\n"
	"  info     reads a line, prints its own TCP_INFO, answers, closes\n"
	"Options:\n"
	"  --mptcp         an IPPROTO_MPTCP listener\n"
	"  --backlog N     default 4096\n"
	"  --rcvbuf BYTES, --maxseg BYTES, --reuseport\n"
	"  --bytes N       length of the source's stream, default 1 MiB\n"
	"  --seed N        of the stream; both ends must agree; default 1\n"
	"'::' listens on both families. Prints 'ready' when listening; ends on SIGTERM.\n";

static const struct option long_options[] = {
	{"listen", required_argument, NULL, 'l'},  {"mptcp", no_argument, NULL, 'm'},
	{"backlog", required_argument, NULL, 'b'}, {"rcvbuf", required_argument, NULL, 'r'},
	{"maxseg", required_argument, NULL, 'g'},  {"reuseport", no_argument, NULL, 'p'},
	{"bytes", required_argument, NULL, 'n'},   {"seed", required_argument, NULL, 'e'},
	{"help", no_argument, NULL, 'h'},	   {0},
};

static void add_listener(int argc, char **argv)
{
	struct listener *listener = &settings.listener[settings.listeners];

	if (settings.listeners++ == MAX_LISTENERS)
		usage_error("at most %d listeners", MAX_LISTENERS);
	if (optind >= argc)
		usage_error("--listen needs an address and a port");
	listener->addr = parse_addr(optarg);
	listener->port = parse_number(argv[optind++], 1, 65535, "port");
}

static void parse_option(int option, int argc, char **argv)
{
	switch (option) {
	case 'l':
		add_listener(argc, argv);
		break;
	case 'm':
		settings.mptcp = true;
		break;
	case 'b':
		settings.backlog = parse_number(optarg, 1, 1 << 20, "backlog");
		break;
	case 'r':
		settings.rcvbuf = parse_number(optarg, 1, 1 << 30, "receive buffer");
		break;
	case 'g':
		settings.maxseg = parse_number(optarg, 48, 65495, "segment size");
		break;
	case 'p':
		settings.reuseport = true;
		break;
	case 'n':
		settings.bytes = parse_number(optarg, 1, UINT64_MAX, "bytes");
		break;
	case 'e':
		settings.seed = parse_number(optarg, 0, UINT64_MAX, "seed");
		break;
	case 'h':
		fputs(help, stdout);
		exit(0);
	default:
		usage_error("wrong option");
	}
}

static void parse_settings(int argc, char **argv)
{
	int option;

	/* '+': an operand ends the options only at the end, so that --listen may take two words */
	for (;;) {
		option = getopt_long(argc, argv, "+", long_options, NULL);
		if (option != -1) {
			parse_option(option, argc, argv);
			continue;
		}
		if (optind >= argc)
			break;
		for (option = 0; option <= INFO; option++)
			if (!strcmp(argv[optind], behaviour_names[option]))
				break;
		if (option > INFO)
			usage_error("unknown behaviour '%s'", argv[optind]);
		settings.behaviour = option;
		optind++;
	}
	if (!settings.listeners)
		usage_error("--listen is required");
}

static void set_int(int fd, int level, int name, int value, const char *what)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)))
		die("%s: %m", what);
}

static void watch(struct conn *conn, uint32_t events, int op)
{
	struct epoll_event event = {.events = events, .data.ptr = conn};

	if (epoll_ctl(epoll_fd, op, conn->fd, &event))
		die("epoll: %m");
}

static struct conn *new_conn(int fd)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		die("out of memory");
	conn->fd = fd;
	conn->stream_ok = true;
	conn->stream.seed = settings.seed;
	return conn;
}

static void open_listener(const struct listener *listener)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&listener->addr, listener->port, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
			settings.mptcp ? IPPROTO_MPTCP : IPPROTO_TCP);
	struct conn *conn;

	if (fd < 0)
		die("socket: %m");
	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
	if (ss.ss_family == AF_INET6)
		set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0, "IPV6_V6ONLY");
	if (settings.reuseport)
		set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT");
	if (settings.rcvbuf)
		set_int(fd, SOL_SOCKET, SO_RCVBUF, settings.rcvbuf, "SO_RCVBUF");
	if (settings.maxseg)
		set_int(fd, IPPROTO_TCP, TCP_MAXSEG, settings.maxseg, "TCP_MAXSEG");
	if (bind(fd, (struct sockaddr *)&ss, len))
		die("bind to %s port %u: %m", addr_text(&listener->addr), listener->port);
	if (listen(fd, settings.backlog))
		die("listen: %m");
	conn = new_conn(fd);
	conn->listening = true;
	watch(conn, EPOLLIN, EPOLL_CTL_ADD);
}

static void end(struct conn *conn)
{
	close(conn->fd);
	free(conn);
}

/* Puts off what the socket does not take now. Returns false when the connection has ended. */
static bool flush(struct conn *conn)
{
	ssize_t n;

	while (conn->sent < conn->pending) {
		n = send(conn->fd, conn->buf + conn->sent, conn->pending - conn->sent,
			 MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) {
			watch(conn, EPOLLOUT, EPOLL_CTL_MOD);
			return true;
		}
		if (n < 0)
			return false;
		conn->sent += n;
	}
	conn->pending = 0;
	conn->sent = 0;
	return true;
}

static void answer(struct conn *conn, const char *text)
{
	conn->pending = strlen(text);
	memcpy(conn->buf, text, conn->pending);
	conn->ended = true;
}

static void accept_all(struct conn *listening)
{
	struct conn *conn;
	int fd;

	while ((fd = accept4(listening->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		conn = new_conn(fd);
		watch(conn, settings.behaviour == SOURCE ? EPOLLOUT : EPOLLIN, EPOLL_CTL_ADD);
		if (settings.behaviour == GREET) {
			conn->pending = strlen(BANNER);
			memcpy(conn->buf, BANNER, conn->pending);
			if (!flush(conn))
				end(conn);
		}
	}
}

static bool send_stream(struct conn *conn)
{
	uint64_t left;

	while (!conn->pending && conn->stream.offset < settings.bytes) {
		left = settings.bytes - conn->stream.offset;
		conn->pending = left < CHUNK ? left : CHUNK;
		stream_fill(&conn->stream, conn->buf, conn->pending);
		if (!flush(conn))
			return false;
	}
	return conn->pending;
}

static void take(struct conn *conn, size_t n)
{
	char text[80];

	if (settings.behaviour == SINK) {
		conn->stream_ok &= stream_check(&conn->stream, conn->buf, n) == n;
		return;
	}
	if (settings.behaviour == GREET || settings.behaviour == ECHO_BACK) {
		conn->pending = n;
		return;
	}
	if (!memchr(conn->buf, '\n', n))
		return;
	if (settings.behaviour == INFO)
		print_tcp_info(conn->fd, stdout);
	snprintf(text, sizeof(text), "%s\r\n", settings.behaviour == INFO ? "info" : "hello");
	answer(conn, text);
}

static void finish_sink(struct conn *conn)
{
	char text[80];

	snprintf(text, sizeof(text), "%s %llu %016llx\n", conn->stream_ok ? "ok" : "corrupt",
		 (unsigned long long)conn->stream.offset,
		 (unsigned long long)conn->stream.checksum);
	answer(conn, text);
}

/* Returns false when the connection has ended. */
static bool serve(struct conn *conn)
{
	ssize_t n;

	if (settings.behaviour == SOURCE) {
		if (conn->pending && !flush(conn))
			return false;
		return send_stream(conn) || conn->pending;
	}
	if (conn->pending) {
		if (!flush(conn))
			return false;
		if (conn->pending)
			return true;
		watch(conn, EPOLLIN, EPOLL_CTL_MOD);
	}
	while (!conn->pending && !conn->ended) {
		n = recv(conn->fd, conn->buf, sizeof(conn->buf), 0);
		if (n < 0)
			return errno == EAGAIN;
		if (!n && settings.behaviour == SINK)
			finish_sink(conn);
		else if (!n)
			return false;
		else
			take(conn, n);
		if (!flush(conn))
			return false;
	}
	return conn->pending;
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];
	struct conn *conn;
	int n;

	parse_settings(argc, argv);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (unsigned int i = 0; i < settings.listeners; i++)
		open_listener(&settings.listener[i]);
	puts("ready");
	fflush(stdout);

	for (;;) {
		n = epoll_wait(epoll_fd, events, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			conn = events[i].data.ptr;
			if (conn->listening)
				accept_all(conn);
			else if (!serve(conn))
				end(conn);
		}
	}
}
