/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A server that tells what its application saw of each connection: that it was accepted, what was
 * read, and how it ended. Its client orders it about with single bytes in the stream; all other
 * bytes have their top bit set.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

#define EVENTS 256
#define CHUNK 65536

enum order {
	ORDER_ANSWER = 'A', /* tell what was read so far */
	ORDER_CLOSE = 'C',
	ORDER_HOLD = 'H',  /* do not close when the peer has */
	ORDER_QUIET = 'Q', /* send a FIN, and read on */
	ORDER_RESET = 'R', /* close with a RST */
};

/* In the order of acceptance; kept when the connection is over, to be told at the end. */
struct conn {
	struct conn *next;
	struct sockaddr_storage remote;
	int fd; /* -1: closed by this end, which sees nothing more */
	uint64_t bytes;
	uint64_t sum; /* FNV-1a */
	bool hold, eof, closed;
	int err;
};

static struct conn *first, **last = &first;
static int epoll_fd, listener;

static const char help[] =
	"usage: witness ADDR PORT\n"
	"Accepts connections ('::' takes both families) and reads them. Prints 'ready' when "
	"listening,\n"
	"and at SIGTERM one line for each connection, in the order of acceptance:\n"
	"  REMOTE PORT bytes=N sum=HEX END    END: open, eof, closed, or a name such as "
	"ECONNRESET\n"
	"Bytes of the stream that are orders: A answer 'BYTES SUM', C close, H hold (after EOF "
	"too),\n"
	"Q shut down its own half, R reset. At EOF it answers and closes.\n";

static void watch(int fd, void *data)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = data};

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event))
		die("epoll: %m");
}

static void open_listener(const struct addr *addr, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(addr, port, &ss);
	int one = 1;

	listener = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(listener, (struct sockaddr *)&ss, len) || listen(listener, 4096))
		die("listen on port %u: %m", port);
	watch(listener, NULL);
}

static void accept_all(void)
{
	struct sockaddr_storage remote;
	socklen_t len = sizeof(remote);
	struct conn *conn;
	int fd;

	while ((fd = accept4(listener, (struct sockaddr *)&remote, &len,
			     SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		conn = calloc(1, sizeof(*conn));
		if (!conn)
			die("out of memory");
		conn->fd = fd;
		conn->remote = remote;
		conn->sum = 0xcbf29ce484222325ULL;
		*last = conn;
		last = &conn->next;
		watch(fd, conn);
		len = sizeof(remote);
	}
}

static void close_conn(struct conn *conn, bool reset)
{
	struct linger hard = {.l_onoff = 1};

	if (reset)
		setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(conn->fd);
	conn->fd = -1;
}

static void answer(const struct conn *conn)
{
	char text[64];
	int len = snprintf(text, sizeof(text), "%llu %016llx\n", (unsigned long long)conn->bytes,
			   (unsigned long long)conn->sum);

	if (send(conn->fd, text, len, MSG_NOSIGNAL) != len)
		fprintf(stderr, "witness: an answer was not taken: %m\n");
}

static void obey(struct conn *conn, uint8_t byte)
{
	switch (byte) {
	case ORDER_ANSWER:
		answer(conn);
		break;
	case ORDER_HOLD:
		conn->hold = true;
		break;
	case ORDER_QUIET:
		shutdown(conn->fd, SHUT_WR);
		break;
	case ORDER_CLOSE:
	case ORDER_RESET:
		conn->closed = true;
		close_conn(conn, byte == ORDER_RESET);
		break;
	}
}

static void take(struct conn *conn, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len && conn->fd >= 0; i++) {
		conn->sum = (conn->sum ^ bytes[i]) * 0x100000001b3ULL;
		conn->bytes++;
		if (!(bytes[i] & 0x80))
			obey(conn, bytes[i]);
	}
}

/* The peer has closed: a held connection is watched for what may still come, an error. */
static void end_of_stream(struct conn *conn)
{
	struct epoll_event event = {.events = 0, .data.ptr = conn};

	conn->eof = true;
	if (conn->hold) {
		epoll_ctl(epoll_fd, EPOLL_CTL_MOD, conn->fd, &event);
		return;
	}
	answer(conn);
	close_conn(conn, false);
}

static void serve(struct conn *conn)
{
	static uint8_t buf[CHUNK];
	socklen_t len = sizeof(conn->err);
	ssize_t n;

	if (conn->eof) {
		getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &conn->err, &len);
		close_conn(conn, false);
		return;
	}
	while (conn->fd >= 0 && (n = recv(conn->fd, buf, sizeof(buf), 0)) != 0) {
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			conn->err = errno;
			close_conn(conn, false);
			return;
		}
		take(conn, buf, n);
	}
	if (conn->fd >= 0)
		end_of_stream(conn);
}

static void tell(const struct conn *conn)
{
	const struct sockaddr_in6 *in6 = (const void *)&conn->remote;
	const struct sockaddr_in *in4 = (const void *)&conn->remote;
	const void *addr = &in4->sin_addr;
	int family = conn->remote.ss_family;
	char text[INET6_ADDRSTRLEN];

	if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		family = AF_INET;
		addr = in6->sin6_addr.s6_addr + 12;
	} else if (family == AF_INET6) {
		addr = &in6->sin6_addr;
	}
	printf("%s %u bytes=%llu sum=%016llx", inet_ntop(family, addr, text, sizeof(text)),
	       ntohs(in4->sin_port), (unsigned long long)conn->bytes,
	       (unsigned long long)conn->sum);
	if (conn->eof)
		printf(" eof");
	if (conn->err)
		printf(" %s", strerrorname_np(conn->err) ?: "error");
	if (conn->closed)
		printf(" closed");
	if (!conn->eof && !conn->err && !conn->closed)
		printf(" open");
	putchar('\n');
}

static int open_signals(void)
{
	sigset_t signals;
	int fd;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	fd = signalfd(-1, &signals, SFD_CLOEXEC);
	if (fd < 0)
		die("signalfd: %m");
	return fd;
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];
	bool ended = false;
	struct addr addr;
	int n;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		fputs(help, stdout);
		return 0;
	}
	if (argc != 3)
		usage_error("an address and a port are needed");
	addr = parse_addr(argv[1]);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	open_listener(&addr, parse_number(argv[2], 1, 65535, "port"));
	watch(open_signals(), &ended);
	puts("ready");
	fflush(stdout);
	while (!ended) {
		n = epoll_wait(epoll_fd, events, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == &ended)
				ended = true;
			else if (!events[i].data.ptr)
				accept_all();
			else
				serve(events[i].data.ptr);
		}
	}
	for (const struct conn *conn = first; conn; conn = conn->next)
		tell(conn);
	return 0;
}
