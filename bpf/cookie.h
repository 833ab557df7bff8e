/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The SYN cookie: what a half-open connection would have to remember, sealed
 * and sent to the client, who brings it back in the handshake's third segment.
 *
 * With timestamps (RFC 7323), 64 bits come back, in SEG.ACK and TSecr:
 *
 *	ISN    31                                                            0
 *	       +--------------------------------------------------------------+
 *	       |                          MAC, bits 0-31                      |
 *	       +--------------------------------------------------------------+
 *	TSval  31              22 21  20  19   18  17    14 13               0
 *	       +-----------------+------+-----+----+--------+----------------+
 *	       | MAC, bits 32-41 | epoch| ECN |SACK| wscale |      MSS       |
 *	       +-----------------+------+-----+----+--------+----------------+
 *
 * Without, 32 bits come back:
 *
 *	ISN    31  29  28   27   25   24   23                                0
 *	       +------+----+-------+-----+-----------------------------------+
 *	       |wscale|SACK|  MSS  |epoch|         MAC, bits 0-23            |
 *	       +------+----+-------+-----+-----------------------------------+
 *
 * where MSS and wscale index the tables below: the next lower value serves.
 *
 * The MAC is SipHash-2-4 under the epoch's key of addresses, ports, the
 * client's ISN, and the payload.  A random ACK passes with probability 2^-41
 * with timestamps, 2^-24 without.
 */
#ifndef COOKIE_H
#define COOKIE_H

#include "options.h"
#include "siphash.h"

#define COOKIE_MSS_MASK 0x3fff
#define COOKIE_WSCALE_SHIFT 14
#define COOKIE_SACK (1u << 18)
#define COOKIE_ECN (1u << 19)
#define COOKIE_EPOCH_SHIFT 20
#define COOKIE_PAYLOAD_MASK 0x3fffff
#define COOKIE_MAC_SHIFT 22
#define COOKIE_TIMESTAMP (1u << 23) /* keeps the two kinds' MACs apart */

#define COOKIE_PLAIN_EPOCH 0x01
#define COOKIE_PLAIN_MSS_SHIFT 1
#define COOKIE_PLAIN_SACK 0x10
#define COOKIE_PLAIN_WSCALE_SHIFT 5
#define COOKIE_PLAIN_SHIFT 24
#define COOKIE_PLAIN_MAC_MASK 0xffffff

/* Every host takes segments of these sizes (RFC 9293 section 3.7.1, RFC 8200 section 5). */
#define MSS_MIN_IPV4 536
#define MSS_MIN_IPV6 1220

/* What the indices of a cookie without timestamps stand for. */
const __u16 cookie_mss_ipv4[8] = {MSS_MIN_IPV4, 1220, 1360, 1400, 1440, 1452, 1460, 8960};
const __u16 cookie_mss_ipv6[8] = {MSS_MIN_IPV6, 1300, 1360, 1380, 1420, 1432, 1440, 8940};
const __u8 cookie_wscale[8] = {WSCALE_NONE, 0, 2, 4, 6, 7, 8, 10};

/* What the two ends agreed on. */
struct handshake {
	__u16 mss;   /* the client's, bytes */
	__u8 wscale; /* the client's; WSCALE_NONE: none */
	bool sack, timestamp, ecn;
	__u32 tsval; /* the client's, host byte order */
};

/* What goes out in the SYN-ACK, host byte order. */
struct cookie {
	__u32 isn, tsval;
};

/* What is the same for all cookies under a key that one listener sends. */
static __always_inline void cookie_begin(struct siphash *s, const struct synshield_tuple *t,
					 bool ipv6, const __u64 key[2])
{
	siphash_begin(s, key);
	if (ipv6) {
		siphash_word(s, *(const __u64 *)t->local);
		siphash_word(s, *(const __u64 *)(t->local + 8));
	} else {
		siphash_word(s, mapped_ipv4(t->local) | (__u64)t->local_port << 32);
	}
}

