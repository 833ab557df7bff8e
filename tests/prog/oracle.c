/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "oracle.h"

#include <string.h>
#include <synshield/synshield.h>

#define MSS_14_BITS 0x3fff

static __u64 load_le64(const __u8 *at, __u32 len)
{
	__u64 v = 0;

	while (len--)
		v = v << 8 | at[len];
	return v;
}

static void mix(__u64 *a, __u64 *b, int turn, bool swap)
{
	*a += *b;
	*b = (*b << turn | *b >> (64 - turn)) ^ *a;
	if (swap)
		*a = *a << 32 | *a >> 32;
}

static void rounds(__u64 v[4], int n)
{
	while (n--) {
		mix(&v[0], &v[1], 13, true);
		mix(&v[2], &v[3], 16, false);
		mix(&v[0], &v[3], 21, false);
		mix(&v[2], &v[1], 17, true);
	}
}

/* "SipHash: a fast short-input PRF", sections 2.1 to 2.4, c = 2, d = 4 */
__u64 oracle_siphash(const __u8 key[16], const __u8 *message, __u32 len)
{
	static const char start[] = "somepseudorandomlygeneratedbytes";
	__u64 v[4], m;
	__u32 at;

	for (int i = 0; i < 4; i++) {
		m = 0;
		for (int j = 0; j < 8; j++)
			m = m << 8 | (__u8)start[i * 8 + j];
		v[i] = m ^ load_le64(key + (i & 1) * 8, 8);
	}
	for (at = 0;; at += 8) {
		m = len - at >= 8 ? load_le64(message + at, 8)
				  : load_le64(message + at, len - at) | (__u64)len << 56;
		v[3] ^= m;
		rounds(v, 2);
		v[0] ^= m;
		if (len - at < 8)
			break;
	}
	v[2] ^= 0xff;
	rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void put_le(__u8 *at, __u64 v, int len)
{
	for (int i = 0; i < len; i++)
		at[i] = v >> 8 * i;
}

/*
 * The local end, the remote end, the client's ISN, 24 bits of payload: addresses in network
 * order, the rest least significant byte first.
 */
static __u64 mac_of(const struct segment *syn, __u32 payload, const __u64 key[2])
{
	__u8 message[47] = {0}, bytes[16], *at = message;

	if (syn->ipv6) {
		memcpy(at, syn->target, 16);
		memcpy(at + 16, syn->source, 16);
		put_le(at + 32, syn->source_port, 4);
		put_le(at + 36, syn->target_port, 4);
		at += 40;
	} else {
		memcpy(at, syn->target + 12, 4);
		put_le(at + 4, syn->target_port, 4);
		memcpy(at + 8, syn->source + 12, 4);
		put_le(at + 12, syn->source_port, 4);
		at += 16;
	}
	put_le(at, syn->seq, 4);
	put_le(at + 4, payload, 3);
	put_le(bytes, key[0], 8);
	put_le(bytes + 8, key[1], 8);
	return oracle_siphash(bytes, message, at + 7 - message);
}

static const __u16 mss_steps[2][8] = {
	{536, 1220, 1360, 1400, 1440, 1452, 1460, 8960},
	{1220, 1300, 1360, 1380, 1420, 1432, 1440, 8940},
};
static const __u8 wscale_steps[8] = {NO_WSCALE, 0, 2, 4, 6, 7, 8, 10};

static int mss_step(const struct segment *syn, const struct agreement *a)
{
	int i = 7;

	while (i && mss_steps[syn->ipv6][i] > a->mss)
		i--;
	return i;
}

static int wscale_step(const struct agreement *a)
{
	int i = 7;

	if (a->wscale == NO_WSCALE)
		return 0;
	while (wscale_steps[i] > a->wscale)
		i--;
	return i;
}

void oracle_coarsen(const struct segment *syn, struct agreement *a)
{
	a->mss = mss_steps[syn->ipv6][mss_step(syn, a)];
	a->wscale = wscale_steps[wscale_step(a)];
	a->ecn = false;
}

void oracle_make(const struct segment *syn, const struct agreement *a, const __u64 key[2],
		 __u32 epoch, struct oracle_cookie *c)
{
	__u32 payload;
	__u64 mac;

	if (a->timestamp) {
		payload = a->mss + (a->wscale << 14) + (a->sack << 18) + (a->ecn << 19) +
			  (epoch % 4 << 20);
		mac = mac_of(syn, payload | 0x800000, key);
		c->isn = mac;
		c->tsval = payload | (mac >> 32 & 0x3ff) << 22;
	} else {
		payload = epoch % 2 + (mss_step(syn, a) << 1) + (a->sack << 4) +
			  (wscale_step(a) << 5);
		mac = mac_of(syn, payload, key);
		c->isn = payload << 24 | (mac & 0xffffff);
		c->tsval = 0;
	}
}

void oracle_agree(const struct segment *syn, __u32 flags, __u16 user_mss, struct agreement *a)
{
	int least = syn->ipv6 ? LEAST_MSS_IPV6 : LEAST_MSS_IPV4;
	struct offer offer;
	__u8 options[40];

	options_encode(syn, options, &offer);
	if (user_mss && offer.mss > user_mss)
		offer.mss = user_mss;
	if (offer.mss < least) /* absent, 0, or less than the kernel takes from a cookie */
		offer.mss = least;
	a->mss = offer.mss > MSS_14_BITS ? MSS_14_BITS : offer.mss;
	a->wscale = NO_WSCALE;
	if (offer.wscale >= 0 && flags & SYNSHIELD_HOST_WSCALE)
		a->wscale = offer.wscale > 14 ? 14 : offer.wscale;
	a->sack = offer.sack && flags & SYNSHIELD_HOST_SACK;
	a->timestamp = offer.timestamp && flags & SYNSHIELD_HOST_TIMESTAMPS;
	a->ecn = a->timestamp && flags & SYNSHIELD_HOST_ECN && !(syn->tos & 3) &&
		 (syn->flags & (TCP_ECE | TCP_CWR)) == (TCP_ECE | TCP_CWR);
}
