/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "exporter.h"

#include <errno.h>
#include <stdlib.h>

#include "log.h"
#include "metrics.h"

#define HTTP_NS (SECOND_NS / 10) /* between two looks at its own time-outs */

static int write_page(const struct exporter *x, unsigned int flags, char **text, size_t *size)
{
	size_t count = *x->count, i, n;
	struct facts *facts = calloc(count + 1, sizeof(*facts));
	int err = facts ? 0 : -ENOMEM;

	for (n = 0; n < count && !err; n++) {
		const struct shield *s = (*x->shields)[n];

		err = facts_read(&facts[n], s->ifname, &s->maps);
		facts[n].daemon = !x->stopped;
	}
	if (!err)
		err = metrics_page(facts, count, flags, text, size);
	for (i = 0; i < n; i++)
		facts_free(&facts[i]);
	free(facts);
	return err;
}

static int page_for_http(void *arg, bool openmetrics, char **text, size_t *size)
{
	return write_page(arg, METRICS_PROCESS | (openmetrics ? METRICS_OPENMETRICS : 0), text,
			  size);
}

/* Not about this process: node_exporter would have names of its own twice. */
static void write_file(void *arg)
{
	struct exporter *x = arg;
	size_t size;
	char *text;

	x->begun = true;
	if (write_page(x, 0, &text, &size))
		return;
	metrics_file_write(&x->file, text, size);
	free(text);
}

static void run_http(void *arg)
{
	metrics_http_run(((struct exporter *)arg)->http);
}

static int watch_http(struct exporter *x)
{
	int i, fd, err = 0;

	for (i = 0; i < METRICS_HTTP_FDS && !err; i++) {
		fd = metrics_http_fd(x->http, i);
		if (fd >= 0)
			err = loop_watch(x->loop, &x->http_watches[i], fd, run_http, x);
	}
	loop_every(x->loop, &x->http_times, HTTP_NS, run_http, x);
	return err ? log_errno(err, "cannot serve metrics") : 0;
}

int exporter_open(struct exporter *x, struct loop *loop, const struct exporter_wish *wish,
		  const struct metrics_address *where, struct shield **const *shields,
		  const size_t *count)
{
	int err;

	*x = (struct exporter){
		.loop = loop, .shields = shields, .count = count, .file.path = wish->file};
	if (x->file.path)
		loop_every(loop, &x->file_times, METRICS_FILE_SECONDS * SECOND_NS, write_file, x);
	if (!wish->listen)
		return 0;
	err = metrics_http_open(&x->http, where, page_for_http, x);
	return err ? err : watch_http(x);
}

void exporter_close(struct exporter *x)
{
	int i;

	if (!x->loop)
		return;
	x->stopped = true;
	if (x->begun)
		write_file(x);
	for (i = 0; i < METRICS_HTTP_FDS; i++)
		loop_unwatch(x->loop, &x->http_watches[i]);
	loop_cancel(x->loop, &x->http_times);
	loop_cancel(x->loop, &x->file_times);
	metrics_http_close(x->http);
	*x = (struct exporter){.stopped = true};
}
