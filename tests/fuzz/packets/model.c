/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "model.h"

#include <bpf/bpf.h>
#include <string.h>

#define ALLOW(a, verdict) allow(a, verdict) /* of PASS(reason) and its like */
#define LONG_FRAME 2000 /* bytes: beyond it the driver may have no room to turn it */
#define TUPLE_SYNS 16
#define FIRST_WINDOW 0x10000

static void allow(struct allowed *a, int action, int reason)
{
	a->verdict[a->count].action = action;
	a->verdict[a->count++].reason = reason;
}

bool model_allows(const struct allowed *a, int action, int reason)
{
	for (int i = 0; i < a->count; i++)
		if (a->verdict[i].action == action && a->verdict[i].reason == reason)
			return true;
	return false;
}

static __u64 read_made(void)
{
	struct synshield_tracking t;
	__u32 zero = 0;

	if (bpf_map_lookup_elem(shield_map("tracking"), &zero, &t))
		bail_out("map tracking");
	return t.made;
}

void model_before(const struct seen *seen, struct before *b)
{
	memset(b, 0, sizeof(*b));
	b->made = read_made();
	if (!seen->tuple)
		return;
	b->now = shield_now();
	b->has_conn = conn_get(&seen->s, &b->conn);
	b->has_listener = listener_get(&seen->s, &b->listener);
	b->has_source = source_get(&seen->s, seen->s.ipv6 ? 64 : 32, &b->source);
}

/* --- the settings, as they hold for a port --- */

struct rule {
	enum synshield_mode mode; /* what is done, or counted */
	enum synshield_reset reset;
	bool observed;
	__u32 source_conns;
};

static struct rule rule_of(const struct world *w, const struct seen *seen)
{
	struct rule r = {.mode = w->mode, .reset = w->reset};

	if (seen->any_port)
		;
	else if (seen->s.target_port == PORT_OFF)
		r.mode = SYNSHIELD_MODE_OFF;
	else if (seen->s.target_port == PORT_OBSERVED)
		r.mode = SYNSHIELD_MODE_OBSERVE;
	else if (seen->s.target_port == PORT_LIMITED)
		r = (struct rule){w->mode, SYNSHIELD_RESET_DROP, false, SOURCES_AT_MOST};
	r.observed = r.mode == SYNSHIELD_MODE_OBSERVE;
	if (r.observed)
		r.mode = w->counts;
	return r;
}

static bool is_local(const struct segment *s)
{
	static const char *const local[] = {"198.51.100.1", "198.51.100.2", "2001:db8:1::1",
					    "2001:db8:1::2"};
	__u8 addr[16];

	for (unsigned int i = 0; i < sizeof(local) / sizeof(*local); i++) {
		net_address(local[i], addr);
		if (!memcmp(addr, s->target, 16))
			return true;
	}
	return false;
}

static bool begins_with(const struct segment *s, const char *prefix, int bytes)
{
	__u8 addr[16];

	net_address(prefix, addr);
	return !memcmp(addr, s->source, bytes);
}

/* The lists of world.c, the longest prefix first. */
static enum synshield_list list_of(const struct world *w, const struct segment *s)
{
	if (!w->lists)
		return SYNSHIELD_LIST_NONE;
	if (s->ipv6) {
		if (begins_with(s, "2001:db8:bad:a::", 8))
			return SYNSHIELD_LIST_ALLOW;
		return begins_with(s, "2001:db8:bad::", 6) ? SYNSHIELD_LIST_DENY
							   : SYNSHIELD_LIST_NONE;
	}
	if (!begins_with(s, "203.0.113.0", 15))
		return SYNSHIELD_LIST_NONE;
	return s->source[15] & 0x80 ? SYNSHIELD_LIST_ALLOW : SYNSHIELD_LIST_DENY;
}

/* --- refusing --- */

static void refuse(const struct world *w, const struct rule *r, const struct seen *seen, int reason,
		   struct allowed *a)
{
	if (r->reset == SYNSHIELD_RESET_PASS) {
		allow(a, SYNSHIELD_PASS, reason);
	} else if (r->reset == SYNSHIELD_RESET_DROP || w->spent) {
		allow(a, SYNSHIELD_DROP, reason);
	} else {
		allow(a, SYNSHIELD_REPLY, reason);
		if (w->tight)
			allow(a, SYNSHIELD_DROP, reason);
		a->answered = true;
		expect_reset(&seen->s, &a->answer);
	}
}

