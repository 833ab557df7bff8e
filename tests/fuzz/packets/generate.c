/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "generate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layouts.h"

#define FIRST_PORT 30000
#define CLIENT_PORTS 16 /* few, so that connections meet their next segments */
#define SEEDS_MAX 4096
#define PAYLOAD_MAX 1400

static struct frame *seeds;
static __u32 seed_count;
static const char payload[FRAME_MAX];

static bool read_seed(FILE *in, struct frame *f)
{
	unsigned int byte;
	int c;

	f->len = 0;
	while (f->len < FRAME_MAX && fscanf(in, "%2x", &byte) == 1) {
		f->byte[f->len++] = byte;
		c = getc(in);
		if (c == '\n')
			return true;
		ungetc(c, in);
	}
	return f->len;
}

void generate_begin(const char *path)
{
	FILE *in = fopen(path, "r");

	seeds = calloc(SEEDS_MAX, sizeof(*seeds));
	if (!in || !seeds)
		bail_out("%s", path);
	while (seed_count < SEEDS_MAX && read_seed(in, &seeds[seed_count]))
		seed_count++;
	fclose(in);
	if (!seed_count)
		bail_out("%s: no frames", path);
}

/* --- who, and to where --- */

static const char *any_source(struct dice *d, bool ipv6)
{
	static const char *const odd[2][12] = {
		{DENIED_IPV4, ALLOWED_IPV4, DENIED_IPV4, ALLOWED_IPV4, "127.0.0.1", "224.0.0.1",
		 "255.255.255.255", "0.0.0.0", "198.51.100.1", "203.0.114.1", "192.0.2.3",
		 "126.255.255.255"},
		{DENIED_IPV6, ALLOWED_IPV6, DENIED_IPV6, ALLOWED_IPV6, "::1", "ff02::1",
		 "::", "::2", "2001:db8:1::1", "2001:db8:bae::1", "2001:db8:2::3", "fe80::1"},
	};

	if (dice_chance(d, 75))
		return ipv6 ? "2001:db8:2::2" : "192.0.2.2";
	return odd[ipv6][dice_below(d, 12)];
}

static __u16 any_port(struct dice *d)
{
	static const __u16 ports[] = {PORT,	PORT,	       PORT,	     PORT,	 PORT,
				      PORT,	PORT_LIMITED,  PORT_LIMITED, PORT_MD5,	 PORT_MPTCP,
				      PORT_OFF, PORT_OBSERVED, CLOSED_PORT,  CLOSED_PORT};

	if (dice_chance(d, 2))
		return 0;
	return ports[dice_below(d, sizeof(ports) / sizeof(*ports))];
}

static const char *any_target(struct dice *d, bool ipv6)
{
	__u32 die = dice_below(d, 20);

	if (die == 0)
		return ipv6 ? "2001:db8:1::77" : "198.51.100.77";
	if (die < 4)
		return ipv6 ? "2001:db8:1::2" : "198.51.100.2";
	return ipv6 ? "2001:db8:1::1" : "198.51.100.1";
}

static void choose_tuple(struct dice *d, struct segment *s)
{
	bool ipv6 = dice_chance(d, 50);

	segment_begin(s, ipv6, 0);
	if (dice_chance(d, 15)) {
		*s = world_holder(dice_below(d, 6))->s;
		s->flags = 0;
		return;
	}
	net_address(any_source(d, ipv6), s->source);
	net_address(any_target(d, ipv6), s->target);
	s->source_port = dice_chance(d, 1) ? 0 : FIRST_PORT + dice_below(d, CLIENT_PORTS);
	s->target_port = any_port(d);
	s->seq = 1000 * s->source_port; /* a tuple's ISN is always the same */
	s->ack = dice_roll(d);
}

/* --- what it says --- */

static __u32 near(struct dice *d, __u32 number)
{
	static const __u32 steps[] = {1,     2,	    100,    1000,    30000,
				      65535, 65536, 100000, 1 << 24, 1u << 31};
	__u32 step = steps[dice_below(d, sizeof(steps) / sizeof(*steps))];

	if (dice_chance(d, 60))
		return number;
	if (dice_chance(d, 10))
		return dice_roll(d);
	return dice_chance(d, 50) ? number + step : number - step;
}

