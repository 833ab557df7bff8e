/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The timing wheel, on a clock of the tests' own. */
#include <stdlib.h>

#include "tap.h"
#include "wheel.h"

#define MS 1000000ULL
#define SECOND (1000 * MS)
#define DAY (86400 * SECOND)
#define LATE (17 * MS)
#define MILLION 1000000

static struct wheel wheel;
static struct wheel_node *nodes;

static __u64 random64(void)
{
	static __u64 state = 88172645463325252ULL;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void rows_one(void)
{
	static const __u64 waits[] = {0,	  1,	       MS,	LATE,	 SECOND,
				      4 * SECOND, 60 * SECOND, 5 * DAY, 20 * DAY};
	static const __u64 starts[] = {0, 255ULL << 24, 15752574200449ULL, (1ULL << 40) - 1};

	for (size_t s = 0; s < sizeof(starts) / sizeof(*starts); s++) {
		size_t right = 0;

		for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
			__u64 when = starts[s] + waits[i];
			struct wheel_node n = {0};

			wheel_init(&wheel, starts[s]);
			wheel_add(&wheel, &n, when);
			right += (!when || !wheel_next(&wheel, when - 1)) &&
				 wheel_next(&wheel, when + LATE) == &n &&
				 !wheel_next(&wheel, when + 10 * LATE) && !n.at;
		}
		ok(right == sizeof(waits) / sizeof(*waits),
		   "from %llu ns on, each comes once: not early, not late",
		   (unsigned long long)starts[s]);
	}
}

static void rows_change(void)
{
	struct wheel_node a = {0}, b = {0}, c = {0};

	wheel_init(&wheel, 5 * SECOND);
	wheel_del(&a);
	ok(!wheel_next(&wheel, 6 * SECOND), "what is on no wheel may be taken off it");
	wheel_add(&wheel, &a, 10 * SECOND);
	wheel_add(&wheel, &b, 10 * SECOND);
	wheel_add(&wheel, &c, 10 * SECOND);
	wheel_del(&b);
	wheel_add(&wheel, &a, 600 * SECOND);
	ok(wheel_next(&wheel, 11 * SECOND) == &c && !wheel_next(&wheel, 599 * SECOND),
	   "what is taken off, or moved, does not come");
	ok(wheel_next(&wheel, 601 * SECOND) == &a, "what is moved comes later");
	wheel_add(&wheel, &b, 2 * SECOND);
	ok(wheel_next(&wheel, 601 * SECOND) == &b, "what is due already comes at once");
}

/* Each at a time of its own, in an hour, looked at ten times a second. */
static void rows_million(void)
{
	__u64 now = 3 * DAY, last = now, wrong = 0, count = 0;
	struct wheel_node *n;

	wheel_init(&wheel, now);
	for (int i = 0; i < MILLION; i++)
		wheel_add(&wheel, &nodes[i], now + random64() % (3600 * SECOND));
	while (now < 3 * DAY + 3601 * SECOND) {
		last = now;
		now += 100 * MS;
		while ((n = wheel_next(&wheel, now))) {
			wrong += n->when > now || n->when + LATE <= last;
			count++;
		}
	}
	ok(count == MILLION && !wrong, "a million of them come in the step in which they are due");
	ok(wheel.touched <= 3 * MILLION, "each is looked at once for each level it comes through");
}

/* They have five days to go: a minute that passes is not their affair. */
static void rows_cost(void)
{
	__u64 now = 3 * DAY, most = 0;
	struct wheel_node few[10] = {0};
	unsigned int came = 0;

	wheel_init(&wheel, now);
	for (int i = 0; i < MILLION; i++) {
		nodes[i] = (struct wheel_node){0};
		wheel_add(&wheel, &nodes[i], now + 5 * DAY + random64() % DAY);
	}
	for (int i = 0; i < 10; i++)
		wheel_add(&wheel, &few[i], now + (3 + 6 * i) * SECOND);
	for (int i = 0; i < 600; i++) {
		__u64 before = wheel.touched;

		now += 100 * MS;
		while (wheel_next(&wheel, now))
			came++;
		most = wheel.touched - before > most ? wheel.touched - before : most;
	}
	ok(came == 10 && wheel.touched <= 20 && most <= 4,
	   "beside a million that are not due ten cost %llu looks in 600 steps, %llu in one at "
	   "most",
	   (unsigned long long)wheel.touched, (unsigned long long)most);
}

int main(void)
{
	nodes = calloc(MILLION, sizeof(*nodes));
	if (!nodes)
		return 1;
	rows_one();
	rows_change();
	rows_million();
	rows_cost();
	free(nodes);
	return tap_done();
}
