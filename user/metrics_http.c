/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "metrics_http.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

/* Each has one request, and so much time for it: who is slow takes nothing from the daemon. */
#define CONNECTIONS 16 /* of each descriptor */
#define CONNECTION_SECONDS 10
#define CONNECTION_BYTES 8192
/* A page is served for so long: many requests cost no more than ten a second. */
#define PAGE_NS (SECOND_NS / 10)

#define TYPE_TEXT "text/plain; version=0.0.4; charset=utf-8"
#define TYPE_OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"

struct client {
	int fd; /* -1: free */
	__u64 since;
};

struct server {
	struct metrics_http *http;
	struct MHD_Daemon *mhd;
	int epoll;
	struct client clients[CONNECTIONS];
};

struct cached_page {
	struct MHD_Response *response;
	__u64 made;
};

struct metrics_http {
	metrics_page_t page;
	void *arg;
	struct server servers[METRICS_HTTP_FDS];
	struct cached_page pages[2]; /* by whether it is OpenMetrics */
};

/* -- answers -- */

static struct MHD_Response *make_response(char *text, size_t size, const char *type)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);

	if (!r) {
		free(text);
		return NULL;
	}
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
	return r;
}

static enum MHD_Result answer_line(struct MHD_Connection *c, unsigned int status, const char *line)
{
	char *text = strdup(line);
	struct MHD_Response *r;
	enum MHD_Result result;

	r = text ? make_response(text, strlen(text), "text/plain; charset=utf-8") : NULL;
	if (!r)
		return MHD_NO;
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	result = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return result;
}

static struct MHD_Response *current_page(struct metrics_http *h, bool openmetrics)
{
	struct cached_page *p = &h->pages[openmetrics];
	__u64 now = clock_ns(CLOCK_MONOTONIC);
	size_t size;
	char *text;

	if (p->response && now - p->made < PAGE_NS)
		return p->response;
	if (p->response)
		MHD_destroy_response(p->response);
	p->response = NULL;
	if (h->page(h->arg, openmetrics, &text, &size))
		return NULL;
	p->response = make_response(text, size, openmetrics ? TYPE_OPENMETRICS : TYPE_TEXT);
	p->made = now;
	return p->response;
}

static enum MHD_Result answer_page(struct metrics_http *h, struct MHD_Connection *c)
{
	const char *accept =
		MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
	bool openmetrics = accept && strcasestr(accept, "application/openmetrics-text");
	struct MHD_Response *r = current_page(h, openmetrics);

	if (!r)
		return answer_line(c, MHD_HTTP_INTERNAL_SERVER_ERROR,
				   "the metrics cannot be read: see the daemon's log\n");
	return MHD_queue_response(c, MHD_HTTP_OK, r);
}

static enum MHD_Result answer(void *arg, struct MHD_Connection *c, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **seen)
{
	struct server *s = arg;

