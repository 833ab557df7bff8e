/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a capture tells of the host it was made on: which addresses are its own, which
 * ports are open, which connections were there before.
 */
#ifndef SURMISE_H
#define SURMISE_H

#include "cidr.h"
#include "frame.h"

/* A connection of the capture. */
struct surmise_conn {
	struct synshield_tuple tuple;
	bool opens;  /* begins with a SYN */
	bool spoken; /* the local end has sent more than RSTs: its kernel has the socket */
	bool there;  /* was told to the shield, as the daemon does with sockets that exist */
	/* in place of the capture's SYN-ACK there was a cookie: what to add to its numbers */
	bool cookie, shifted;
	bool unheard; /* the last segment received did not get to the kernel */
	__u32 cookie_isn, cookie_tsval;
	__u32 seq_shift, ts_shift;
	struct surmise_conn *next; /* in its bucket */
};

struct surmise;

/* local: NULL, or the prefix that the host's addresses are in. */
struct surmise *surmise_new(const struct synshield_list_key *local);
void surmise_free(struct surmise *s);

/* First every frame's addresses, then, in another round, the rest.  -ENOMEM, -ENOSPC. */
int surmise_addresses(struct surmise *s, const struct frame *f);
int surmise_conns(struct surmise *s, const struct frame *f);

enum surmise_way { WAY_NONE, WAY_IN, WAY_OUT };
enum surmise_way surmise_way(const struct surmise *s, const struct frame *f);
void surmise_tuple(const struct frame *f, enum surmise_way way, struct synshield_tuple *t);
/* NULL: not among them. */
struct surmise_conn *surmise_find(const struct surmise *s, const struct synshield_tuple *t);

/* Prefixes of the host's own addresses, and how many. */
size_t surmise_locals(const struct surmise *s, const struct synshield_list_key **locals);
bool surmise_is_open(const struct surmise *s, __u16 port);
size_t surmise_count(const struct surmise *s);

#endif
