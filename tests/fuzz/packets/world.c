/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "world.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANY_RATE 0x1000000
#define HOLDERS 6	  /* three of each family */
#define GONE_MAX 4096	  /* tuples that may be in TIME_WAIT yet */
#define NOBODYS_PORT 9999 /* to which this host has sent a SYN */

static struct holder holders[HOLDERS];
static bool gone[2][0x10000]; /* clients' ports that the kernel may hold yet, in TIME_WAIT */
static struct live live[2];
static int dialled[2], listener[2];
static struct server_side server[2];

__u64 dice_roll(struct dice *d)
{
	__u64 z = d->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

__u32 dice_below(struct dice *d, __u32 n)
{
	return (dice_roll(d) >> 32) * n >> 32;
}

bool dice_chance(struct dice *d, __u32 percent)
{
	return dice_below(d, 100) < percent;
}

int net_listener(bool ipv6)
{
	return listener[ipv6];
}

/* --- the kernel's sockets --- */

static bool same_tuple(const struct segment *a, const struct segment *b)
{
	return a->source_port == b->source_port && a->target_port == b->target_port &&
	       !memcmp(a->source, b->source, 16) && !memcmp(a->target, b->target, 16);
}

static void hold_live(bool ipv6, struct holder *h)
{
	struct live_window w;

	live_connect(&live[ipv6], ipv6, listener[ipv6], PORT);
	live_segment(&live[ipv6], TCP_ACK, &h->s);
	live_window(&live[ipv6], &w);
	h->window = w.rcv_wnd;
	h->kind = HOLDER_ESTABLISHED;
}

/* The server's end closes first. */
static void hold_time_wait(bool ipv6, struct holder *h)
{
	struct live_window w;
	struct live l;

	live_connect(&l, ipv6, listener[ipv6], PORT);
	live_segment(&l, TCP_ACK, &h->s);
	live_window(&l, &w);
	h->window = w.rcv_wnd;
	close(l.server);
	close(l.client);
	h->s.seq++; /* both FINs were received */
	h->s.ack++;
	h->kind = HOLDER_TIME_WAIT;
}

static void hold_syn_sent(bool ipv6, struct holder *h)
{
	dialled[ipv6] = net_dial_nobody(ipv6, NOBODYS_PORT);
	segment_begin(&h->s, ipv6, TCP_SYN | TCP_ACK);
	h->s.source_port = NOBODYS_PORT;
	h->s.target_port = net_local_port(dialled[ipv6]);
	h->s.ack = live_sent(dialled[ipv6]);
	h->kind = HOLDER_SYN_SENT;
}

static void leave_alone(const struct segment *s)
{
	gone[s->ipv6][s->source_port] = true;
}

static void end_holders(void)
{
	struct linger at_once = {.l_onoff = 1};

	for (int i = 0; i < HOLDERS && holders[i].kind; i++)
		leave_alone(&holders[i].s);
	for (int ipv6 = 0; ipv6 <= 1 && holders[0].kind; ipv6++) {
		setsockopt(live[ipv6].client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		live_close(&live[ipv6]);
		close(dialled[ipv6]);
	}
}

/* TIME_WAIT lasts a minute, and a SYN that nobody answers two: they are made anew in time. */
static void make_holders(void)
{
	end_holders();
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		hold_live(ipv6, &holders[3 * ipv6]);
		hold_time_wait(ipv6, &holders[3 * ipv6 + 1]);
		hold_syn_sent(ipv6, &holders[3 * ipv6 + 2]);
	}
}

const struct holder *world_holder(int i)
{
	return i < HOLDERS ? &holders[i] : NULL;
}

bool world_find(const struct segment *s, const struct holder **holder)
{
	static const struct holder none;

	*holder = &none;
	for (int i = 0; i < HOLDERS; i++)
		if (same_tuple(&holders[i].s, s))
			*holder = &holders[i];
	return (*holder)->kind || !gone[s->ipv6][s->source_port];
}

bool world_listens(const struct segment *s)
{
	switch (s->target_port) {
	case PORT:
	case PORT_MD5:
	case PORT_MPTCP:
	case PORT_OFF:
	case PORT_LIMITED:
	case PORT_OBSERVED:
		return true;
	default:
		return false;
	}
}

const struct server_side *world_server(bool ipv6)
{
	return &server[ipv6];
}

/* Its two SYNs were the last two segments that were begun. */
static void read_server(bool ipv6)
{
	struct segment s;

	server_side_read(ipv6, PORT, &server[ipv6]);
	segment_begin(&s, ipv6, TCP_SYN);
	for (int i = 0; i < 2; i++) {
		s.source_port--;
		leave_alone(&s);
	}
}

void world_begin(void)
{
	static const struct {
		__u16 port;
		enum listener_kind kind;
	} others[] = {
		{PORT_MD5, LISTENER_MD5},	 {PORT_MPTCP, LISTENER_MPTCP},
		{PORT_OFF, LISTENER_PLAIN},	 {PORT_LIMITED, LISTENER_PLAIN},
		{PORT_OBSERVED, LISTENER_PLAIN},
	};

	net_enter();
	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		listener[ipv6] = net_listen(ipv6, PORT, 1024, LISTENER_PLAIN);
		for (unsigned int i = 0; i < sizeof(others) / sizeof(*others); i++)
			net_listen(ipv6, others[i].port, 1024, others[i].kind);
		read_server(ipv6);
	}
	net_sysctl("ipv4/tcp_syncookies", "2"); /* the kernel's own are always due */
	shield_load(&(struct shield_shape){.conns = 4096});
}