static int unknown_reason(const struct seen *seen)
{
	if (seen->s.flags & TCP_RST)
		return SYNSHIELD_REASON_unknown_rst;
	if (seen->s.flags & TCP_SYN)
		return SYNSHIELD_REASON_unknown_synack;
	if (seen->s.flags & TCP_FIN)
		return SYNSHIELD_REASON_unknown_fin;
	return seen->payload ? SYNSHIELD_REASON_unknown_data : SYNSHIELD_REASON_unknown_ack;
}

static bool is_plain_ack(const struct seen *seen)
{
	return (seen->s.flags & (TCP_ACK | TCP_SYN | TCP_RST)) == TCP_ACK;
}

static bool limit_is_reached(const struct rule *r, const struct before *b)
{
	return r->source_conns && b->has_source && b->source.conns >= r->source_conns;
}

/* --- SYN --- */

static void expect_cookie(const struct seen *seen, struct allowed *a)
{
	struct oracle_cookie c;
	struct agreement agreed;

	oracle_agree(&seen->s, shield.host.flags, 0, &agreed);
	oracle_make(&seen->s, &agreed, shield_key(), shield.keys.epoch, &c);
	expect_synack(&seen->s, &agreed, world_server(seen->s.ipv6), &c, &a->answer);
	a->answered = true;
}

static void syn_wants_cookie(const struct world *w, const struct seen *seen, struct allowed *a)
{
	if (seen->s.target_port == PORT_MPTCP) {
		ALLOW(a, REPLY(kernel_cookie));
		ALLOW(a, PASS(cookie_not_due));
		ALLOW(a, PASS(reply_failed));
	} else if (w->no_key) {
		ALLOW(a, PASS(no_key));
	} else {
		ALLOW(a, REPLY(cookie));
		expect_cookie(seen, a);
	}
	if (w->tight)
		ALLOW(a, DROP(reply_cap));
}

/* In a way that this kernel knows. */
static bool is_signed(const struct seen *seen)
{
	static int md5 = -1, ao;

	if (md5 < 0) {
		md5 = kernel_has_field("md5sig_info");
		ao = kernel_has_field("ao_info");
	}
	return (seen->md5 && md5) || (seen->ao && ao);
}

static void syn_to_listener(const struct world *w, const struct rule *r, const struct seen *seen,
			    const struct before *b, struct allowed *a)
{
	int least = seen->s.ipv6 ? LEAST_MSS_IPV6 : LEAST_MSS_IPV4;
	bool attack = b->has_listener && b->listener.cookies_until_jiffies > b->now;

	if (limit_is_reached(r, b))
		refuse(w, r, seen, SYNSHIELD_REASON_source_conns, a);
	else if (r->mode == SYNSHIELD_MODE_AUTO && !attack)
		ALLOW(a, PASS(calm));
	else if (is_signed(seen))
		if (seen->s.target_port == PORT_MD5)
			ALLOW(a, PASS(signed_syn));
		else
			ALLOW(a, DROP(unsigned_listener));
	else if (seen->offer.mss > 0 && seen->offer.mss < least && !attack)
		ALLOW(a, PASS(small_mss));
	else
		syn_wants_cookie(w, seen, a);
}

static void syn_to_holder(const struct before *b, struct allowed *a)
{
	ALLOW(a, PASS(known_tuple));
	if (b->has_conn && b->conn.syns >= TUPLE_SYNS)
		ALLOW(a, DROP(tuple_rate));
}

/* --- the other segments --- */

/* RFC 5961 section 3.2.  The edges, where a FIN may or may not count, are left open. */
enum fit { INSIDE, OUTSIDE, EDGE };

static enum fit fit_of(const struct seen *seen, const struct holder *h)
{
	__u32 ahead = seen->s.seq - h->s.seq;

	if (h->kind == HOLDER_SYN_SENT)
		return seen->s.flags & TCP_ACK && seen->s.ack == h->s.ack ? INSIDE : OUTSIDE;
	if (ahead - 2 <= h->window - 4)
		return INSIDE;
	/* its window may have grown since it was read, by what TIME_WAIT announced last */
	return ahead + 4 <= 2 * h->window ? EDGE : OUTSIDE;
}

static void rst_to(const struct seen *seen, const struct holder *h, bool tracked, struct allowed *a)
{
	enum fit fit = fit_of(seen, h);

	if (fit != OUTSIDE)
		allow(a, SYNSHIELD_PASS,
		      tracked ? SYNSHIELD_REASON_tracked : SYNSHIELD_REASON_adopted);
	if (fit != INSIDE)
		ALLOW(a, DROP(blind_rst));
}

