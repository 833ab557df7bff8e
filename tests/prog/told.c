/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "told.h"

#include <bpf/libbpf.h>
#include <string.h>
#include <time.h>

#include "harness.h"

static int keep(void *context, void *data, size_t size)
{
	struct told *t = context;

	if (size != sizeof(struct synshield_event))
		bail_out("an event of %zu bytes", size);
	if (t->count < TOLD_MAX)
		t->event[t->count] = *(struct synshield_event *)data;
	t->count++;
	return 0;
}

void told_read(const char *map, struct told *t)
{
	struct ring_buffer *ring;

	t->count = 0;
	ring = ring_buffer__new(shield_map(map), keep, t, NULL);
	if (!ring || ring_buffer__consume(ring) < 0)
		bail_out("ring buffer %s", map);
	ring_buffer__free(ring);
}

static bool is_recent(__u64 ns)
{
	struct timespec t;
	__u64 now;

	clock_gettime(CLOCK_BOOTTIME, &t);
	now = t.tv_sec * 1000000000ULL + t.tv_nsec;
	return ns <= now && now - ns < 60 * 1000000000ULL;
}

bool told_of(const struct synshield_event *e, const struct segment *s, enum synshield_end end)
{
	bool out = end == SYNSHIELD_LOCAL;
	const struct synshield_tuple *t = &e->tuple;

	return !memcmp(t->remote, out ? s->target : s->source, 16) &&
	       !memcmp(t->local, out ? s->source : s->target, 16) &&
	       t->remote_port == (out ? s->target_port : s->source_port) &&
	       t->local_port == (out ? s->source_port : s->target_port) && e->seq == s->seq &&
	       e->ack == s->ack && e->payload == s->payload_len && e->flags == s->flags &&
	       e->end == end && is_recent(e->time_ns);
}
