/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bpf/budget.h on a clock of its own: whatever comes when, a bucket gives a second's
 * worth at once, then its rate, and nobody waits who has not taken lately.
 */
#include <stdlib.h>

#include "native.h"

/* Not reached: the buckets are handed over, and so is the hour. */
static inline void *bpf_map_lookup_elem(const void *map, const void *key)
{
	return NULL;
}

static inline __u64 bpf_jiffies64(void)
{
	return 0;
}

#define SEC(name)
#define __uint(name, value) int(*name)[value]
#define __type(name, value) typeof(value) *name

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wunused-variable"
#include "../../bpf/budget.h"
#pragma GCC diagnostic pop

#include "tap.h"

static const __u32 rates[] = {1, 2, 3, 7, 10, 100, 250, 1000, 9999, 20000, 1000000};
static const __u32 clocks[] = {100, 250, 300, 1000};

#define MOST_FOR_LONG 20000
#define RATES (sizeof(rates) / sizeof(*rates))
#define CLOCKS (sizeof(clocks) / sizeof(*clocks))

struct bench {
	struct synshield_host host;
	struct shield shield;
	__u64 bucket;
	__u32 rate;
};

/* Full, never used or so for long, at any time. */
static void bench_begin(struct bench *b, __u32 hz, __u32 rate)
{
	*b = (struct bench){.host.hz = hz, .rate = rate};
	b->shield.host = &b->host;
	b->shield.now = (__u64)random() << 8 ^ random();
	b->bucket = random() & 1 ? 0 : bucket_now(&b->shield);
}

static __u32 take_all(struct bench *b, __u32 most)
{
	__u32 n = 0;

	while (n < most && bucket_take(&b->shield, &b->bucket, b->rate))
		n++;
	return n;
}

static void rows_burst(void)
{
	__u32 wrong = 0;
	struct bench b;

	for (unsigned int i = 0; i < RATES * CLOCKS; i++) {
		bench_begin(&b, clocks[i % CLOCKS], rates[i / CLOCKS]);
		/* a step is cut to whole units of time: at great rates there are a few more */
		wrong += take_all(&b, 2 * b.rate) - b.rate > b.rate / 15;
		wrong += bucket_has(&b.shield, &b.bucket, b.rate);
	}
	ok(!wrong, "a second's worth at once, and not one more");
}

/* Asked at random times: as much as is earned, for ten minutes, over the clock's end. */
static void rows_rate(void)
{
	__u32 wrong = 0;
	struct bench b;

	for (unsigned int i = 0; i < RATES * CLOCKS; i++) {
		__u64 began, least, most, taken = 0;

		bench_begin(&b, clocks[i % CLOCKS], rates[i / CLOCKS]);
		if (b.rate > MOST_FOR_LONG)
			continue;
		began = b.shield.now;
		while (b.shield.now - began < 600 * b.host.hz) {
			taken += take_all(&b, 2 * b.rate);
			b.shield.now += 1 + random() % (b.host.hz / 4);
		}
		least = b.rate * 599ULL * 4 / 5; /* a bucket that is full earns nothing more */
		most = b.rate * 601ULL + b.rate / 2;
		if (taken > most + most / 15 || taken < least) {
			note("  rate %u, %u Hz: %llu in 10 minutes", b.rate, b.host.hz,
			     (unsigned long long)taken);
			wrong++;
		}
	}
	ok(!wrong, "in the long run its rate");
}

/* However long ago the last one was. */
static void rows_idle(void)
{
	__u32 refused = 0, asked = 0;
	struct bench b;

	for (unsigned int i = 0; i < RATES; i++) {
		for (__u64 half_seconds = 3; half_seconds < 2 * 3600; half_seconds++) {
			bench_begin(&b, 250, rates[i]);
			take_all(&b, 1);
			b.shield.now += half_seconds * b.host.hz / 2;
			asked++;
			if (take_all(&b, 1))
				continue;
			if (!refused++)
				note("  rate %u: the first refused was %llu s idle", b.rate,
				     (unsigned long long)half_seconds / 2);
		}
	}
	ok(!refused,
	   "who was idle for more than a second, up to an hour, is not refused (%u of %u)", refused,
	   asked);
}