static void rst_to_tracked(const struct seen *seen, const struct before *b, const struct holder *h,
			   struct allowed *a)
{
	const struct synshield_conn *c = &b->conn;
	bool exact = seen->s.flags & TCP_ACK && c->local_next && seen->s.ack == c->local_next;

	if (h->kind)
		rst_to(seen, h, true, a);
	else if (exact ||
		 (c->state == SYNSHIELD_CONN_PROVEN && seen->s.seq - c->remote_next < FIRST_WINDOW))
		ALLOW(a, PASS(tracked));
	else
		ALLOW(a, DROP(blind_rst));
}

static void ack_to_tracked(const struct world *w, const struct rule *r, const struct seen *seen,
			   const struct before *b, struct allowed *a)
{
	const struct synshield_conn *c = &b->conn;
	bool third = c->state == SYNSHIELD_CONN_SYN_RECEIVED || c->state == SYNSHIELD_CONN_SYN_SENT;
	bool wrong =
		third && seen->s.flags & TCP_ACK && c->local_next && seen->s.ack != c->local_next;

	if (third && !wrong && c->local.syn_acked && b->has_listener && limit_is_reached(r, b))
		refuse(w, r, seen, SYNSHIELD_REASON_source_conns, a);
	else if (wrong && w->spent)
		allow(a, SYNSHIELD_DROP, unknown_reason(seen));
	else
		ALLOW(a, PASS(tracked));
}

static bool is_over(const struct synshield_conn *c)
{
	return c->remote.rst || c->local.rst || (c->remote.fin_acked && c->local.fin_acked);
}

static void tracked(const struct world *w, const struct rule *r, const struct seen *seen,
		    const struct before *b, const struct holder *h, struct allowed *a)
{
	if (seen->s.flags & TCP_RST) {
		rst_to_tracked(seen, b, h, a);
	} else if (seen->s.flags & TCP_SYN) {
		ALLOW(a, PASS(tracked));
		if (b->conn.state != SYNSHIELD_CONN_SYN_SENT && b->conn.syns >= TUPLE_SYNS)
			ALLOW(a, DROP(tuple_rate));
	} else {
		ack_to_tracked(w, r, seen, b, a);
	}
}

/* A cookie is tried against the keys of the current and of the previous epoch. */
static bool cookie_holds(const struct seen *seen, const struct agreement *agreed, __u32 epoch)
{
	struct segment syn = seen->s;
	struct oracle_cookie c;

	syn.seq = seen->s.seq - 1;
	oracle_make(&syn, agreed, shield.keys.key[epoch % SYNSHIELD_KEYS], epoch, &c);
	return c.isn == seen->s.ack - 1 && (!agreed->timestamp || c.tsval == seen->s.tsecr);
}

/* docs/cookie.md: where what both ends agreed on stands in a cookie. */
bool model_cookie(const struct seen *seen, struct agreement *agreed)
{
	static const __u16 mss[2][8] = {{536, 1220, 1360, 1400, 1440, 1452, 1460, 8960},
					{1220, 1300, 1360, 1380, 1420, 1432, 1440, 8940}};
	static const __u8 wscale[8] = {NO_WSCALE, 0, 2, 4, 6, 7, 8, 10};
	__u32 isn = seen->s.ack - 1, ts = seen->s.tsecr, epoch = shield.keys.epoch;

	if (!epoch || seen->bad_options)
		return false;
	*agreed = (struct agreement){.timestamp = seen->offer.timestamp};
	if (agreed->timestamp) {
		agreed->mss = ts & 0x3fff;
		agreed->wscale = ts >> 14 & 0xf;
		agreed->sack = ts >> 18 & 1;
		agreed->ecn = ts >> 19 & 1;
	} else {
		agreed->mss = mss[seen->s.ipv6][isn >> 25 & 7];
		agreed->sack = isn >> 28 & 1;
		agreed->wscale = wscale[isn >> 29];
	}
	return cookie_holds(seen, agreed, epoch) || cookie_holds(seen, agreed, epoch - 1);
}

static void unknown(const struct world *w, const struct rule *r, const struct seen *seen,
		    const struct before *b, struct allowed *a)
{
	bool out = b->has_listener && b->listener.cookie_sent_jiffies;

	if (seen->s.flags & TCP_RST) {
		ALLOW(a, DROP(unknown_rst));
		return;
	}
	refuse(w, r, seen, unknown_reason(seen), a);
	if (is_plain_ack(seen) && out && !(w->spent && r->reset != SYNSHIELD_RESET_PASS))
		ALLOW(a, DROP(unproven));
}

