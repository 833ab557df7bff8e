/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The real client: many short connections, one that tells its TCP_INFO, or one long transfer. */
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

#define MAX_SOURCES 256
#define MAX_ERRNO 200
#define CHUNK 65536

enum mode { GET, INFO, TRANSFER };

struct settings {
	enum mode mode;
	struct addr server;
	uint16_t port;
	struct addr source[MAX_SOURCES];
	unsigned int sources;
	bool source_range;
	unsigned int port_lo, port_hi; /* 0: the kernel chooses */
	uint64_t number;
	unsigned int concurrency;
	double rate;	/* connections per second, 0: no limit */
	double seconds; /* start no connection after, 0: no limit */
	double timeout;
	const char *request;
	const char *expect;
	uint64_t bytes; /* enough for an answer; 0: until the server closes */
	bool greeting;
	bool data_ack;
	bool fastopen;
	bool abort;
	bool progress;
	bool receive;
	uint64_t byte_rate;
	uint64_t seed;
};

struct conn {
	int fd; /* -1: unused */
	bool connected;
	bool requested;
	uint64_t started;
	uint64_t first_byte;
	uint64_t received;
	double connect_ms;
	char head[64];
};

static struct settings settings = {
	.number = 1,
	.concurrency = 1,
	.timeout = 5,
	.request = "hello\r\n",
	.seed = 1,
};

static struct {
	uint64_t attempted;
	uint64_t ok;
	uint64_t failed[MAX_ERRNO];
	uint64_t port_busy;
	struct samples connect, total;
} result;

static const char help[] =
	"usage: tcpc get [options] ADDR PORT\n"
	"       tcpc info [options] ADDR PORT\n"
	"       tcpc transfer --send N|--recv N [options] ADDR PORT\n"
	"Common:\n"
	"  --src A,B,..            source addresses, used in turn\n"
	"  --src-range FIRST,N     N addresses from FIRST on\n"
	"  --sports LO-HI          source ports, reused in turn; a pair still busy is skipped\n"
	"  --timeout S             for each connection, default 5\n"
	"get: connections that ask and read the answer; the result is JSON\n"
	"  -n N, -c C              how many, and how many at a time (1, 1)\n"
	"  --rate R                start at most R per second\n"
	"  --seconds S             start none after S seconds\n"
	"  --line TEXT             what to ask, right behind connect (default: a line)\n"
	"  --http PATH             ask for a page instead\n"
	"  --expect TEXT           the answer must begin so\n"
	"  --bytes N               enough of an answer; default: until the server closes\n"
	"  --greeting              the server speaks first\n"
	"  --data-ack              let the request carry the handshake's ACK\n"
	"  --fastopen              offer TCP Fast Open; with net.ipv4.tcp_fastopen=5 here the SYN "
	"carries\n"
	"                          the request, which comes again with the ACK if it was not "
	"accepted\n"
	"  --abort                 end with a RST\n"
	"  --progress              a line each second on stderr\n"
	"info: asks one line, then prints TCP_INFO\n"
	"transfer: one stream of --seed N (1), at --byte-rate B per second; verified\n";

enum long_only {
	OPT_SRC = 256,
	OPT_SRC_RANGE,
	OPT_SPORTS,
	OPT_TIMEOUT,
	OPT_RATE,
	OPT_SECONDS,
	OPT_LINE,
	OPT_HTTP,
	OPT_EXPECT,
	OPT_BYTES,
	OPT_GREETING,
	OPT_DATA_ACK,
	OPT_FASTOPEN,
	OPT_ABORT,
	OPT_PROGRESS,
	OPT_SEND,
	OPT_RECV,
	OPT_BYTE_RATE,
	OPT_SEED,
	OPT_HELP,
};

static const struct option long_options[] = {
	{"src", required_argument, NULL, OPT_SRC},
	{"src-range", required_argument, NULL, OPT_SRC_RANGE},
	{"sports", required_argument, NULL, OPT_SPORTS},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"rate", required_argument, NULL, OPT_RATE},
	{"seconds", required_argument, NULL, OPT_SECONDS},
	{"line", required_argument, NULL, OPT_LINE},
	{"http", required_argument, NULL, OPT_HTTP},
	{"expect", required_argument, NULL, OPT_EXPECT},
	{"bytes", required_argument, NULL, OPT_BYTES},
	{"greeting", no_argument, NULL, OPT_GREETING},
	{"data-ack", no_argument, NULL, OPT_DATA_ACK},
	{"fastopen", no_argument, NULL, OPT_FASTOPEN},
	{"abort", no_argument, NULL, OPT_ABORT},
	{"progress", no_argument, NULL, OPT_PROGRESS},
	{"send", required_argument, NULL, OPT_SEND},
	{"recv", required_argument, NULL, OPT_RECV},
	{"byte-rate", required_argument, NULL, OPT_BYTE_RATE},
	{"seed", required_argument, NULL, OPT_SEED},
	{"help", no_argument, NULL, OPT_HELP},
	{0},
};