/* As the connection that is tracked would go on. */
static void go_on(struct dice *d, struct segment *s)
{
	struct synshield_conn c;

	if (conn_get(s, &c)) {
		s->seq = c.remote_next ? c.remote_next : s->seq;
		s->ack = c.local_next ? c.local_next : s->ack;
	}
	s->seq = near(d, s->seq);
	s->ack = near(d, s->ack);
	if (dice_chance(d, 30))
		segment_options(s, "nop nop ts");
}

static void make_syn(struct dice *d, struct segment *s)
{
	s->flags = TCP_SYN | (dice_chance(d, 20) ? TCP_ECE | TCP_CWR : 0);
	s->seq = near(d, s->seq);
	segment_options(s, "%s", layouts[dice_below(d, LAYOUTS)].options);
	if (dice_chance(d, 6))
		segment_options(s, "mss %u nop ws 7", dice_below(d, 1300));
	if (dice_chance(d, 4))
		segment_options(s, "mss 1460 %s", dice_chance(d, 50) ? "md5" : "ao");
}

/* The third segment of a handshake by a cookie, of this epoch or of one of those before. */
static void make_third(struct dice *d, struct segment *s)
{
	__u32 epoch = shield.keys.epoch - (dice_chance(d, 30) ? 1 + dice_below(d, 2) : 0);
	struct segment syn = *s;
	struct oracle_cookie c;
	struct agreement agreed;

	segment_options(&syn, "%s", layouts[dice_below(d, LAYOUTS)].options);
	syn.flags = TCP_SYN | (dice_chance(d, 20) ? TCP_ECE | TCP_CWR : 0);
	oracle_agree(&syn, shield.host.flags, 0, &agreed);
	oracle_make(&syn, &agreed, shield.keys.key[epoch % SYNSHIELD_KEYS], epoch, &c);
	segment_third(&syn, &agreed, &c, s);
	if (dice_chance(d, 20))
		s->flags |= TCP_FIN;
	if (dice_chance(d, 10))
		s->ack ^= 1u << dice_below(d, 32);
	if (dice_chance(d, 5))
		s->tsecr ^= 1u << dice_below(d, 32);
	if (dice_chance(d, 5))
		s->seq++;
}

static void say_something(struct dice *d, struct segment *s)
{
	static const __u8 flags[] = {TCP_ACK,		TCP_ACK,	   TCP_ACK | TCP_PSH,
				     TCP_ACK | TCP_FIN, TCP_ACK | TCP_FIN, TCP_RST,
				     TCP_RST | TCP_ACK, TCP_SYN | TCP_ACK};
	__u32 die = dice_below(d, 100);

	if (die < 35) {
		make_syn(d, s);
	} else if (die < 55) {
		make_third(d, s);
	} else {
		go_on(d, s);
		s->flags = die < 96 ? flags[dice_below(d, sizeof(flags))] : dice_below(d, 256);
	}
	s->payload = payload;
	if (dice_chance(d, s->flags & TCP_SYN ? 5 : 30))
		s->payload_len = dice_below(d, dice_chance(d, 90) ? 200 : PAYLOAD_MAX);
}

/* --- how it is packed --- */

static void add_vlans(struct dice *d, struct segment *s)
{
	s->vlans = 1 + dice_below(d, 2);
	for (int i = 0; i < s->vlans; i++) {
		s->vlan[i].proto = dice_chance(d, 50) ? 0x8100 : 0x88a8;
		s->vlan[i].tci = dice_below(d, 0x10000);
	}
}

static void add_extensions(struct dice *d, struct segment *s)
{
	static const __u8 kinds[] = {0, 43, 51, 60, 60, 44, 135, 59};

	s->extensions = 1 + dice_below(d, dice_chance(d, 90) ? 3 : 8);
	for (int i = 0; i < s->extensions; i++) {
		s->extension[i].kind = kinds[dice_below(d, sizeof(kinds))];
		s->extension[i].len = s->extension[i].kind == 44 ? 8 : 8 << dice_below(d, 3);
	}
	if (dice_chance(d, 50))
		s->ipv6_fragment = dice_below(d, 4) * 8 | dice_below(d, 2);
}

