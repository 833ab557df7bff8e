/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Token buckets of one word: the time at which all that was taken will have been
 * earned again (the generic cell rate algorithm).  A second's worth may be taken
 * at once.  Nothing is written to a bucket that is empty.
 */
#ifndef BUDGET_H
#define BUDGET_H

#include "shield.h"

#define SAMPLED_RATE 8192 /* so many tokens per second are counted by a sample of these: */
#define TOKENS_SAMPLE 8

static __always_inline __u64 bucket_now(const struct shield *s)
{
	return s->now << SYNSHIELD_BUCKET_SHIFT;
}

static __always_inline __u64 bucket_second(const struct shield *s)
{
	return (__u64)s->host->hz << SYNSHIELD_BUCKET_SHIFT;
}

/* What one token costs; `rate` is tokens per second. */
static __always_inline __u64 bucket_step(const struct shield *s, __u32 rate)
{
	return bucket_second(s) / rate;
}

static __always_inline bool bucket_has(const struct shield *s, const __u64 *bucket, __u32 rate)
{
	return rate && *bucket + bucket_step(s, rate) <= bucket_now(s) + bucket_second(s);
}

static __always_inline void bucket_charge(const struct shield *s, __u64 *bucket, __u64 cost)
{
	__u64 was = *bucket, now = bucket_now(s);

	if (was < now)
		__sync_val_compare_and_swap(bucket, was, now + cost);
	else
		__sync_fetch_and_add(bucket, cost);
}

static __always_inline bool bucket_take(const struct shield *s, __u64 *bucket, __u32 rate)
{
	if (!bucket_has(s, bucket, rate))
		return false;
	bucket_charge(s, bucket, bucket_step(s, rate));
	return true;
}

/*
 * The same where thousands are taken a second, without a locked write and a division
 * each: of those that `chance`, which is random, picks.
 */
static __always_inline bool bucket_take_sampled(const struct shield *s, __u64 *bucket, __u32 rate,
						__u32 chance)
{
	if (rate < SAMPLED_RATE)
		return bucket_take(s, bucket, rate);
	if (*bucket >= bucket_now(s) + bucket_second(s))
		return false;
	if (chance % TOKENS_SAMPLE == 0)
		bucket_charge(s, bucket, TOKENS_SAMPLE * bucket_step(s, rate));
	return true;
}

static __always_inline void bucket_give_back(const struct shield *s, __u64 *bucket, __u32 rate)
{
	if (rate && *bucket >= bucket_now(s) + bucket_step(s, rate))
		__sync_fetch_and_add(bucket, -bucket_step(s, rate));
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

/* The same, for a flood of them. */
static __always_inline bool reply_is_due_sampled(const struct shield *s, const struct packet *p,
						 __u32 chance)
{
	__u64 *bucket = replies_to(s, p);

	return bucket && bucket_take_sampled(s, bucket, s->settings->reply_rate, chance);
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
