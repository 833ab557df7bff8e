/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Map `listed`, __u64 each: a bitmap that says where `lists` need not be asked, so that
 * what is on no list costs the same however long the lists are.  A bit stands for
 *
 *	an IPv4 /24,
 *	behind that, what IPv6 /48s hash to,
 *	behind that, an IPv6 /16: for prefixes shorter than /48,
 *
 * and is set if a prefix of the lists holds, or lies in, such a block.  Written by
 * `allow` and `deny` through a mapping of the map: before prefixes are added, and
 * after they were removed.
 */
#ifndef SYNSHIELD_LISTED_H
#define SYNSHIELD_LISTED_H

#define SYNSHIELD_LISTED_48_SHIFT 22
#define SYNSHIELD_LISTED_IPV4 0
#define SYNSHIELD_LISTED_48 (1u << 24)
#define SYNSHIELD_LISTED_16 (SYNSHIELD_LISTED_48 + (1u << SYNSHIELD_LISTED_48_SHIFT))
#define SYNSHIELD_LISTED_BITS (SYNSHIELD_LISTED_16 + (1u << 16))
#define SYNSHIELD_LISTED_WORDS (SYNSHIELD_LISTED_BITS / 64)

/* Which bit; addresses as everywhere, IPv4 as ::ffff:a.b.c.d. */
static inline __u32 synshield_listed_ipv4(const __u8 addr[16])
{
	return SYNSHIELD_LISTED_IPV4 + ((__u32)addr[12] << 16 | addr[13] << 8 | addr[14]);
}

static inline __u32 synshield_listed_16(const __u8 addr[16])
{
	return SYNSHIELD_LISTED_16 + ((__u32)addr[0] << 8 | addr[1]);
}

/*
 * seed: of struct synshield_host, so that they do not share the same bits everywhere.  It is one
 * multiplication: who tries may guess /48s that share one, and costs us a look-up in vain.
 */
static inline __u32 synshield_listed_48(const __u8 addr[16], __u64 seed)
{
	__u64 prefix = (__u64)addr[0] << 40 | (__u64)addr[1] << 32 | (__u64)addr[2] << 24 |
		       (__u64)addr[3] << 16 | (__u64)addr[4] << 8 | addr[5];

	return SYNSHIELD_LISTED_48 +
	       (__u32)((prefix ^ seed) * 0x9e3779b97f4a7c15ULL >> (64 - SYNSHIELD_LISTED_48_SHIFT));
}

#endif
