/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Limits per source, for ports that have them.  Only what a client proved counts,
 * so that nobody can use up another's share with made-up addresses.
 */
#ifndef SOURCES_H
#define SOURCES_H

#include "budget.h"
#include "conns.h"
#include "listener.h"

#define COUNT_GOOD_SECONDS 60

static __always_inline bool limits_sources(const struct synshield_listener *l)
{
	return l->source_conns || l->source_rate;
}

static __always_inline void source_key(const struct shield *s, const struct packet *p,
				       struct synshield_source_key *key)
{
	__u32 prefix = p->ipv6 ? s->settings->source_prefix6 : 96 + s->settings->source_prefix;
	const __u32 *from = (const __u32 *)p->tuple.remote;
	__u32 *to = (__u32 *)key->addr;

	memset(key, 0, sizeof(*key));
#pragma unroll
	for (int i = 0; i < 4; i++)
		to[i] = from[i] & prefix_mask(bits_in_word(prefix, i * 32));
	key->port = p->tuple.local_port;
}

static __always_inline struct synshield_source *find_source(const struct shield *s,
							    const struct packet *p)
{
	struct synshield_source_key key;

	source_key(s, p, &key);
	return bpf_map_lookup_elem(&sources, &key);
}

static __always_inline struct synshield_source *make_source(const struct shield *s,
							    const struct packet *p)
{
	struct synshield_source fresh = {.counted_jiffies = s->now};
	struct synshield_source_key key;

	source_key(s, p, &key);
	bpf_map_update_elem(&sources, &key, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&sources, &key);
}

/*
 * The reason why this source may not open one more, or 0.  A daemon that is gone
 * corrects no count: it must not lock anyone out.
 */
static __always_inline __u32 source_is_over(const struct shield *s,
					    const struct synshield_listener *l,
					    const struct synshield_source *source)
{
	if (l->source_conns && source->conns >= l->source_conns &&
	    (__u32)s->now - source->counted_jiffies < COUNT_GOOD_SECONDS * s->host->hz)
		return SYNSHIELD_REASON_source_conns;
	if (l->source_rate && !bucket_has(s, &source->opened, l->source_rate))
		return SYNSHIELD_REASON_source_rate;
	return 0;
}

/* A SYN: may it go on? */
static __always_inline __u32 source_may_not(const struct shield *s, const struct packet *p,
					    const struct synshield_listener *l)
{
	const struct synshield_source *source;

	if (likely(!limits_sources(l)))
		return 0;
	source = find_source(s, p);
	return source ? source_is_over(s, l, source) : 0;
}

/* A handshake is complete: count it, or the reason why not. */
static __always_inline __u32 source_opens(const struct shield *s, const struct packet *p,
					  const struct synshield_listener *l)
{
	struct synshield_source *source;
	__u32 reason;

	if (likely(!limits_sources(l)))
		return 0;
	source = find_source(s, p);
	if (!source)
		source = make_source(s, p);
	if (!source)
		return 0;
	reason = source_is_over(s, l, source);
	if (reason)
		return reason;
	if (l->source_conns)
		__sync_fetch_and_add(&source->conns, 1);
	bucket_take(s, &source->opened, l->source_rate);
	return 0;
}

/* Where a handshake had opened a connection from, if its port counts them; or NULL. */
static __always_inline struct synshield_source *
counted_source(const struct shield *s, const struct packet *p, const struct synshield_conn *c)
{
	const struct synshield_listener *l;

	if (c->state < SYNSHIELD_CONN_PROVEN)
		return NULL;
	l = find_listener(p);
	return unlikely(l && l->source_conns) ? find_source(s, p) : NULL;
}

/*
 * A connection is over.  If another CPU changes the count at this moment it stays one
 * too high, until the daemon counts anew.
 */
static __always_inline void source_closes(const struct shield *s, const struct packet *p,
					  const struct synshield_conn *c)
{
	struct synshield_source *source = counted_source(s, p, c);
	__u32 conns = source ? source->conns : 0;

	if (conns)
		__sync_val_compare_and_swap(&source->conns, conns, conns - 1);
}

/* It was not over after all: the kernel did not heed the RST. */
static __always_inline void source_goes_on(const struct shield *s, const struct packet *p,
					   const struct synshield_conn *c)
{
	struct synshield_source *source = counted_source(s, p, c);

	if (source)
		__sync_fetch_and_add(&source->conns, 1);
}

#endif