static double parse_seconds(const char *text, const char *what)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || value <= 0)
		usage_error("%s '%s' is not a positive number", what, text);
	return value;
}

static void parse_sources(char *list)
{
	char *save, *word;

	for (word = strtok_r(list, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		if (settings.sources == MAX_SOURCES)
			usage_error("at most %d sources: use --src-range", MAX_SOURCES);
		settings.source[settings.sources++] = parse_addr(word);
	}
}

static void parse_source_range(char *text)
{
	char *comma = strchr(text, ',');

	if (!comma)
		usage_error("--src-range needs FIRST,N");
	*comma = '\0';
	settings.source[0] = parse_addr(text);
	settings.sources = parse_number(comma + 1, 1, 1 << 20, "number of sources");
	settings.source_range = true;
}

static char *format_request(const char *format, const char *argument)
{
	char *text;

	if (asprintf(&text, format, argument) < 0)
		die("out of memory");
	return text;
}

static void parse_get_option(int option)
{
	switch (option) {
	case 'n':
		settings.number = parse_number(optarg, 1, UINT64_MAX, "number");
		break;
	case 'c':
		settings.concurrency = parse_number(optarg, 1, 100000, "concurrency");
		break;
	case OPT_RATE:
		settings.rate = parse_seconds(optarg, "rate");
		break;
	case OPT_SECONDS:
		settings.seconds = parse_seconds(optarg, "seconds");
		break;
	case OPT_LINE:
		settings.request = format_request("%s\r\n", optarg);
		break;
	case OPT_HTTP:
		settings.request = format_request(
			"GET %s HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n", optarg);
		break;
	case OPT_EXPECT:
		settings.expect = optarg;
		break;
	case OPT_BYTES:
		settings.bytes = parse_number(optarg, 1, UINT64_MAX, "bytes");
		break;
	case OPT_GREETING:
		settings.greeting = true;
		break;
	case OPT_DATA_ACK:
		settings.data_ack = true;
		break;
	case OPT_FASTOPEN:
		settings.fastopen = true;
		break;
	case OPT_ABORT:
		settings.abort = true;
		break;
	case OPT_PROGRESS:
		settings.progress = true;
		break;
	default:
		usage_error("wrong option");
	}
}

static void parse_option(int option)
{
	switch (option) {
	case OPT_SRC:
		parse_sources(optarg);
		break;
	case OPT_SRC_RANGE:
		parse_source_range(optarg);
		break;
	case OPT_SPORTS:
		parse_range(optarg, 65535, "port", &settings.port_lo, &settings.port_hi);
		break;
	case OPT_TIMEOUT:
		settings.timeout = parse_seconds(optarg, "time-out");
		break;
	case OPT_SEND:
	case OPT_RECV:
		settings.receive = option == OPT_RECV;
		settings.bytes = parse_number(optarg, 1, UINT64_MAX, "bytes");
		break;
	case OPT_BYTE_RATE:
		settings.byte_rate = parse_number(optarg, 1, UINT64_MAX, "rate");
		break;
	case OPT_SEED:
		settings.seed = parse_number(optarg, 0, UINT64_MAX, "seed");
		break;
	case OPT_HELP:
		fputs(help, stdout);
		exit(0);
	default:
		parse_get_option(option);
	}
}

static void parse_settings(int argc, char **argv)
{
	static const char *const modes[] = {"get", "info", "transfer"};
	int option, mode = 0;

	while ((option = getopt_long(argc, argv, "n:c:", long_options, NULL)) != -1)
		parse_option(option);
	if (argc - optind != 3)
		usage_error("a mode, an address and a port are needed");
	while (mode < 3 && strcmp(argv[optind], modes[mode]))
		mode++;
	if (mode == 3)
		usage_error("unknown mode '%s'", argv[optind]);
	settings.mode = mode;
	settings.server = parse_addr(argv[optind + 1]);
	settings.port = parse_number(argv[optind + 2], 1, 65535, "port");
	for (int i = 0; i < (settings.source_range ? 1 : (int)settings.sources); i++)
		if (settings.source[i].family != settings.server.family)
			usage_error("source and server are of different families");
	if (mode == TRANSFER && !settings.bytes)
		usage_error("transfer needs --send or --recv");
}

static int open_socket(void)
{
	int one = 1, zero = 0;
	int fd = socket(settings.server.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket: %m");
	if (settings.port_lo)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	else if (settings.sources) /* bind the address only; connect chooses the port */
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	if (settings.data_ack)
		setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &zero, sizeof(zero));
	return fd;
}

/* Sources vary fastest, so that one port is used by all of them before the next. */
static int bind_source(int fd, uint64_t n)
{
	struct addr any = {.family = settings.server.family};
	unsigned int sources = settings.sources ? settings.sources : 1;
	unsigned int span = settings.port_hi - settings.port_lo + 1;
	uint16_t port = settings.port_lo ? settings.port_lo + n / sources % span : 0;
	struct sockaddr_storage ss;
	struct addr source = any;
	socklen_t len;

	if (!settings.sources && !port)
		return 0;
	if (settings.source_range)
		source = addr_plus(&settings.source[0], n % sources);
	else if (settings.sources)
		source = settings.source[n % sources];
	len = addr_to_sockaddr(&source, port, &ss);
	return bind(fd, (struct sockaddr *)&ss, len) ? -errno : 0;
}

/* A fast open takes the request if there is a cookie or none is asked for. */
static int start_connect(int fd, bool *requested)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&settings.server, settings.port, &ss);
	ssize_t n;

	if (settings.fastopen) {
		n = sendto(fd, settings.request, strlen(settings.request),
			   MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr *)&ss, len);
		*requested = n > 0;
	} else {
		n = connect(fd, (struct sockaddr *)&ss, len);
		*requested = false;
	}
	return n < 0 && errno != EINPROGRESS ? -errno : 0;
}

