/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * peer: one client, made from a seed, that talks to two servers at once. What is in a plan holds
 * for both; what depends on the answers (the server's sequence numbers, its timestamps, what it has
 * acknowledged) is kept per server in a struct client.
 */
#ifndef TOOLS_PEER_H
#define TOOLS_PEER_H

#include "common.h"

#define SERVERS 2
#define MAX_STEPS 160
#define MAX_LIVES 4
#define MAX_ORDERS 8
#define CHUNK_MAX 500 /* bytes of a segment at most: below every server's MSS */
#define MAX_OPTIONS 40

#define FLAG_FIN 0x01
#define FLAG_SYN 0x02
#define FLAG_RST 0x04
#define FLAG_PSH 0x08
#define FLAG_ACK 0x10
#define FLAG_URG 0x20
#define FLAG_ECE 0x40
#define FLAG_CWR 0x80

/* splitmix64 */
struct rng {
	uint64_t state;
};

static inline uint64_t rng_next(struct rng *rng)
{
	uint64_t x = rng->state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static inline uint32_t rng_below(struct rng *rng, uint32_t n)
{
	return rng_next(rng) % n;
}

static inline bool rng_chance(struct rng *rng, unsigned int percent)
{
	return rng_below(rng, 100) < percent;
}

/* What a step does; `at` is its offset, and where it says so an offset in the stream. */
enum step_kind {
	STEP_SYN,     /* this life's SYN */
	STEP_OLD_SYN, /* a duplicate of an earlier one: ISN + at */
	STEP_CONNECT, /* the SYN again until every server has answered it */
	STEP_SEND,    /* stream from `at`, `len` bytes; a FIN behind it if `fin` */
	STEP_ACK,
	STEP_BARE,	 /* as SEND, without the timestamps that were agreed on */
	STEP_WRONG_ACK,	 /* as SEND, acknowledging at2 more than was sent */
	STEP_WRONG_SEQ,	 /* an ACK at what comes next + at */
	STEP_OLD,	 /* as SEND, with a timestamp of long ago */
	STEP_KEEPALIVE,	 /* one before what comes next, `len` bytes */
	STEP_RST,	 /* at what the server expects next + at */
	STEP_RST_WINDOW, /* at the window's right edge + at */
	STEP_RST_END,	 /* at the end of all that was sent: of the last SACK block */
	STEP_SETTLE,	 /* repeat what is not acknowledged, acknowledge what comes */
	STEP_SETTLE_FIN, /* the same, until the server's FIN has come, too */
	STEP_LIFE,	 /* the next life begins: another connection of the same tuple */
};

struct step {
	uint8_t kind;
	bool fin;
	bool lost;     /* counts as sent, and is not */
	bool together; /* with the step before it, in one burst */
	uint16_t len;
	int32_t at, at2;
};

/* One connection, or attempt at one. */
struct life {
	uint32_t isn;
	uint8_t options[MAX_OPTIONS];
	uint8_t options_len;
	uint8_t ts_at; /* of TSval in options; 0: no timestamps */
	uint8_t syn_flags;
	uint16_t syn_data;
	uint16_t window;
	char order[MAX_ORDERS]; /* for the server: the stream's byte at order_at */
	uint32_t order_at[MAX_ORDERS];
	unsigned int orders;
};

struct plan {
	uint64_t seed;
	int family;
	uint16_t port;
	bool lenient; /* a RST came into a handshake: a cookie remembers none */
	unsigned int lives, steps;
	struct life life[MAX_LIVES];
	struct step step[MAX_STEPS];
};

/* @once: no SYN is repeated while the handshake goes on. */
void plan_make(struct plan *plan, uint64_t seed, bool once);
void plan_print(const struct plan *plan, FILE *out);
/* The stream's byte at this offset: an order, or one with its top bit set. */
uint8_t plan_byte(const struct plan *plan, const struct life *life, uint32_t offset);

/* A segment, either way. */
struct segment {
	uint8_t flags;
	uint32_t seq, ack;
	uint16_t window;
	uint8_t options[MAX_OPTIONS];
	uint8_t options_len;
	const uint8_t *data;
	uint16_t len;
};

enum client_state {
	CLIENT_CLOSED,
	CLIENT_SYN_SENT,
	CLIENT_CONNECTED,
	CLIENT_RESET,	/* by the server */
	CLIENT_ABORTED, /* by a RST of its own */
};

/* A client's end of one life of a plan, with one server. */
struct client {
	enum client_state state;
	uint32_t server_isn;
	uint32_t next;	     /* expected from the server */
	uint32_t acked;	     /* by the server: offset in the stream; a FIN counts */
	uint32_t window_end; /* right edge of the server's window, as a sequence number */
	uint32_t server_ts;
	bool ts;	/* agreed on */
	uint8_t wscale; /* the server's */
	bool fin;	/* the server's has come */
	bool ack_due;
	uint64_t bytes, sum; /* received in order */
	unsigned int answers;
};

/* Where a plan is, with both servers. */
struct talk {
	struct plan plan;
	unsigned int step, life;
	uint32_t sent;	 /* offset after all that was sent, FIN included */
	uint32_t fin_at; /* offset of the FIN, if sent */
	bool fin;
	unsigned int asked;	/* answers */
	unsigned int ticks;	/* of the step that goes on */
	uint64_t since;		/* ns: its beginning */
	uint64_t syn_sent;	/* ns */
	unsigned int quiet;	/* ticks without anything new */
	unsigned int unsettled; /* steps that were given up */
	uint32_t clock;		/* timestamps */
	struct client client[SERVERS];
	struct client past[SERVERS][MAX_LIVES];
};

/* Sends this on the talk's tuple to one server. */
void wire_send(const struct talk *talk, unsigned int server, const struct segment *segment);

/* Returns false when the plan is over. */
bool talk_tick(struct talk *talk);
void talk_receive(struct talk *talk, unsigned int server, const struct segment *segment);
/* Did this client see the same of both servers? */
bool talk_is_same(const struct talk *talk);
void talk_print(const struct talk *talk, FILE *out);

#endif