/* `payload`: 24 bits. */
static __always_inline __u64 cookie_mac(const struct siphash *begun,
					const struct synshield_tuple *t, bool ipv6, __u32 isn,
					__u32 payload)
{
	struct siphash s = *begun;

	if (ipv6) {
		siphash_word(&s, *(const __u64 *)t->remote);
		siphash_word(&s, *(const __u64 *)(t->remote + 8));
		siphash_word(&s, t->remote_port | (__u64)t->local_port << 32);
	} else {
		siphash_word(&s, mapped_ipv4(t->remote) | (__u64)t->remote_port << 32);
	}
	siphash_word(&s, isn | (__u64)payload << 32 | (ipv6 ? 47ULL : 23ULL) << 56);
	return siphash_end(&s);
}

static __always_inline const __u64 *cookie_key(const struct synshield_keys *k, __u32 epoch)
{
	return k->key[epoch & (SYNSHIELD_KEYS - 1)];
}

/* Index of the largest entry that is not above the value; the first one is the least there is. */
static __always_inline __u32 mss_index(__u16 mss, bool ipv6)
{
	if (ipv6)
		return mss >= 8940   ? 7
		       : mss >= 1440 ? 6
		       : mss >= 1432 ? 5
		       : mss >= 1420 ? 4
		       : mss >= 1380 ? 3
		       : mss >= 1360 ? 2
		       : mss >= 1300 ? 1
				     : 0;
	return mss >= 8960   ? 7
	       : mss >= 1460 ? 6
	       : mss >= 1452 ? 5
	       : mss >= 1440 ? 4
	       : mss >= 1400 ? 3
	       : mss >= 1360 ? 2
	       : mss >= 1220 ? 1
			     : 0;
}

static __always_inline __u16 mss_of_index(__u32 index, bool ipv6)
{
	return ipv6 ? cookie_mss_ipv6[index & 7] : cookie_mss_ipv4[index & 7];
}

static __always_inline __u32 wscale_index(__u8 wscale)
{
	return wscale == WSCALE_NONE ? 0
	       : wscale >= 10	     ? 7
	       : wscale >= 8	     ? 6
	       : wscale >= 7	     ? 5
	       : wscale >= 6	     ? 4
	       : wscale >= 4	     ? 3
	       : wscale >= 2	     ? 2
				     : 1;
}

static __always_inline __u8 wscale_of_index(__u32 index)
{
	return cookie_wscale[index & 7];
}

static __always_inline __u32 plain_payload(const struct handshake *h, bool ipv6, __u32 epoch)
{
	return (epoch & COOKIE_PLAIN_EPOCH) | mss_index(h->mss, ipv6) << COOKIE_PLAIN_MSS_SHIFT |
	       (h->sack ? COOKIE_PLAIN_SACK : 0) |
	       wscale_index(h->wscale) << COOKIE_PLAIN_WSCALE_SHIFT;
}

static __always_inline __u32 timestamp_payload(const struct handshake *h, __u32 epoch)
{
	return (h->mss & COOKIE_MSS_MASK) | (__u32)h->wscale << COOKIE_WSCALE_SHIFT |
	       (h->sack ? COOKIE_SACK : 0) | (h->ecn ? COOKIE_ECN : 0) |
	       (epoch & (SYNSHIELD_KEYS - 1)) << COOKIE_EPOCH_SHIFT;
}

/*
 * Seal h for the client that sent p (a SYN).  `begun` is under the epoch's key.  Returns
 * MAC bits that nobody sees.
 */
