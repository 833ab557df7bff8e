/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What has just been found out about a listener.  In a flood the same would be found again,
 * segment by segment: it is taken to hold until the next jiffy.
 */
#ifndef HOT_H
#define HOT_H

#include "listener.h"

#define HOT_SLOTS 64

struct hot {
	struct synshield_listener_key key ALIGNED_8;
	__u32 generation, epoch; /* of the settings, of the cookie key */
	__u32 pad;
	__u64 syn_jiffies;   /* in this one a plain SYN gets a cookie of ours, */
	__u64 other_jiffies; /* and what belongs to nothing is dropped; 0: not known */
	struct siphash mac;  /* cookie_begin() */
	__u16 window[2], mss, user_mss;
	__u8 wscale;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, HOT_SLOTS);
	__type(key, __u32);
	__type(value, struct hot);
} hot SEC(".maps");

/* Where this listener's is, or another's that shares its place.  NULL only to the verifier. */
static __always_inline struct hot *hot_slot(const struct packet *p)
{
	__u32 i = (p->tuple.local[15] ^ p->tuple.local_port) & (HOT_SLOTS - 1);

	return bpf_map_lookup_elem(&hot, &i);
}

static __always_inline bool is_of(const struct shield *s, const struct packet *p,
				  const struct hot *h)
{
	const __u64 *local = (const __u64 *)p->tuple.local, *of = (const __u64 *)h->key.addr;

	return of[0] == local[0] && of[1] == local[1] && h->key.port == p->tuple.local_port &&
	       h->generation == s->settings->generation && h->epoch == s->keys->epoch;
}

/* `jiffies`: one of h's two.  A list of sources is asked for each of them. */
static __always_inline bool is_hot(const struct shield *s, const struct packet *p,
				   const struct hot *h, __u64 jiffies)
{
	return jiffies == s->now && is_of(s, p, h) && !s->settings->listed;
}

/* From now on it is of the listener that p is sent to. */
static __always_inline void hot_claim(const struct shield *s, const struct packet *p, struct hot *h)
{
	if (is_of(s, p, h))
		return;
	listener_key(p, &h->key);
	h->generation = s->settings->generation;
	h->epoch = s->keys->epoch;
	h->syn_jiffies = 0;
	h->other_jiffies = 0;
	cookie_begin(&h->mac, &p->tuple, p->ipv6, cookie_key(s->keys, h->epoch));
}

static __always_inline void hot_offer(const struct synshield_listener *l, struct hot *h)
{
	h->window[0] = l->window[0];
	h->window[1] = l->window[1];
	h->mss = l->mss;
	h->user_mss = l->user_mss;
	h->wscale = l->wscale;
}

/* What belongs to nothing is dropped, as long as it bears no cookie. */
static __always_inline void heat_for_others(const struct shield *s, const struct packet *p)
{
	struct hot *h = hot_slot(p);

	if (!h || !s->keys->epoch)
		return;
	hot_claim(s, p, h);
	h->other_jiffies = s->now;
}

#endif