static void rows_given_back(void)
{
	__u32 wrong = 0;
	struct bench b;

	for (unsigned int i = 0; i < RATES * CLOCKS; i++) {
		bench_begin(&b, clocks[i % CLOCKS], rates[i / CLOCKS]);
		bucket_give_back(&b.shield, &b.bucket, b.rate);
		wrong += take_all(&b, 2 * b.rate) - b.rate > b.rate / 15;
		for (int n = 0; n < 3 && b.rate > 3; n++)
			bucket_give_back(&b.shield, &b.bucket, b.rate);
		wrong += b.rate > 3 && take_all(&b, 10) != 3;
	}
	ok(!wrong, "what is given back can be taken again; a full one takes nothing back");
}

static __u32 take_sampled(struct bench *b, __u32 most)
{
	__u32 n = 0;

	while (n < most && bucket_take_sampled(&b->shield, &b->bucket, b->rate, random()))
		n++;
	return n;
}

/* Charged for by a sample: still a second's worth at once, and its rate, within chance. */
static void rows_sampled(void)
{
	__u32 wrong = 0;
	struct bench b;

	for (unsigned int i = 0; i < RATES * CLOCKS; i++) {
		__u32 slack, burst, later;

		bench_begin(&b, clocks[i % CLOCKS], rates[i / CLOCKS]);
		slack = b.rate < SAMPLED_RATE ? b.rate / 15 : b.rate / 10;
		burst = take_sampled(&b, 2 * b.rate);
		b.shield.now += b.host.hz;
		later = take_sampled(&b, 2 * b.rate);
		if (burst + slack >= b.rate && burst <= b.rate + slack && later + slack >= b.rate &&
		    later <= b.rate + slack)
			continue;
		note("  rate %u, %u Hz: %u at once, %u a second later", b.rate, b.host.hz, burst,
		     later);
		wrong++;
	}
	ok(!wrong, "charged for by a sample, as much");
}

struct share {
	__u64 offered, answered;
};

#define ARRIVALS 400000

/* At `times` the rate; every 16th is a real client's. */
static void arrive(struct bench *b, __u32 times, struct share *all, struct share *real)
{
	__u64 due = 0;

	for (; all->offered < ARRIVALS; b->shield.now++) {
		for (due += (__u64)times * b->rate; due >= b->host.hz; due -= b->host.hz) {
			bool is_real = !(random() & 15), answered;

			answered = bucket_take_sampled(&b->shield, &b->bucket, b->rate, random());
			all->offered++;
			all->answered += answered;
			real->offered += is_real;
			real->answered += is_real && answered;
		}
	}
}

/* A flood in the name of a prefix leaves those who are real there their part of its answers. */
static void rows_share(void)
{
	static const struct {
		__u32 rate, times;
	} floods[] = {{100, 2}, {100, 50}, {1000, 10}, {20000, 2}, {20000, 10}, {20000, 50}};
	struct bench b;

	for (unsigned int i = 0; i < sizeof(floods) / sizeof(*floods); i++) {
		__u32 rate = floods[i].rate, times = floods[i].times;
		struct share all = {}, real = {};
		double share, want = 1.0 / times;

		bench_begin(&b, 250, rate);
		take_all(&b, 2 * rate);
		arrive(&b, times, &all, &real);
		share = (double)real.answered / real.offered;
		ok(share > want * 0.8 && share < want * 1.25,
		   "%u answers a second, %u times as many asked for: %.1f %% of the real ones",
		   rate, times, share * 100);
	}
}

static void rows_none(void)
{
	struct bench b;

	bench_begin(&b, 250, 0);
	ok(!bucket_take(&b.shield, &b.bucket, 0) && !bucket_has(&b.shield, &b.bucket, 0),
	   "a rate of 0 gives nothing");
}

int main(void)
{
	rows_burst();
	rows_rate();
	rows_idle();
	rows_given_back();
	rows_sampled();
	rows_share();
	rows_none();
	return tap_done();
}
