/* SPDX-License-Identifier: GPL-2.0-only */
/* SipHash-2-4: the published vectors, against the shield's and against the oracle's. */
#include <stdlib.h>

#include "native.h"

#include "oracle.h"
#include "tap.h"

/*
 * Key 00 01 .. 0f, message 00 01 .. (len - 1).  Length 15 is the example of the
 * paper's appendix A, the others are from the authors' reference implementation.
 */
static const struct {
	__u32 len;
	__u64 hash;
} vectors[] = {
	{0, 0x726fdb47dd0e0e31},  {1, 0x74f839c593dc67fd}, {2, 0x0d6c8009d9a94f5a},
	{3, 0x85676696d7fb7e2d},  {4, 0xcf2794e0277187b7}, {5, 0x18765564cd99a68d},
	{6, 0xcbc9466e58fee3ce},  {7, 0xab0200f58b01d137}, {8, 0x93f5f5799a932462},
	{15, 0xa129ca6149be45e5},
};

static __u64 word_at(const __u8 *message, __u32 len)
{
	__u64 word = 0;

	memcpy(&word, message, len); /* little-endian machines only, like the shield's users */
	return word;
}

static __u64 shield_siphash(const __u64 key[2], const __u8 *message, __u32 len)
{
	struct siphash s;
	__u32 at;

	siphash_begin(&s, key);
	for (at = 0; len - at >= 8; at += 8)
		siphash_word(&s, word_at(message + at, 8));
	siphash_word(&s, word_at(message + at, len - at) | (__u64)len << 56);
	return siphash_end(&s);
}

static void counted_bytes(__u8 *at, int len)
{
	for (int i = 0; i < len; i++)
		at[i] = i;
}

static void rows_vectors(void)
{
	__u8 key[16], message[16];
	__u64 words[2];

	counted_bytes(key, sizeof(key));
	counted_bytes(message, sizeof(message));
	memcpy(words, key, sizeof(key));
	for (unsigned int i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		ok(oracle_siphash(key, message, vectors[i].len) == vectors[i].hash,
		   "oracle: published vector of %u bytes", vectors[i].len);
		ok(shield_siphash(words, message, vectors[i].len) == vectors[i].hash,
		   "shield: published vector of %u bytes", vectors[i].len);
	}
}

static void rows_random(void)
{
	__u8 key[16] = {0}, message[64] = {0};
	__u64 words[2];
	int same = 0, all = 10000;

	for (int i = 0; i < all; i++) {
		for (unsigned int j = 0; j < sizeof(key); j++)
			key[j] = random();
		for (unsigned int j = 0; j < sizeof(message); j++)
			message[j] = random();
		memcpy(words, key, sizeof(key));
		same += shield_siphash(words, message, i % 64) ==
			oracle_siphash(key, message, i % 64);
	}
	ok(same == all, "shield and oracle agree on %d random keys and messages", all);
}

int main(void)
{
	rows_vectors();
	rows_random();
	return tap_done();
}