static __always_inline __u32 cookie_make(const struct packet *p, const struct handshake *h,
					 const struct siphash *begun, __u32 epoch, struct cookie *c)
{
	__u32 payload = h->timestamp ? timestamp_payload(h, epoch) | COOKIE_TIMESTAMP
				     : plain_payload(h, p->ipv6, epoch);
	__u64 mac = cookie_mac(begun, &p->tuple, p->ipv6, p->seq, payload);

	if (h->timestamp) {
		c->isn = mac;
		c->tsval = (payload & COOKIE_PAYLOAD_MASK) | (__u32)(mac >> 32) << COOKIE_MAC_SHIFT;
	} else {
		c->isn = payload << COOKIE_PLAIN_SHIFT | (mac & COOKIE_PLAIN_MAC_MASK);
		c->tsval = 0;
	}
	return mac >> 48;
}

/* The MAC of the cookie that p, with SEG.SEQ one above the client's ISN, would bring back. */
static __always_inline __u64 cookie_mac_of(const struct packet *p, const struct synshield_keys *k,
					   __u32 epoch, const struct siphash *begun, __u32 payload)
{
	struct siphash s;

	if (!begun || epoch != k->epoch) {
		cookie_begin(&s, &p->tuple, p->ipv6, cookie_key(k, epoch));
		begun = &s;
	}
	return cookie_mac(begun, &p->tuple, p->ipv6, p->seq - 1, payload);
}

static __always_inline bool check_timestamp_cookie(const struct packet *p, const struct options *o,
						   const struct synshield_keys *k,
						   const struct siphash *begun, struct handshake *h)
{
	__u32 payload = o->tsecr & COOKIE_PAYLOAD_MASK;
	__u32 epoch = k->epoch;
	__u32 age = (epoch - (payload >> COOKIE_EPOCH_SHIFT)) & (SYNSHIELD_KEYS - 1);
	__u64 mac;

	if (age > 1 || age == epoch)
		return false;
	mac = cookie_mac_of(p, k, epoch - age, begun, payload | COOKIE_TIMESTAMP);
	if ((__u32)mac != p->ack - 1 ||
	    ((__u32)(mac >> 32) ^ o->tsecr >> COOKIE_MAC_SHIFT) & (0xffffffff >> COOKIE_MAC_SHIFT))
		return false;
	h->mss = payload & COOKIE_MSS_MASK;
	h->wscale = payload >> COOKIE_WSCALE_SHIFT & 0xf;
	h->sack = payload & COOKIE_SACK;
	h->ecn = payload & COOKIE_ECN;
	return true;
}

static __always_inline bool check_plain_cookie(const struct packet *p,
					       const struct synshield_keys *k,
					       const struct siphash *begun, struct handshake *h)
{
	__u32 isn = p->ack - 1;
	__u32 payload = isn >> COOKIE_PLAIN_SHIFT;
	__u32 epoch = k->epoch - ((k->epoch ^ payload) & COOKIE_PLAIN_EPOCH);
	__u64 mac;

	if (!epoch)
		return false;
	mac = cookie_mac_of(p, k, epoch, begun, payload);
	if ((mac ^ isn) & COOKIE_PLAIN_MAC_MASK)
		return false;
	h->mss = mss_of_index(payload >> COOKIE_PLAIN_MSS_SHIFT, p->ipv6);
	h->wscale = wscale_of_index(payload >> COOKIE_PLAIN_WSCALE_SHIFT);
	h->sack = payload & COOKIE_PLAIN_SACK;
	h->ecn = false;
	return true;
}

/*
 * Epochs count from 1: 0 has no key, neither as the current nor as the previous.
 *
 * Does p, a segment with ACK and the options o, bring back a cookie of the
 * current or the previous epoch?  If so, h is what it stood for.  `begun`: as the current
 * epoch's cookies to this listener begin, or NULL: it is not known yet.
 */
static __always_inline bool cookie_check(const struct packet *p, const struct options *o,
					 const struct synshield_keys *k,
					 const struct siphash *begun, struct handshake *h)
{
	if (!k->epoch)
		return false;
	h->timestamp = o->timestamp;
	h->tsval = o->tsval;
	return o->timestamp ? check_timestamp_cookie(p, o, k, begun, h)
			    : check_plain_cookie(p, k, begun, h);
}

#endif
