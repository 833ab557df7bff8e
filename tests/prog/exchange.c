/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "exchange.h"

#include <string.h>

/* What XDP leaves for TC ingress: struct meta of bpf/meta.h, written down again. */
struct meta_bytes {
	__u32 magic, tsval, tsecr;
	__u16 mss;
	__u8 wscale;
	__u8 bits; /* kind 0-3, SACK 4, timestamps 5, ECN 6 */
};
#define META_MAGIC 0x73796e73
#define META_PROVEN 1
#define META_UNCONFIRMED 2

void exchange_work_out(struct exchange *e)
{
	oracle_agree(&e->syn, shield.host.flags, 0, &e->agreed);
	oracle_make(&e->syn, &e->agreed, shield_key(), shield.keys.epoch, &e->cookie);
	segment_third(&e->syn, &e->agreed, &e->cookie, &e->ack);
	if (!e->agreed.timestamp)
		oracle_coarsen(&e->syn, &e->agreed);
}

void exchange_begin(struct exchange *e, bool ipv6, const char *options)
{
	static struct outcome o;
	static struct frame f;

	segment_begin(&e->syn, ipv6, TCP_SYN);
	segment_options(&e->syn, "%s", options);
	exchange_work_out(e);
	frame_build(&e->syn, &f);
	shield_run(&f, &o);
	if (!is_verdict(&o, REPLY(cookie)))
		note("  the SYN was not answered");
}

static bool read_meta(const struct outcome *o, struct meta_bytes *m)
{
	memcpy(m, o->meta, sizeof(*m));
	return o->meta_len == sizeof(*m) && m->magic == META_MAGIC;
}

bool exchange_is_told(const struct outcome *o, const struct exchange *e)
{
	const struct agreement *a = &e->agreed;
	struct meta_bytes m;

	return read_meta(o, &m) && m.tsval == (a->timestamp ? e->ack.tsval : 0) &&
	       m.tsecr == (a->timestamp ? e->ack.tsecr : 0) && m.mss == a->mss &&
	       m.wscale == a->wscale &&
	       m.bits == (META_PROVEN | a->sack << 4 | a->timestamp << 5 | a->ecn << 6);
}

bool is_unconfirmed(const struct outcome *o)
{
	struct meta_bytes m;

	return read_meta(o, &m) && (m.bits & 0xf) == META_UNCONFIRMED;
}