	if (!*seen) { /* the head only: an answer now would end a request with a body */
		*seen = s;
		return MHD_YES;
	}
	if (*upload_size) {
		*upload_size = 0;
		return MHD_YES;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
		return answer_line(c, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
	if (!strcmp(url, "/metrics"))
		return answer_page(s->http, c);
	if (!strcmp(url, "/"))
		return answer_line(c, MHD_HTTP_OK, "synshield: the metrics are at /metrics\n");
	return answer_line(c, MHD_HTTP_NOT_FOUND, "not found: the metrics are at /metrics\n");
}

/* -- connections -- */

static void note_client(void *arg, struct MHD_Connection *c, void **context,
			enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct server *s = arg;
	int i, fd = info ? info->connect_fd : -1;
	bool begins = code == MHD_CONNECTION_NOTIFY_STARTED;

	for (i = 0; i < CONNECTIONS; i++) {
		if (s->clients[i].fd != (begins ? -1 : fd))
			continue;
		s->clients[i] = (struct client){begins ? fd : -1, clock_ns(CLOCK_MONOTONIC)};
		return;
	}
}

/* libmicrohttpd's own time-out is for silence: who sends a byte now and then would stay. */
static void end_slow(struct server *s, __u64 now)
{
	int i;

	for (i = 0; i < CONNECTIONS; i++) {
		if (s->clients[i].fd >= 0 &&
		    now - s->clients[i].since > CONNECTION_SECONDS * SECOND_NS)
			shutdown(s->clients[i].fd, SHUT_RDWR);
	}
}

/* -- set-up -- */

__attribute__((format(printf, 2, 0))) static void log_mhd(void *arg, const char *fmt, va_list ap)
{
	char text[256];
	int n = vsnprintf(text, sizeof(text), fmt, ap);

	while (n > 0 && n < (int)sizeof(text) && text[n - 1] == '\n')
		text[--n] = 0;
	log_detail("metrics: %s", text);
}

/* MHD_run() does what there is to do, and blocks on nothing: no thread is needed. */
static int start_server(struct server *s, int fd)
{
	const unsigned int flags = MHD_USE_EPOLL | MHD_USE_ERROR_LOG;
	const union MHD_DaemonInfo *info;

	s->mhd = MHD_start_daemon(flags, 0, NULL, NULL, answer, s, MHD_OPTION_LISTEN_SOCKET, fd,
				  MHD_OPTION_CONNECTION_LIMIT, (unsigned int)CONNECTIONS,
				  MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)CONNECTION_SECONDS,
				  MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
				  MHD_OPTION_NOTIFY_CONNECTION, note_client, s,
				  MHD_OPTION_EXTERNAL_LOGGER, log_mhd, NULL, MHD_OPTION_END);
	if (!s->mhd) {
		close(fd);
		return -ENOMEM;
	}
	info = MHD_get_daemon_info(s->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return -EOPNOTSUPP;
	s->epoll = info->epoll_fd;
	return 0;
}

static struct metrics_http *make_http(metrics_page_t page, void *arg)
{
	struct metrics_http *h = calloc(1, sizeof(*h));
	int i, j;

	if (!h)
		return NULL;
	h->page = page;
	h->arg = arg;
	for (i = 0; i < METRICS_HTTP_FDS; i++) {
		h->servers[i].http = h;
		h->servers[i].epoll = -1;
		for (j = 0; j < CONNECTIONS; j++)
			h->servers[i].clients[j].fd = -1;
	}
	return h;
}

int metrics_http_open(struct metrics_http **made, const struct metrics_address *where,
		      metrics_page_t page, void *arg)
{
	struct metrics_http *h = make_http(page, arg);
	int i, fd, n = 0, err = h ? 0 : -ENOMEM;

	for (i = 0; i < where->count && !err; i++) {
		fd = metrics_address_listen(where, i);
		if (fd == -EAFNOSUPPORT)
			continue;
		err = fd < 0 ? fd : start_server(&h->servers[n++], fd);
		if (fd >= 0 && err)
			log_errno(err, "cannot serve metrics");
	}
	if (err) {
		metrics_http_close(h);
		h = NULL;
	}
	*made = h;
	return err;
}

void metrics_http_close(struct metrics_http *h)
{
	int i;

	if (!h)
		return;
	for (i = 0; i < METRICS_HTTP_FDS; i++) {
		if (h->servers[i].mhd)
			MHD_stop_daemon(h->servers[i].mhd);
	}
	for (i = 0; i < 2; i++) {
		if (h->pages[i].response)
			MHD_destroy_response(h->pages[i].response);
	}
	free(h);
}

int metrics_http_fd(const struct metrics_http *h, int i)
{
	return h->servers[i].epoll;
}

void metrics_http_run(struct metrics_http *h)
{
	__u64 now = clock_ns(CLOCK_MONOTONIC);
	int i;

	for (i = 0; i < METRICS_HTTP_FDS; i++) {
		if (!h->servers[i].mhd)
			continue;
		end_slow(&h->servers[i], now);
		MHD_run(h->servers[i].mhd);
	}
}