/* --- the settings --- */

static void roll(struct dice *d, struct world *w)
{
	static const enum synshield_mode modes[] = {
		SYNSHIELD_MODE_ALWAYS,	SYNSHIELD_MODE_ALWAYS, SYNSHIELD_MODE_ALWAYS,
		SYNSHIELD_MODE_AUTO,	SYNSHIELD_MODE_AUTO,   SYNSHIELD_MODE_AUTO,
		SYNSHIELD_MODE_OBSERVE, SYNSHIELD_MODE_OFF,
	};

	w->mode = modes[dice_below(d, 8)];
	w->counts = dice_chance(d, 50) ? SYNSHIELD_MODE_AUTO : SYNSHIELD_MODE_ALWAYS;
	w->reset = dice_chance(d, 60) ? SYNSHIELD_RESET_REPLY
				      : SYNSHIELD_RESET_REPLY + dice_below(d, 3);
	w->learned = dice_chance(d, 60);
	w->spent = dice_chance(d, 20);
	w->tight = dice_chance(d, 10);
	w->no_key = dice_chance(d, 4);
	w->attack = dice_chance(d, 50);
	w->lists = dice_chance(d, 50);
}

static void set_lists(void)
{
	list_put("203.0.113.0", 24, SYNSHIELD_LIST_DENY);
	list_put("203.0.113.128", 25, SYNSHIELD_LIST_ALLOW);
	list_put("2001:db8:bad::", 48, SYNSHIELD_LIST_DENY);
	list_put("2001:db8:bad:a::", 64, SYNSHIELD_LIST_ALLOW);
	shield.settings.listed = 4;
}

static void set_policies(void)
{
	const struct synshield_policy off = {.mode = SYNSHIELD_MODE_OFF};
	const struct synshield_policy limited = {.source_conns = SOURCES_AT_MOST,
						 .reset = SYNSHIELD_RESET_DROP};
	const struct synshield_policy observed = {.mode = SYNSHIELD_MODE_OBSERVE};

	shield_policy(PORT_OFF, &off);
	shield_policy(PORT_LIMITED, &limited);
	shield_policy(PORT_OBSERVED, &observed);
}

/* The kernel's sockets, as the daemon enters them. */
static void learn(void)
{
	for (int i = 0; i < HOLDERS; i++) {
		const struct holder *h = &holders[i];
		struct synshield_conn c = {.state = SYNSHIELD_CONN_ESTABLISHED,
					   .remote_next = h->s.seq,
					   .local_next = h->s.ack};

		if (h->kind == HOLDER_SYN_SENT)
			c = (struct synshield_conn){.state = SYNSHIELD_CONN_SYN_SENT,
						    .local.syn = 1,
						    .local_next = h->s.ack};
		conn_put(&h->s, &c);
	}
}

/* A listener's entry is made by its first SYN. */
static void attack(void)
{
	struct segment s;

	for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
		segment_begin_apart(&s, ipv6, TCP_SYN);
		run_segment(&s);
		listener_attack(&s);
	}
}

void world_refresh(const struct world *w)
{
	if (w->spent)
		budgets_spend_resets();
}

void world_round(struct dice *d, struct world *w)
{
	roll(d, w);
	make_holders();
	shield_reset();
	shield.settings.mode = SYNSHIELD_MODE_ALWAYS;
	shield.settings.syn_rate = shield.settings.half_open = 100000000;
	shield.settings.reset = w->reset;
	shield.settings.reset_rate = w->spent ? 1 : ANY_RATE;
	shield.settings.reply_rate = w->tight ? 1 : ANY_RATE;
	shield.settings.mode = w->mode;
	shield.settings.counts = w->counts;
	if (w->no_key)
		shield.keys.epoch = 0;
	if (w->lists)
		set_lists();
	set_policies();
	if (w->learned)
		learn();
	shield_configure(w->learned);
	if (w->attack && w->mode != SYNSHIELD_MODE_OFF)
		attack();
	world_refresh(w);
}

void world_note(const struct world *w)
{
	static const char *const modes[] = {"inherit", "off", "observe", "auto", "always"};

	note("  mode=%s counts=%s reset=%d%s%s%s%s%s%s", modes[w->mode], modes[w->counts], w->reset,
	     w->learned ? " learned" : "", w->spent ? " spent" : "", w->tight ? " tight" : "",
	     w->no_key ? " no-key" : "", w->attack ? " attack" : "", w->lists ? " lists" : "");
}
