/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A connection that the kernel holds: both ends are sockets here, joined by lo. */
#ifndef LIVE_H
#define LIVE_H

#include "packet.h"

struct live {
	int client, server;
	bool ipv6;
	__u16 port; /* the server's */
};

/* What the server's socket would take (RFC 9293's RCV variables), and has sent. */
struct live_window {
	__u32 rcv_nxt, rcv_wup, rcv_wnd; /* rcv_wup: RCV.NXT as the client was last told */
	__u32 snd_nxt;
};

void live_connect(struct live *l, bool ipv6, int listener, __u16 port);
void live_close(struct live *l);
void live_window(const struct live *l, struct live_window *w);
/* SND.NXT of a socket that is not closed. */
__u32 live_sent(int fd);
/* The client's next segment, as if it came from outside. */
void live_segment(const struct live *l, __u8 flags, struct segment *s);

#endif
