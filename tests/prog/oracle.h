/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a cookie has to be, worked out a second time from its description in bpf/cookie.h. */
#ifndef ORACLE_H
#define ORACLE_H

#include "packet.h"

#define NO_WSCALE 15
#define LEAST_MSS_IPV4 536
#define LEAST_MSS_IPV6 1220

/* What both ends settled on. */
struct agreement {
	__u16 mss;
	__u8 wscale; /* NO_WSCALE: none */
	bool sack, timestamp, ecn;
};

struct oracle_cookie {
	__u32 isn, tsval;
};

__u64 oracle_siphash(const __u8 key[16], const __u8 *message, __u32 len);
void oracle_make(const struct segment *syn, const struct agreement *a, const __u64 key[2],
		 __u32 epoch, struct oracle_cookie *c);
/* What is left of it after the way through a cookie without timestamps. */
void oracle_coarsen(const struct segment *syn, struct agreement *a);
/* What this host agrees to; `flags` are struct synshield_host's, user_mss the listener's (0: none).
 */
void oracle_agree(const struct segment *syn, __u32 flags, __u16 user_mss, struct agreement *a);

#endif