static void fail(int err)
{
	result.failed[err > 0 && err < MAX_ERRNO ? err : 0]++;
}

static void end(struct conn *conn, int err)
{
	struct linger hard = {.l_onoff = 1};

	if (err) {
		fail(err);
	} else {
		result.ok++;
		samples_add(&result.connect, conn->connect_ms);
		samples_add(&result.total, (conn->first_byte - conn->started) / 1e6);
	}
	if (settings.abort)
		setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(conn->fd);
	conn->fd = -1;
}

/* Returns false if the slot stays free. */
static bool begin(struct conn *conn, int epoll_fd, uint64_t n)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = conn};
	int fd = open_socket(), err = bind_source(fd, n);

	*conn = (struct conn){.fd = -1, .started = now_ns()};
	if (!err)
		err = start_connect(fd, &conn->requested);
	if (settings.port_lo && (err == -EADDRNOTAVAIL || err == -EADDRINUSE)) {
		result.port_busy++;
		close(fd);
		return false;
	}
	result.attempted++;
	if (err) {
		fail(-err);
		close(fd);
		return false;
	}
	conn->fd = fd;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event))
		die("epoll: %m");
	return true;
}

/* The request leaves within microseconds of the handshake's ACK. */
static void on_writable(struct conn *conn, int epoll_fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
	socklen_t len = sizeof(int);
	int err = 0;

	getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &err, &len);
	if (err) {
		end(conn, err);
		return;
	}
	if (!conn->connected) {
		conn->connected = true;
		conn->connect_ms = (now_ns() - conn->started) / 1e6;
	}
	if (!conn->requested && (!settings.greeting || conn->received)) {
		if (send(conn->fd, settings.request, strlen(settings.request), MSG_NOSIGNAL) < 0) {
			end(conn, errno);
			return;
		}
		conn->requested = true;
	}
	if (conn->requested || settings.greeting)
		epoll_ctl(epoll_fd, EPOLL_CTL_MOD, conn->fd, &event);
}

static bool as_expected(const struct conn *conn)
{
	return !settings.expect || !strncmp(conn->head, settings.expect,
					    strnlen(settings.expect, sizeof(conn->head) - 1));
}

static void on_readable(struct conn *conn)
{
	static char buf[CHUNK];
	ssize_t n;

	while ((n = recv(conn->fd, buf, sizeof(buf), 0)) > 0) {
		if (!conn->received) {
			conn->first_byte = now_ns();
			memcpy(conn->head, buf, (size_t)n < sizeof(conn->head) ? n : 63);
		}
		conn->received += n;
		if (settings.greeting && !conn->requested) {
			conn->requested = true;
			send(conn->fd, settings.request, strlen(settings.request), MSG_NOSIGNAL);
		}
		if (settings.bytes && conn->received >= settings.bytes)
			break;
	}
	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0)
		end(conn, errno);
	else if (!conn->received || (settings.bytes && conn->received < settings.bytes))
		end(conn, ENODATA);
	else
		end(conn, as_expected(conn) ? 0 : EBADMSG);
}

