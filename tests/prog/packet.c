/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "packet.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define PROTO_TCP 6

void put16(__u8 *at, __u16 v)
{
	at[0] = v >> 8;
	at[1] = v;
}

void put32(__u8 *at, __u32 v)
{
	put16(at, v >> 16);
	put16(at + 2, v);
}

__u16 get16(const __u8 *at)
{
	return at[0] << 8 | at[1];
}

__u32 get32(const __u8 *at)
{
	return (__u32)get16(at) << 16 | get16(at + 2);
}

/* RFC 1071 */
static __u32 sum_bytes(const __u8 *at, __u32 len, __u32 sum)
{
	__u32 i;

	for (i = 0; i + 1 < len; i += 2)
		sum += get16(at + i);
	if (len & 1)
		sum += at[len - 1] << 8;
	return sum;
}

static __u16 sum_end(__u32 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

void segment_options(struct segment *s, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(s->options, sizeof(s->options), fmt, args);
	va_end(args);
}

struct option_word {
	const char *word;
	__u8 kind, len;
	bool number; /* one follows */
};

static const struct option_word option_words[] = {
	{"mss", 2, 4, true},	   {"ws", 3, 3, true},	   {"sack", 4, 2, false},
	{"ts", 8, 10, false},	   {"tfo", 34, 2, false},  {"tfo8", 34, 10, false},
	{"mpc", 30, 4, false},	   {"md5", 19, 18, false}, {"ao", 29, 16, false},
	{"unknown", 253, 0, true}, {"nop", 1, 1, false},   {"eol", 0, 1, false},
	{"raw", 0, 1, true},
};

static const struct option_word *find_word(const char *word)
{
	for (unsigned int i = 0; i < sizeof(option_words) / sizeof(*option_words); i++)
		if (!strcmp(option_words[i].word, word))
			return &option_words[i];
	bail_out("no TCP option '%s'", word);
}

/* Room is the caller's: 40 bytes, and a spare 40. */
static int put_option(const struct segment *s, const struct option_word *w, int number, __u8 *at,
		      struct offer *offer)
{
	int len = w->len;

	at[0] = strcmp(w->word, "raw") ? w->kind : number;
	if (w->len == 1)
		return 1;
	if (!strcmp(w->word, "unknown"))
		len = number;
	at[1] = len;
	if (w->kind == 2) {
		put16(at + 2, number);
		offer->mss = number;
	} else if (w->kind == 3) {
		at[2] = number;
		offer->wscale = number;
	} else if (w->kind == 4) {
		offer->sack = true;
	} else if (w->kind == 8) {
		put32(at + 2, s->tsval);
		put32(at + 6, s->tsecr);
		offer->timestamp = true;
	} else {
		memset(at + 2, 0x5a, len - 2);
	}
	return len;
}

int options_encode(const struct segment *s, __u8 *out, struct offer *offer)
{
	struct offer ignored;
	char text[sizeof(s->options)], *save, *word;
	__u8 byte[80] = {};
	int len = 0, number;

	if (!offer)
		offer = &ignored;
	*offer = (struct offer){.mss = -1, .wscale = -1};
	strcpy(text, s->options);
	for (word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		const struct option_word *w = find_word(word);

		number = w->number ? atoi(strtok_r(NULL, " ", &save)) : 0;
		len += put_option(s, w, number, byte + len, offer);
		if (len > 40)
			bail_out("'%s' does not fit 40 bytes", s->options);
	}
	len = (len + 3) & ~3;
	memcpy(out, byte, len);
	return len;
}

static int put_ethernet(const struct segment *s, __u8 *at)
{
	int len = 12;

	memcpy(at, s->to, 6);
	memcpy(at + 6, s->from, 6);
	for (int i = 0; i < s->vlans; i++, len += 4) {
		put16(at + len, s->vlan[i].proto);
		put16(at + len + 2, s->vlan[i].tci);
	}
	put16(at + len, s->ipv6 ? 0x86dd : 0x0800);
	return len + 2;
}

static int put_ipv4(const struct segment *s, __u8 *at, int tcp_len)
{
	int len = 20 + ((s->ip_options_len + 3) & ~3);

	memset(at, 0, len);
	at[0] = 0x40 | len / 4;
	at[1] = s->tos;
	put16(at + 2, len + tcp_len);
	put16(at + 4, s->id);
	put16(at + 6, s->fragment);
	at[8] = s->hops;
	at[9] = PROTO_TCP;
	memcpy(at + 12, s->source + 12, 4);
	memcpy(at + 16, s->target + 12, 4);
	memcpy(at + 20, s->ip_options, s->ip_options_len);
	put16(at + 10, sum_end(sum_bytes(at, len, 0)));
	return len;
}

/* PadN fills the options headers (RFC 8200 section 4.2); 0 segments left in a routing header. */
static void put_extension(const struct extension *e, __u16 fragment, __u8 next, __u8 *at)
{
	bool ah = e->kind == 51;

	memset(at, 0, e->len);
	at[0] = next;
	at[1] = ah ? e->len / 4 - 2 : e->len / 8 - 1;
	if (e->kind == IPV6_FRAGMENT_HEADER)
		put16(at + 2, fragment);
	if (e->kind != 0 && e->kind != 60)
		return;
	for (int i = 2; i < e->len;) {
		int n = e->len - i > 257 ? 257 : e->len - i;

		if (e->len - i - n == 1)
			n--;
		at[i] = 1;
		at[i + 1] = n - 2;
		i += n;
	}
}

static int put_ipv6(const struct segment *s, __u8 *at, int tcp_len)
{
	int len = 40;

	for (int i = 0; i < s->extensions; i++)
		len += s->extension[i].len;
	put32(at, 0x60000000 | s->tos << 20);
	put16(at + 4, len - 40 + tcp_len);
	at[6] = s->extensions ? s->extension[0].kind : PROTO_TCP;
	at[7] = s->hops;
	memcpy(at + 8, s->source, 16);
	memcpy(at + 24, s->target, 16);
	at += 40;
	for (int i = 0; i < s->extensions; i++) {
		put_extension(&s->extension[i], s->ipv6_fragment,
			      i + 1 < s->extensions ? s->extension[i + 1].kind : PROTO_TCP, at);
		at += s->extension[i].len;
	}
	return len;
}

static __u32 tcp_len_of(const struct frame *f)
{
	const __u8 *ip = f->byte + f->l3;

	if (ip[0] >> 4 == 6)
		return get16(ip + 4) - (f->l4 - f->l3 - 40);
	return get16(ip + 2) - (f->l4 - f->l3);
}

void frame_seal(struct frame *f)
{
	__u8 *ip = f->byte + f->l3, *tcp = f->byte + f->l4;
	__u32 len = tcp_len_of(f), sum = len + PROTO_TCP;

	sum = ip[0] >> 4 == 6 ? sum_bytes(ip + 8, 32, sum) : sum_bytes(ip + 12, 8, sum);
	put16(tcp + 16, 0);
	put16(tcp + 16, sum_end(sum_bytes(tcp, len, sum)));
}

static int put_tcp(const struct segment *s, __u8 *at)
{
	__u8 options[40];
	int len = options_encode(s, options, NULL);

	memset(at, 0, 20);
	put16(at, s->source_port);
	put16(at + 2, s->target_port);
	put32(at + 4, s->seq);
	put32(at + 8, s->ack);
	at[12] = (20 + len) / 4 << 4;
	at[13] = s->flags;
	put16(at + 14, s->window);
	memcpy(at + 20, options, len);
	return 20 + len;
}

void frame_build(const struct segment *s, struct frame *f)
{
	__u8 options[40];
	int tcp_len = 20 + options_encode(s, options, NULL) + s->payload_len;

	f->l3 = put_ethernet(s, f->byte);
	f->l4 = f->l3 + (s->ipv6 ? put_ipv6(s, f->byte + f->l3, tcp_len)
				 : put_ipv4(s, f->byte + f->l3, tcp_len));
	f->len = f->l4 + put_tcp(s, f->byte + f->l4);
	if (s->payload_len)
		memcpy(f->byte + f->len, s->payload, s->payload_len);
	f->len += s->payload_len;
	frame_seal(f);
	if ((int)f->len < s->pad_to) {
		memset(f->byte + f->len, 0, s->pad_to - f->len);
		f->len = s->pad_to;
	}
}

__u32 frame_wire_len(const struct frame *f)
{
	return f->len < FRAME_MIN ? FRAME_MIN : f->len;
}
