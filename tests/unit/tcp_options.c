/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parser has two ways: a word at a time where all is aligned, byte by byte
 * else.  Whatever the first one takes it has to understand as the second does;
 * and the second as a parser written a second time, from RFC 9293.
 */
#include <stdlib.h>

#include "native.h"

#include "layouts.h"
#include "oracle.h"
#include "tap.h"

#define CASES 2000000

static bool same_options(const struct options *a, const struct options *b)
{
	return a->mss == b->mss && a->wscale == b->wscale && a->sack == b->sack &&
	       a->timestamp == b->timestamp && a->tsval == b->tsval && a->tsecr == b->tsecr &&
	       a->md5 == b->md5 && a->ao == b->ao && a->bad == b->bad;
}

static void parse_bytewise(const __u8 *at, __u32 len, struct options *o)
{
	struct option_bytes b = {};

	memcpy(b.byte, at, len);
	b.len = len;
	no_options(o);
	parse_options_bytewise(&b, o);
}

/* Written anew: kinds and lengths of RFC 9293, 7323, 2018, 2385, 5925. */
static void parse_again(const __u8 *at, __u32 len, struct options *o)
{
	const __u8 *end = at + len;

	no_options(o);
	for (; at < end && at[0] != 0; at += at[0] == 1 ? 1 : at[1]) {
		if (at[0] == 1)
			continue;
		if (end - at < 2 || at[1] < 2 || at[1] > end - at) {
			o->bad = true;
			return;
		}
		if (at[0] == 2 && at[1] == 4)
			o->mss = get16(at + 2);
		if (at[0] == 3 && at[1] == 3)
			o->wscale = at[2] < 14 ? at[2] : 14;
		if (at[0] == 4 && at[1] == 2)
			o->sack = true;
		if (at[0] == 8 && at[1] == 10) {
			o->timestamp = true;
			o->tsval = get32(at + 2);
			o->tsecr = get32(at + 6);
		}
		o->md5 |= at[0] == 19 && at[1] == 18;
		o->ao |= at[0] == 29;
	}
}

static __u32 any_layout(__u8 *at)
{
	struct segment s = {.tsval = random(), .tsecr = random()};
	__u32 len;

	segment_options(&s, "%s", layouts[random() % LAYOUTS].options);
	len = options_encode(&s, at, NULL);
	for (int changes = random() % 4; changes > 0 && len; changes--)
		at[random() % len] = random() % 3 ? random() % 11 : random();
	return len;
}

/* Words that the stacks in use send, and a few that they do not, in any order. */
static __u32 any_words(__u8 *at)
{
	static const __u32 words[] = {
		0x020405b4, 0x01030307, 0x01010402, 0x04020101, 0x04020000, 0x0101080a,
		0x0402080a, 0x01010101, 0x00000000, 0x02040000, 0x03030701, 0x0303ff00,
		0x01010100, 0x05b40101, 0x080a0101, 0x1312dead, 0x02020402, 0x01030302,
	};
	__u32 n = random() % 11;

	for (__u32 i = 0; i < n; i++)
		put32(at + 4 * i, words[random() % (sizeof(words) / sizeof(*words))]);
	return 4 * n;
}

int main(void)
{
	int aligned = 0, aligned_same = 0, bytewise_same = 0, bad = 0;
	struct options fast, slow, again;
	__be32 words[16];
	__u8 *at = (__u8 *)words;

	for (int i = 0; i < CASES; i++) {
		__u32 len = i & 1 ? any_layout(at) : any_words(at);

		parse_bytewise(at, len, &slow);
		parse_again(at, len, &again);
		bytewise_same += same_options(&slow, &again);
		bad += again.bad;
		no_options(&fast);
		if (!parse_options_aligned(words, at + len, len / 4, &fast))
			continue;
		aligned++;
		aligned_same += same_options(&fast, &again);
	}
	note("%d of %d the aligned way, %d malformed", aligned, CASES, bad);
	ok(aligned > CASES / 10 && bad > CASES / 10, "there is enough of each kind");
	ok(bytewise_same == CASES, "byte by byte: %d of %d understood", bytewise_same, CASES);
	ok(aligned_same == aligned, "word by word: %d of %d understood", aligned_same, aligned);
	return tap_done();
}
