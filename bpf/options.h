/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TCP options (RFC 9293 section 3.1, RFC 7323, RFC 2018).  The stacks in use
 * align theirs to 4 bytes and put them in one of a few ways; those are told
 * apart a word at a time.  Anything else takes the byte-wise way.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "packet.h"

#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_MSS 2
#define OPTION_WSCALE 3
#define OPTION_SACK_PERMITTED 4
#define OPTION_TIMESTAMP 8
#define OPTION_MD5 19 /* RFC 2385 */
#define OPTION_AO 29  /* RFC 5925 */

#define WSCALE_NONE 15
#define WSCALE_MAX 14 /* RFC 7323 section 2.3 */

/* The words that the stacks in use are made of, host byte order. */
#define WORD_END 0x00000000
#define WORD_NOPS 0x01010101
#define WORD_MSS 0x02040000    /* | MSS */
#define WORD_WSCALE 0x01030300 /* NOP first, | shift */
#define WORD_SACK 0x01010402   /* NOP NOP first */
#define WORD_SACK_FIRST_NOPS 0x04020101
#define WORD_SACK_FIRST_END 0x04020000
#define WORD_TIMESTAMP 0x0101080a      /* NOP NOP first; two words follow */
#define WORD_SACK_TIMESTAMP 0x0402080a /* two words follow */

struct options {
	__u32 tsval, tsecr; /* host byte order */
	__u16 mss;	    /* 0: absent */
	__u8 wscale;	    /* WSCALE_NONE: absent */
	bool sack, timestamp;
	bool md5, ao;
	bool bad; /* a length that cannot be */
};

/* They are loaded to its begin; what load_len() may seem to load on top of them is overwritten. */
struct option_bytes {
	__u8 byte[LOAD_MAX - 2 * sizeof(__u32)];
	__u32 len;
	__u32 at; /* the cursor: kept here, the verifier forgets where it came from */
};
_Static_assert(sizeof(struct option_bytes) == LOAD_MAX, "room for load_len()");

static __always_inline void take_wscale(struct options *o, __u8 shift)
{
	o->wscale = shift > WSCALE_MAX ? WSCALE_MAX : shift;
}

/* One option of `len` bytes at byte[i], which the caller saw to fit. */
static __always_inline void take_option(const struct option_bytes *b, __u32 i, __u8 len,
					struct options *o)
{
	const __u8 *at = &b->byte[i];
	__u8 kind = at[0];

	if (kind == OPTION_SACK_PERMITTED && len == 2) {
		o->sack = true;
	} else if (kind == OPTION_MD5 && len == 18) {
		o->md5 = true;
	} else if (kind == OPTION_AO) {
		o->ao = true;
	} else if (kind == OPTION_WSCALE && len == 3) {
		take_wscale(o, at[2]);
	} else if (kind == OPTION_MSS && len == 4) {
		o->mss = at[2] << 8 | at[3];
	} else if (kind == OPTION_TIMESTAMP && len == 10) {
		o->timestamp = true;
		o->tsval = (__u32)at[2] << 24 | at[3] << 16 | at[4] << 8 | at[5];
		o->tsecr = (__u32)at[6] << 24 | at[7] << 16 | at[8] << 8 | at[9];
	}
}

/*
 * Any layout.  A function of its own to the verifier, which so sees it once.
 * byte[] has room for the longest option that take_option() reads at any i.
 */
__noinline int parse_options_bytewise(struct option_bytes *b, struct options *o)
{
	if (!b || !o)
		return -1;
	b->at = 0;
	for (int n = 0; n < TCP_OPTIONS_MAX; n++) {
		__u32 i = *(volatile __u32 *)&b->at;
		__u8 kind, len;

		if (i >= b->len || i >= TCP_OPTIONS_MAX)
			break;
		kind = b->byte[i];
		if (kind == OPTION_END)
			break;
		if (kind == OPTION_NOP) {
			b->at = i + 1;
			continue;
		}
		len = b->byte[i + 1];
		if (len < 2 || i + len > b->len) {
			o->bad = true;
			break;
		}
		take_option(b, i, len, o);
		b->at = i + len;
	}
	return 0;
}

/* True if every option was one of the aligned words; else `o` is unfinished. */
static __always_inline bool parse_options_aligned(const __be32 *word, void *end, __u32 left,
						  struct options *o)
{
	for (int i = 0; i < TCP_OPTIONS_MAX / 4; i++) {
		__u32 w;

		if (!left)
			return true;
		if ((void *)(word + 1) > end)
			return false;
		w = bpf_ntohl(*word++);
		left--;
		if ((w & 0xffff0000) == WORD_MSS) {
			o->mss = w;
		} else if ((w & 0xffffff00) == WORD_WSCALE) {
			take_wscale(o, w);
		} else if (w == WORD_SACK_TIMESTAMP || w == WORD_TIMESTAMP) {
			if (left < 2 || (void *)(word + 2) > end)
				return false;
			o->timestamp = true;
			if (w == WORD_SACK_TIMESTAMP)
				o->sack = true;
			o->tsval = bpf_ntohl(word[0]);
			o->tsecr = bpf_ntohl(word[1]);
			word += 2;
			left -= 2;
		} else if (w == WORD_SACK || w == WORD_SACK_FIRST_NOPS) {
			o->sack = true;
		} else if (w == WORD_SACK_FIRST_END) {
			o->sack = true;
			return true;
		} else if (w == WORD_END) {
			return true;
		} else if (w != WORD_NOPS) {
			return false;
		}
	}
	return true;
}

static __always_inline void no_options(struct options *o)
{
	memset(o, 0, sizeof(*o));
	o->wscale = WSCALE_NONE;
}

/* 0; 1 if one of them is no aligned word. */
__noinline int parse_options_fast(struct xdp_md *ctx, __u32 at, __u32 len, struct options *o)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (!o)
		return -1;
	no_options(o);
	at &= 0x3fff; /* past IPV6_HEADERS_MAX of the longest */
	return !parse_options_aligned(data + at, end, len / 4, o);
}

__noinline int parse_options_slowly(struct xdp_md *ctx, __u32 at, __u32 len, struct options *o)
{
	struct option_bytes bytes = {};

	if (!o)
		return -1;
	no_options(o);
	if (!len || len > TCP_OPTIONS_MAX || bpf_xdp_load_bytes(ctx, at, &bytes, load_len(len)))
		return -1;
	bytes.len = len;
	parse_options_bytewise(&bytes, o);
	return o->bad ? -1 : 0;
}

/*
 * The options between offset `at` of the packet and the end of its TCP header,
 * `len` bytes on.  0, or -1 if a length is wrong.  Two functions, one after the
 * other: within one another they would be too much for the stack of Linux 6.1,
 * which counts at least 32 bytes for each.
 */
static __always_inline int parse_options(struct xdp_md *ctx, __u32 at, __u32 len, struct options *o)
{
	int step = parse_options_fast(ctx, at, len, o);

	return step > 0 ? parse_options_slowly(ctx, at, len, o) : step;
}

#endif