static void on_event(struct conn *conn, uint32_t events, int epoll_fd)
{
	if (conn->fd >= 0 && !conn->connected)
		on_writable(conn, epoll_fd);
	if (conn->fd >= 0 && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		on_readable(conn);
}

static void print_result(double seconds)
{
	const char *separator = "";

	printf("{\"attempted\":%llu,\"ok\":%llu,\"failed\":{", (unsigned long long)result.attempted,
	       (unsigned long long)result.ok);
	for (int err = 0; err < MAX_ERRNO; err++) {
		if (!result.failed[err])
			continue;
		printf("%s\"%s\":%llu", separator, strerrorname_np(err) ?: "unknown",
		       (unsigned long long)result.failed[err]);
		separator = ",";
	}
	printf("},\"port_busy\":%llu,\"seconds\":%.3f,", (unsigned long long)result.port_busy,
	       seconds);
	samples_print(&result.connect, "connect_ms", stdout);
	putchar(',');
	samples_print(&result.total, "total_ms", stdout);
	puts("}");
}

static void print_progress(uint64_t now)
{
	static uint64_t next;

	if (!settings.progress || now < next)
		return;
	if (next)
		fprintf(stderr, "%llu connections, %llu answered\n",
			(unsigned long long)result.attempted, (unsigned long long)result.ok);
	next = now + NSEC_PER_SEC;
}

struct pool {
	struct conn *conn;
	int epoll_fd;
	unsigned int open;
	uint64_t next; /* serial number, which chooses source and port */
	uint64_t started;
};

static bool may_start(const struct pool *pool, uint64_t now)
{
	double elapsed = (now - pool->started) / (double)NSEC_PER_SEC;

	if (result.attempted >= settings.number)
		return false;
	if (settings.seconds && elapsed >= settings.seconds)
		return false;
	return !settings.rate || result.attempted <= elapsed * settings.rate;
}

static bool all_started(const struct pool *pool, uint64_t now)
{
	return result.attempted >= settings.number ||
	       (settings.seconds && (now - pool->started) / 1e9 >= settings.seconds);
}

static void fill(struct pool *pool)
{
	unsigned int busy = 0;

	for (unsigned int i = 0; i < settings.concurrency; i++) {
		/* every source port busy: let time pass */
		while (pool->conn[i].fd < 0 && busy < 1024 && may_start(pool, now_ns()))
			if (begin(&pool->conn[i], pool->epoll_fd, pool->next++))
				pool->open++;
			else
				busy++;
	}
}

static void expire(struct pool *pool, uint64_t now)
{
	for (unsigned int i = 0; i < settings.concurrency; i++)
		if (pool->conn[i].fd >= 0 &&
		    now - pool->conn[i].started > settings.timeout * NSEC_PER_SEC)
			end(&pool->conn[i], ETIMEDOUT);
}

static unsigned int count_open(const struct pool *pool)
{
	unsigned int open = 0;

	for (unsigned int i = 0; i < settings.concurrency; i++)
		open += pool->conn[i].fd >= 0;
	return open;
}

static int run_get(void)
{
	struct pool pool = {.epoll_fd = epoll_create1(EPOLL_CLOEXEC), .started = now_ns()};
	struct epoll_event events[64];
	uint64_t now, next_expiry = 0;
	int n;

	pool.conn = calloc(settings.concurrency, sizeof(*pool.conn));
	if (!pool.conn)
		die("out of memory");
	for (unsigned int i = 0; i < settings.concurrency; i++)
		pool.conn[i].fd = -1;
	do {
		fill(&pool);
		n = epoll_wait(pool.epoll_fd, events, 64, settings.rate ? 1 : 10);
		for (int i = 0; i < n; i++)
			on_event(events[i].data.ptr, events[i].events, pool.epoll_fd);
		now = now_ns();
		if (now >= next_expiry) {
			expire(&pool, now);
			next_expiry = now + NSEC_PER_SEC / 50;
		}
		print_progress(now);
		pool.open = count_open(&pool);
	} while (pool.open || !all_started(&pool, now));
	print_result((now_ns() - pool.started) / 1e9);
	return result.ok == result.attempted ? 0 : 1;
}

static void wait_for(int fd, short events)
{
	struct pollfd pfd = {.fd = fd, .events = events};

	if (poll(&pfd, 1, settings.timeout * 1000) == 0)
		die("nothing happened for %g s", settings.timeout);
}

static int connect_one(void)
{
	int fd = open_socket(), err = bind_source(fd, 0);
	socklen_t len = sizeof(err);
	bool requested;

	settings.fastopen = false;
	if (!err)
		err = start_connect(fd, &requested);
	if (!err) {
		wait_for(fd, POLLOUT);
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
	}
	if (err)
		die("connect to %s port %u: %s", addr_text(&settings.server), settings.port,
		    strerror(abs(err)));
	return fd;
}

static size_t read_some(int fd, uint8_t *buf, size_t len)
{
	ssize_t n;

	while ((n = recv(fd, buf, len, 0)) < 0 && errno == EAGAIN)
		wait_for(fd, POLLIN);
	if (n < 0)
		die("recv: %m");
	return n;
}

static void write_all(int fd, const uint8_t *buf, size_t len)
{
	ssize_t n;

	while (len) {
		n = send(fd, buf, len, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			die("send: %m");
		if (n < 0) {
			wait_for(fd, POLLOUT);
			continue;
		}
		buf += n;
		len -= n;
	}
}

/* After one exchange, when both ends have measured what they measure. */
static int run_info(void)
{
	uint8_t buf[256];
	int fd = connect_one();

	write_all(fd, (const uint8_t *)settings.request, strlen(settings.request));
	if (!read_some(fd, buf, sizeof(buf)))
		die("the server closed without an answer");
	print_tcp_info(fd, stdout);
	close(fd);
	return 0;
}

/* Keeps to the rate, and tells once a second how far the transfer is. */
static void pace(const struct stream *stream, uint64_t started)
{
	static uint64_t next;
	uint64_t now = now_ns(), due;

	if (settings.byte_rate) {
		due = started + stream->offset * (double)NSEC_PER_SEC / settings.byte_rate;
		if (due > now)
			usleep((due - now) / 1000);
	}
	if (now < next)
		return;
	next = now + NSEC_PER_SEC;
	fprintf(stderr, "%llu of %llu bytes\n", (unsigned long long)stream->offset,
		(unsigned long long)settings.bytes);
}

static void send_stream(int fd, struct stream *stream, size_t chunk)
{
	uint64_t started = now_ns(), left;
	uint8_t buf[CHUNK];
	char answer[128], wanted[128];
	size_t n, have = 0;

	while ((left = settings.bytes - stream->offset)) {
		n = left < chunk ? left : chunk;
		stream_fill(stream, buf, n);
		write_all(fd, buf, n);
		pace(stream, started);
	}
	shutdown(fd, SHUT_WR);
	while ((n = read_some(fd, (uint8_t *)answer + have, sizeof(answer) - 1 - have)))
		have += n;
	answer[have] = '\0';
	snprintf(wanted, sizeof(wanted), "ok %llu %016llx\n", (unsigned long long)stream->offset,
		 (unsigned long long)stream->checksum);
	if (strcmp(answer, wanted))
		die("the server says '%.*s'", (int)strcspn(answer, "\n"), answer);
}

static void receive_stream(int fd, struct stream *stream, size_t chunk)
{
	uint64_t started = now_ns();
	uint8_t buf[CHUNK];
	size_t n;

	while ((n = read_some(fd, buf, chunk))) {
		if (stream_check(stream, buf, n) != n)
			die("wrong byte at offset %llu", (unsigned long long)stream->offset);
		pace(stream, started);
	}
	if (stream->offset != settings.bytes)
		die("the stream ended after %llu of %llu bytes", (unsigned long long)stream->offset,
		    (unsigned long long)settings.bytes);
}

static int run_transfer(void)
{
	struct stream stream = {.seed = settings.seed};
	size_t chunk = CHUNK;
	int fd = connect_one();

	/* ten steps a second, so that a slow transfer is a steady one */
	if (settings.byte_rate && settings.byte_rate / 10 < chunk)
		chunk = settings.byte_rate / 10 + 1;
	if (settings.receive)
		receive_stream(fd, &stream, chunk);
	else
		send_stream(fd, &stream, chunk);
	printf("ok %llu %016llx\n", (unsigned long long)stream.offset,
	       (unsigned long long)stream.checksum);
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	struct rlimit files;

	parse_settings(argc, argv);
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	switch (settings.mode) {
	case GET:
		return run_get();
	case INFO:
		return run_info();
	default:
		return run_transfer();
	}
}
