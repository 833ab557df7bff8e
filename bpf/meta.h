/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What XDP tells TC ingress about a segment that brought back a valid cookie,
 * in the room before the packet.  It never comes from the wire.
 */
#ifndef META_H
#define META_H

#include "cookie.h"

#define META_MAGIC 0x73796e73 /* "syns" */

enum meta_kind {
	META_PROVEN = 1,  /* the cookie held: the fields below count */
	META_UNCONFIRMED, /* of a proven connection whose socket has not been seen yet */
};

struct meta {
	__u32 magic;
	__u32 tsval, tsecr;
	__u16 mss;
	__u8 wscale;
	__u8 kind : 4, sack : 1, timestamp : 1, ecn : 1;
};
_Static_assert(sizeof(struct meta) == 16, "a multiple of 4, at most 32");

/* Set once if this driver keeps no metadata: TC then looks for itself. */
bool meta_is_missing;

static __always_inline void meta_write(struct xdp_md *ctx, enum meta_kind kind,
				       const struct handshake *h, __u32 tsecr)
{
	struct meta *m;

	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*m))) {
		meta_is_missing = true;
		return;
	}
	m = (void *)(long)ctx->data_meta;
	if ((void *)(m + 1) > (void *)(long)ctx->data)
		return;
	memset(m, 0, sizeof(*m));
	m->magic = META_MAGIC;
	m->kind = kind;
	if (kind != META_PROVEN)
		return;
	m->tsval = h->tsval;
	m->tsecr = tsecr;
	m->mss = h->mss;
	m->wscale = h->wscale;
	m->sack = h->sack;
	m->timestamp = h->timestamp;
	m->ecn = h->ecn;
}

/*
 * The kind, or 0: nothing was said.  If there is as much as we write, and it is not
 * there, TC ingress begins elsewhere than XDP did: see dissect_received().
 */
static __always_inline enum meta_kind meta_read(struct __sk_buff *skb, struct handshake *h,
						__u32 *tsecr)
{
	struct meta *m = (void *)(long)skb->data_meta;

	if ((void *)(m + 1) > (void *)(long)skb->data)
		return 0;
	if (m->magic != META_MAGIC)
		return META_UNCONFIRMED;
	h->tsval = m->tsval;
	h->mss = m->mss;
	h->wscale = m->wscale;
	h->sack = m->sack;
	h->timestamp = m->timestamp;
	h->ecn = m->ecn;
	*tsecr = m->tsecr;
	return m->kind;
}

#endif