/* No cookie, or none that is heeded. */
static void ask_kernel(const struct world *w, const struct rule *r, const struct seen *seen,
		       const struct before *b, const struct holder *h, struct allowed *a)
{
	if (!h->kind)
		unknown(w, r, seen, b, a);
	else if (seen->s.flags & TCP_RST)
		rst_to(seen, h, false, a);
	else
		ALLOW(a, PASS(adopted));
}

static void untracked(const struct world *w, const struct rule *r, const struct seen *seen,
		      const struct before *b, const struct holder *h, struct allowed *a)
{
	bool sent = b->has_listener && b->listener.cookie_sent_jiffies;
	struct agreement agreed;

	/* what takes only the kernel's cookies, its entry says */
	if (is_plain_ack(seen) && (seen->s.target_port != PORT_MPTCP || !b->has_listener) &&
	    model_cookie(seen, &agreed)) {
		/* where connections are counted, one that the kernel has is none more */
		if (b->has_listener && r->source_conns && h->kind && !w->learned)
			ALLOW(a, PASS(adopted));
		else if (b->has_listener && limit_is_reached(r, b))
			refuse(w, r, seen, SYNSHIELD_REASON_source_conns, a);
		else
			ALLOW(a, PASS(cookie_ok));
		if (sent || (r->mode == SYNSHIELD_MODE_ALWAYS && !r->observed))
			return; /* else one that nobody sent: it need not be tried */
	}
	if (w->spent && w->learned && !r->observed && r->reset != SYNSHIELD_RESET_PASS)
		allow(a, SYNSHIELD_DROP, unknown_reason(seen));
	else
		ask_kernel(w, r, seen, b, h, a);
}

/* --- the table, from the top --- */

static void receive_syn(const struct world *w, const struct rule *r, const struct seen *seen,
			const struct before *b, const struct holder *h, struct allowed *a)
{
	if (h->kind)
		syn_to_holder(b, a);
	else if (world_listens(&seen->s))
		syn_to_listener(w, r, seen, b, a);
	else
		refuse(w, r, seen, SYNSHIELD_REASON_closed_port, a);
}

static void receive_segment(const struct world *w, const struct rule *r, const struct seen *seen,
			    const struct before *b, const struct holder *h, struct allowed *a)
{
	if (!b->has_conn)
		untracked(w, r, seen, b, h, a);
	else if (is_over(&b->conn) && !h->kind && !(seen->s.flags & (TCP_RST | TCP_SYN)))
		ask_kernel(w, r, seen, b, h, a);
	else
		tracked(w, r, seen, b, h, a);
}

