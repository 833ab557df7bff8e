/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One handshake by cookie, as far as the client's ACK. */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include "harness.h"

struct exchange {
	struct segment syn, ack;
	struct agreement agreed;
	struct oracle_cookie cookie;
};

/* The SYN that e->syn says, and the ACK that its SYN-ACK makes the client send. */
void exchange_work_out(struct exchange *e);
/* A SYN with these options, worked out; the shield gets it and answers. */
void exchange_begin(struct exchange *e, bool ipv6, const char *options);
/* XDP told TC ingress all of it. */
bool exchange_is_told(const struct outcome *o, const struct exchange *e);
bool is_unconfirmed(const struct outcome *o);

#endif
