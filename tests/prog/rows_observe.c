/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Mode observe says exactly what the mode it counts would have done.  Each frame of
 * all the rows runs four times, from the same state: in modes auto and always, and
 * observed with counts set to either.
 */
#include <string.h>

#include "corpus.h"
#include "harness.h"

#define ANY_RATE 0x1000000
#define APART 9 /* discard */

static const char *const mode_names[SYNSHIELD_MODE_MAX] = {"inherit", "off", "observe", "auto",
							   "always"};

/* The same for each frame: listeners that have sent a cookie, or have not. */
static void begin(bool cookies)
{
	struct segment s;

	shield_reset();
	shield.settings.syn_rate = 100000000;
	shield.settings.half_open = 100000000;
	shield.settings.reset_rate = shield.settings.reply_rate = ANY_RATE;
	for (int ipv6 = 0; ipv6 <= 1 && cookies; ipv6++) {
		shield_mode(SYNSHIELD_MODE_ALWAYS);
		segment_begin_apart(&s, ipv6, TCP_SYN);
		run_segment(&s);
	}
}

/* The one counter that moved, or -1. */
static int counter_of(const struct outcome *o)
{
	const __u64 *count = (const __u64 *)&o->counted;
	int at = -1;

	for (int i = 0; i < 2 * SYNSHIELD_ACTION_MAX * SYNSHIELD_REASON_MAX; i++) {
		if (!count[i])
			continue;
		if (at >= 0 || count[i] > 1)
			return -1;
		at = i;
	}
	return at;
}

/* No doubt, budget or connection of the run before is left. */
static int run_anew(const struct frame *f, struct outcome *o)
{
	shield.host.seed += 0x9e3779b97f4a7c15ULL;
	shield_configure(true);
	map_empty("conns");
	shield_run(f, o);
	return counter_of(o);
}

/* The kernel may hold the tuple that the row had: from this port it has nothing. */
static void come_from_apart(struct frame *f)
{
	__u8 *tcp = f->byte + f->l4;

	if (f->l4 && f->len >= f->l4 + 2 && get16(tcp))
		put16(tcp, APART);
}

static bool is_counted_alike(const struct frame *f, enum synshield_mode mode)
{
	static struct outcome done, observed;
	int did, said;

	shield.settings.mode = mode;
	did = run_anew(f, &done);
	shield.settings.mode = SYNSHIELD_MODE_OBSERVE;
	shield.settings.counts = mode;
	said = run_anew(f, &observed);
	if (did < 0 || observed.code != XDP_PASS || !same_frame(&observed.frame, f))
		return false;
	if (said == did + SYNSHIELD_ACTION_MAX * SYNSHIELD_REASON_MAX)
		return true;
	if (said == did && is_never_observed(did % SYNSHIELD_REASON_MAX))
		return true;
	note("  counter %d in mode %s, %d observed, %u bytes", did, mode_names[mode], said, f->len);
	return false;
}

void rows_observe(void)
{
	static struct frame f;
	__u32 frames = corpus_count();

	shield_load(&(struct shield_shape){.conns = 256}); /* to be emptied often */
	ok(frames > 1000, "there are %u frames of all the rows", frames);
	for (int cookies = 0; cookies <= 1; cookies++) {
		for (int mode = SYNSHIELD_MODE_AUTO; mode <= SYNSHIELD_MODE_ALWAYS; mode++) {
			__u32 wrong = 0;

			begin(cookies);
			for (__u32 i = 0; i < frames; i++) {
				corpus_get(i, &f);
				come_from_apart(&f);
				wrong += !is_counted_alike(&f, mode);
			}
			ok(!wrong, "observed with counts=%s, %scookies out: as if it were done",
			   mode_names[mode], cookies ? "" : "no ");
		}
	}
	shield_load(&(struct shield_shape){});
	shield_reset();
}
