/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Token buckets of one word: the time at which all that was taken will have been
 * earned again (the generic cell rate algorithm).  A second's worth may be taken
 * at once.  Nothing is written to a bucket that is empty.
 */
#ifndef BUDGET_H
#define BUDGET_H

#include "shield.h"

#define BUCKET_SECOND (1u << 24) /* of a bucket's time */

static __always_inline __u64 bucket_now(const struct shield *s)
{
	return s->now * (BUCKET_SECOND / s->host->hz);
}

/* What one token costs; `rate` is tokens per second. */
static __always_inline __u32 bucket_step(__u32 rate)
{
	return BUCKET_SECOND / rate;
}

static __always_inline bool bucket_has(const struct shield *s, const __u64 *bucket, __u32 rate)
{
	return rate && *bucket + bucket_step(rate) <= bucket_now(s) + BUCKET_SECOND;
}

static __always_inline bool bucket_take(const struct shield *s, __u64 *bucket, __u32 rate)
{
	__u64 was = *bucket, now = bucket_now(s);

	if (!bucket_has(s, bucket, rate))
		return false;
	if (was < now)
		__sync_val_compare_and_swap(bucket, was, now + bucket_step(rate));
	else
		__sync_fetch_and_add(bucket, bucket_step(rate));
	return true;
}

static __always_inline void bucket_give_back(const struct shield *s, __u64 *bucket, __u32 rate)
{
	if (rate && *bucket >= bucket_now(s) + bucket_step(rate))
		__sync_fetch_and_add(bucket, -(__u64)bucket_step(rate));
}

/* 64 bits that nobody outside can foresee or collide at will. */
static __always_inline __u64 keyed_hash(const struct shield *s, __u64 value)
{
	__u64 h = value ^ s->host->seed;

	h = (h ^ h >> 32) * 0xd6e8feb86659fd93ULL;
	h = (h ^ h >> 29 ^ s->host->seed >> 7) * 0xa0761d6478bd642fULL;
	return h ^ h >> 32;
}

/* The bucket of answers to the prefix (/24, /64) that p claims to come from. */
static __always_inline __u64 *replies_to(const struct shield *s, const struct packet *p)
{
	__u64 prefix = p->ipv6 ? *(const __u64 *)p->tuple.remote
			       : mapped_ipv4(p->tuple.remote) & bpf_htonl(0xffffff00);
	__u32 i = keyed_hash(s, prefix) & (SYNSHIELD_PREFIXES - 1);

	return bpf_map_lookup_elem(&replies, &i);
}

/* May one more answer go there?  Whoever is real there follows it up: see reply_was_followed(). */
static __always_inline bool reply_is_due(const struct shield *s, const struct packet *p)
{
	__u64 *bucket = replies_to(s, p);

	return bucket && bucket_take(s, bucket, s->settings->reply_rate);
}

static __always_inline void reply_was_followed(const struct shield *s, const struct packet *p)
{
	__u64 *bucket = replies_to(s, p);

	if (bucket)
		bucket_give_back(s, bucket, s->settings->reply_rate);
}

static __always_inline bool reset_is_due(const struct shield *s)
{
	struct synshield_tracking *t;
	__u32 zero = 0;

	t = bpf_map_lookup_elem(&tracking, &zero);
	return t && bucket_take(s, &t->resets, s->settings->reset_rate);
}

/* A budget of 0 is never spent: then the kernel is asked each time. */
static __always_inline bool resets_are_spent(const struct shield *s)
{
	const struct synshield_tracking *t;
	__u32 zero = 0;

	t = bpf_map_lookup_elem(&tracking, &zero);
	return t && s->settings->reset_rate && !bucket_has(s, &t->resets, s->settings->reset_rate);
}

#endif