static void pack(struct dice *d, struct segment *s)
{
	if (dice_chance(d, 15))
		add_vlans(d, s);
	if (dice_chance(d, 10))
		s->tos = dice_below(d, 256);
	if (s->ipv6 && dice_chance(d, 15))
		add_extensions(d, s);
	if (!s->ipv6 && dice_chance(d, 10))
		s->ip_options_len = 1 + dice_below(d, 40);
	for (int i = 0; i < s->ip_options_len; i++)
		s->ip_options[i] = 1;
	if (!s->ipv6 && dice_chance(d, 8))
		s->fragment = dice_below(d, 4) << 13 | dice_below(d, 3);
	if (dice_chance(d, 20))
		s->pad_to = 60 + dice_below(d, 100);
	if (dice_chance(d, 2))
		s->to[dice_below(d, 6)] ^= 1 << dice_below(d, 8);
}

/* --- and then not as it should be --- */

static void cut(struct dice *d, struct frame *f)
{
	f->len = 14 + dice_below(d, f->len - 13);
}

static void lie(struct dice *d, struct frame *f)
{
	static const int at[] = {0, 2, 3, 4, 5, 6, 7, 9, 32, 33, 40, 41, 52, 53};
	__u32 i = f->l3 + at[dice_below(d, sizeof(at) / sizeof(*at))];

	if (dice_chance(d, 30))
		i = f->l4 + 12; /* the data offset */
	if (i < f->len)
		f->byte[i] =
			dice_chance(d, 50) ? dice_below(d, 256) : f->byte[i] + dice_below(d, 5) - 2;
}

static void flip(struct dice *d, struct frame *f)
{
	__u32 headers = f->len < 120 ? f->len : 120;

	for (int n = 1 + dice_below(d, 3); n; n--)
		f->byte[dice_below(d, headers)] ^= 1 << dice_below(d, 8);
}

/* Anything where the TCP options are. */
static void scribble(struct dice *d, struct frame *f)
{
	static const __u8 kinds[] = {0, 1, 1, 2, 3, 4, 5, 8, 19, 29, 30, 34, 253};

	for (__u32 i = f->l4 + 20; i < f->len && i < f->l4 + 60; i++)
		if (dice_chance(d, 30))
			f->byte[i] = dice_chance(d, 60) ? kinds[dice_below(d, sizeof(kinds))]
							: dice_below(d, 20);
}

static void spoil(struct dice *d, struct frame *f)
{
	static void (*const ways[])(struct dice *, struct frame *) = {cut,  lie,  lie,
								      flip, flip, scribble};

	do {
		ways[dice_below(d, sizeof(ways) / sizeof(*ways))](d, f);
	} while (dice_chance(d, 30));
}

static void take_seed(struct dice *d, struct frame *f)
{
	const struct frame *seed = &seeds[dice_below(d, seed_count)];

	f->len = seed->len;
	memcpy(f->byte, seed->byte, seed->len);
	f->l3 = 14;
	f->l4 = f->byte[12] == 0x86 ? 54 : 34;
}

void generate(struct dice *d, struct frame *f)
{
	struct segment s;

	if (dice_chance(d, 10)) {
		take_seed(d, f);
	} else {
		choose_tuple(d, &s);
		say_something(d, &s);
		pack(d, &s);
		frame_build(&s, f);
	}
	if (dice_chance(d, 30))
		spoil(d, f);
}

void generate_sent(struct dice *d, struct frame *f)
{
	struct segment s, sent;

	choose_tuple(d, &s);
	go_on(d, &s);
	s.payload_len = 0;
	segment_turn(&s, dice_chance(d, 80) ? TCP_ACK : dice_below(d, 256), &sent);
	if (dice_chance(d, 10))
		add_vlans(d, &sent);
	frame_build(&sent, f);
	if (dice_chance(d, 20))
		spoil(d, f);
}
