/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "exporter.h"

#include <errno.h>
#include <stdlib.h>

#include "metrics.h"

static int write_page(const struct exporter *x, unsigned int flags, char **text, size_t *size)
{
	size_t count = *x->count, i, n;
	struct facts *facts = calloc(count + 1, sizeof(*facts));
	int err = facts ? 0 : -ENOMEM;

	for (n = 0; n < count && !err; n++) {
		const struct shield *s = &(*x->shields)[n];

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
static void write_file(struct exporter *x)
{
	size_t size;
	char *text;

	if (!x->file.path || write_page(x, 0, &text, &size))
		return;
	metrics_file_write(&x->file, text, size);
	free(text);
}

int exporter_open(struct exporter *x, const struct exporter_wish *wish,
		  const struct metrics_address *where, struct shield *const *shields,
		  const size_t *count)
{
	*x = (struct exporter){.shields = shields, .count = count, .file.path = wish->file};
	return wish->listen ? metrics_http_open(&x->http, where, page_for_http, x) : 0;
}

void exporter_close(struct exporter *x)
{
	x->stopped = true;
	if (x->age) /* it has begun */
		write_file(x);
	metrics_http_close(x->http);
	*x = (struct exporter){.stopped = true};
}

int exporter_fd(const struct exporter *x, int i)
{
	return x->http ? metrics_http_fd(x->http, i) : -1;
}

void exporter_run(struct exporter *x)
{
	if (x->http)
		metrics_http_run(x->http);
}

void exporter_second(struct exporter *x)
{
	if (x->age++ % METRICS_FILE_SECONDS == 0)
		write_file(x);
}
