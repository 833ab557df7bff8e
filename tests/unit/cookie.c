/* SPDX-License-Identifier: GPL-2.0-only */
/* bpf/cookie.h on its own: made as the oracle makes it, and back again, for any handshake. */
#include <stdlib.h>

#include "native.h"

#include "oracle.h"
#include "tap.h"

#define CASES 200000

struct sample {
	struct packet p;
	struct segment syn;
	struct handshake h;
	struct agreement a;
	struct synshield_keys keys;
};

static __u32 any32(void)
{
	return (__u32)random() << 16 ^ random();
}

static void any_bytes(void *at, int len)
{
	for (__u8 *byte = at; len--; byte++)
		*byte = any32() >> 7;
}

static void any_tuple(struct sample *s)
{
	static const __u8 mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct synshield_tuple *t = &s->p.tuple;

	s->p.ipv6 = s->syn.ipv6 = random() & 1;
	any_bytes(t, sizeof(*t));
	if (!s->p.ipv6) {
		memcpy(t->remote, mapped, sizeof(mapped));
		memcpy(t->local, mapped, sizeof(mapped));
	}
	memcpy(s->syn.source, t->remote, 16);
	memcpy(s->syn.target, t->local, 16);
	s->syn.source_port = t->remote_port;
	s->syn.target_port = t->local_port;
	s->p.seq = s->syn.seq = any32();
}

static void any_sample(struct sample *s)
{
	memset(s, 0, sizeof(*s));
	any_tuple(s);
	any_bytes(s->keys.key, sizeof(s->keys.key));
	s->keys.epoch = any32() | 2;
	s->h.timestamp = s->a.timestamp = random() & 1;
	s->h.sack = s->a.sack = random() & 1;
	s->h.ecn = s->a.ecn = s->h.timestamp && random() & 1;
	s->h.wscale = s->a.wscale = random() % 16;
	s->h.mss = s->a.mss = (s->p.ipv6 ? 1220 : 536) + random() % 15000;
	s->h.tsval = any32();
}

/* The handshake's third segment, as the shield dissects it. */
static void answer_to(const struct sample *s, const struct cookie *c, struct packet *p,
		      struct options *o)
{
	*p = s->p;
	p->seq++;
	p->ack = c->isn + 1;
	no_options(o);
	o->timestamp = s->h.timestamp;
	o->tsval = s->h.tsval + 1;
	o->tsecr = c->tsval;
}

static void begin(const struct packet *p, const struct synshield_keys *k, struct siphash *begun)
{
	cookie_begin(begun, &p->tuple, p->ipv6, cookie_key(k, k->epoch));
}

/* Whether or not it is known how the listener's cookies begin. */
static bool is_valid(const struct packet *p, const struct options *o,
		     const struct synshield_keys *k, struct handshake *h)
{
	struct handshake again;
	struct siphash begun;
	bool valid;

	begin(p, k, &begun);
	valid = cookie_check(p, o, k, &begun, h);
	if (cookie_check(p, o, k, NULL, &again) != valid)
		bail_out("a cookie is valid or not, however its MAC is begun");
	return valid;
}

static bool is_made_alike(struct sample *s, struct cookie *c)
{
	struct oracle_cookie want;
	struct siphash begun;

	begin(&s->p, &s->keys, &begun);
	cookie_make(&s->p, &s->h, &begun, s->keys.epoch, c);
	oracle_make(&s->syn, &s->a, s->keys.key[s->keys.epoch % 4], s->keys.epoch, &want);
	return c->isn == want.isn && c->tsval == want.tsval;
}

static bool comes_back(struct sample *s, const struct cookie *c)
{
	struct handshake h = {};
	struct options o;
	struct packet p;

	answer_to(s, c, &p, &o);
	if (!s->a.timestamp)
		oracle_coarsen(&s->syn, &s->a);
	return is_valid(&p, &o, &s->keys, &h) && h.mss == s->a.mss && h.wscale == s->a.wscale &&
	       h.sack == s->a.sack && h.ecn == s->a.ecn && h.timestamp == s->a.timestamp &&
	       h.tsval == o.tsval;
}

/* One bit flipped anywhere that the MAC covers; 1 in 2^24 may pass by chance. */
static bool is_refused_altered(const struct sample *s, const struct cookie *c)
{
	struct handshake h;
	struct options o;
	struct packet p;
	__u32 bit = random() % 32;

	answer_to(s, c, &p, &o);
	switch (random() % (s->h.timestamp ? 5 : 4)) {
	case 0:
		p.tuple.remote[12 + bit / 8] ^= 1 << bit % 8;
		break;
	case 1:
		p.tuple.remote_port ^= 1 << bit % 16;
		break;
	case 2:
		p.seq ^= 1u << bit;
		break;
	case 3:
		p.ack ^= 1u << bit;
		break;
	default:
		o.tsecr ^= 1u << bit;
	}
	return !is_valid(&p, &o, &s->keys, &h);
}

/* With the keys as they are `age` epochs later. */
static bool is_valid_later(const struct sample *s, const struct cookie *c, int age)
{
	struct synshield_keys keys = s->keys;
	struct handshake h;
	struct options o;
	struct packet p;

	answer_to(s, c, &p, &o);
	for (; age > 0; age--) {
		keys.epoch++;
		any_bytes(keys.key[keys.epoch % 4], sizeof(keys.key[0]));
	}
	return is_valid(&p, &o, &keys, &h);
}

int main(void)
{
	int made = 0, back = 0, altered = 0, previous = 0, old = 0;
	struct sample s;
	struct cookie c;

	for (int i = 0; i < CASES; i++) {
		any_sample(&s);
		made += is_made_alike(&s, &c);
		altered += is_refused_altered(&s, &c);
		previous += is_valid_later(&s, &c, 1);
		old += is_valid_later(&s, &c, 2 + i % 8);
		back += comes_back(&s, &c);
	}
	ok(made == CASES, "%d random handshakes are sealed as the oracle does", CASES);
	ok(back == CASES, "and come back as they were, or as the next lower step");
	ok(previous == CASES, "the previous epoch's cookie is valid");
	ok(old <= 1, "one of two to nine epochs ago is not (%d)", old);
	ok(altered >= CASES - 1, "nor one with a bit altered (%d)", CASES - altered);
	memset(&s.keys, 0, sizeof(s.keys));
	ok(!is_valid_later(&s, &c, 0), "before the first epoch nothing is valid");
	return tap_done();
}