static void whole(const struct world *w, const struct rule *r, const struct seen *seen,
		  const struct before *b, struct allowed *a)
{
	bool syn = (seen->s.flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	enum synshield_list list = list_of(w, &seen->s);
	const struct holder *h;

	world_find(&seen->s, &h);
	if (list && (syn || !b->has_conn)) {
		if (list == SYNSHIELD_LIST_DENY)
			ALLOW(a, DROP(denied));
		else
			ALLOW(a, PASS(allowed));
	} else if (syn) {
		receive_syn(w, r, seen, b, h, a);
	} else {
		receive_segment(w, r, seen, b, h, a);
	}
}

/* Mode off: segments of tracked connections count as such, and cookies that are out hold. */
static void off(const struct seen *seen, const struct before *b, struct allowed *a)
{
	struct agreement agreed;

	ALLOW(a, PASS(off));
	if (seen->reason != SEEN_WHOLE)
		return;
	if (b->has_conn && (seen->s.flags & (TCP_SYN | TCP_ACK)) != TCP_SYN)
		ALLOW(a, PASS(tracked));
	else if (b->has_listener && b->listener.cookie_sent_jiffies && is_plain_ack(seen) &&
		 model_cookie(seen, &agreed))
		ALLOW(a, PASS(cookie_ok));
}

void model_verdict(const struct world *w, const struct frame *f, const struct seen *seen,
		   const struct before *b, struct allowed *a)
{
	struct rule r = rule_of(w, seen);
	int before;

	memset(a, 0, offsetof(struct allowed, answer));
	if (seen->reason != SEEN_WHOLE && !seen->drop) {
		allow(a, SYNSHIELD_PASS, seen->reason);
		return;
	}
	if (seen->reason != SYNSHIELD_REASON_bad_ip && !is_local(&seen->s)) {
		ALLOW(a, PASS(not_local));
		return;
	}
	a->observed = r.observed;
	if (r.mode == SYNSHIELD_MODE_OFF)
		off(seen, b, a);
	else if (seen->drop)
		allow(a, SYNSHIELD_DROP, seen->reason);
	else
		whole(w, &r, seen, b, a);
	before = a->count;
	for (int i = 0; i < before && f->len > LONG_FRAME; i++)
		if (a->verdict[i].action == SYNSHIELD_REPLY)
			ALLOW(a, PASS(reply_failed));
}

/* --- what is left in the maps --- */

/* After these the tuple is tracked, whatever was before. */
static bool is_to_track(const struct seen *seen, int action, int reason)
{
	if (action != SYNSHIELD_PASS)
		return false;
	switch (reason) {
	case SYNSHIELD_REASON_known_tuple:
	case SYNSHIELD_REASON_calm:
	case SYNSHIELD_REASON_small_mss:
	case SYNSHIELD_REASON_signed_syn:
	case SYNSHIELD_REASON_cookie_not_due:
	case SYNSHIELD_REASON_cookie_ok:
	case SYNSHIELD_REASON_kernel_cookie_ok:
	case SYNSHIELD_REASON_tracked:
		return true;
	case SYNSHIELD_REASON_adopted:
		return !(seen->s.flags & TCP_RST);
	default:
		return false;
	}
}

static bool may_forget(const struct seen *seen)
{
	return seen->reason == SEEN_WHOLE && (seen->s.flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

static const char *check_conn(const struct seen *seen, const struct before *b, bool observed,
			      int action, int reason)
{
	struct synshield_conn now;
	bool has = conn_get(&seen->s, &now);

	if (is_to_track(seen, action, reason) && !has)
		return "it is not tracked";
	/* what brought back a cookie may be on its way to the kernel yet */
	if (reason == SYNSHIELD_REASON_calm && now.state != SYNSHIELD_CONN_SYN_RECEIVED &&
	    !(b->has_conn && b->conn.state == SYNSHIELD_CONN_PROVEN))
		return "it is not tracked as SYN_RECEIVED";
	if (reason == SYNSHIELD_REASON_cookie_ok && !observed && now.state != SYNSHIELD_CONN_PROVEN)
		return "it is not tracked as PROVEN";
	/* without a key it is the kernel's, tracked or not */
	if (!b->has_conn && has && !observed && !is_to_track(seen, action, reason) &&
	    reason != SYNSHIELD_REASON_no_key)
		return "it was stored";
	if (b->has_conn && !has && !may_forget(seen))
		return "its connection was forgotten";
	return NULL;
}

/* Nothing at all may come of what is malformed, or not for this host. */
static const char *check_untouched(const struct seen *seen, const struct before *b)
{
	struct synshield_listener l;
	struct synshield_conn c;

	if (conn_get(&seen->s, &c) != b->has_conn ||
	    (b->has_conn && memcmp(&c, &b->conn, sizeof(c))))
		return "its connection was changed";
	if (listener_get(&seen->s, &l) != b->has_listener ||
	    (b->has_listener && memcmp(&l, &b->listener, sizeof(l))))
		return "its listener was changed";
	return NULL;
}

static const char *check_listener(const struct seen *seen, const struct before *b, int reason)
{
	struct synshield_listener l;
	bool has = listener_get(&seen->s, &l);

	if (reason == SYNSHIELD_REASON_closed_port && has)
		return "a listener is kept that is none";
	if ((reason == SYNSHIELD_REASON_cookie || reason == SYNSHIELD_REASON_calm) && !has)
		return "its listener is not kept";
	if (!may_forget(seen) && has && !b->has_listener)
		return "a listener was stored without a SYN";
	return NULL;
}

const char *model_changes(const struct world *w, const struct seen *seen, const struct before *b,
			  const struct allowed *a, int action, int reason)
{
	__u64 made = read_made() - b->made;
	const char *wrong;

	if (made > 1)
		return "more than one connection was stored";
	if (!seen->tuple)
		return made ? "a connection was stored" : NULL;
	if (seen->reason != SEEN_WHOLE || reason == SYNSHIELD_REASON_not_local ||
	    reason == SYNSHIELD_REASON_off || reason == SYNSHIELD_REASON_denied ||
	    reason == SYNSHIELD_REASON_allowed)
		return made ? "a connection was stored" : check_untouched(seen, b);
	wrong = check_conn(seen, b, a->observed, action, reason);
	if (!wrong && made && action != SYNSHIELD_PASS && !a->observed)
		wrong = "a connection was stored";
	return wrong ? wrong : check_listener(seen, b, reason);
}
