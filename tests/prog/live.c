/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "live.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"

void live_connect(struct live *l, bool ipv6, int listener, __u16 port)
{
	l->ipv6 = ipv6;
	l->port = port;
	net_connect(listener, ipv6, port, &l->client, &l->server);
}

void live_close(struct live *l)
{
	close(l->client);
	close(l->server);
}

static void set(int fd, int name, int value)
{
	if (setsockopt(fd, IPPROTO_TCP, name, &value, sizeof(value)))
		bail_out("TCP socket option %d = %d", name, value);
}

static void get(int fd, int name, void *value, socklen_t len)
{
	if (getsockopt(fd, IPPROTO_TCP, name, value, &len))
		bail_out("TCP socket option %d", name);
}

/* Repair takes SO_REUSEADDR away, without which nobody could listen on the port again. */
static void end_repair(int fd)
{
	int one = 1;

	set(fd, TCP_REPAIR, TCP_REPAIR_OFF_NO_WP);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)))
		bail_out("SO_REUSEADDR");
}

/* The sequence number after all in the queue, of a socket under repair. */
static __u32 queue_end(int fd, int queue)
{
	__u32 seq;

	set(fd, TCP_REPAIR_QUEUE, queue);
	get(fd, TCP_QUEUE_SEQ, &seq, sizeof(seq));
	set(fd, TCP_REPAIR_QUEUE, TCP_NO_QUEUE);
	return seq;
}

void live_window(const struct live *l, struct live_window *w)
{
	struct tcp_repair_window window;

	set(l->server, TCP_REPAIR, TCP_REPAIR_ON);
	w->rcv_nxt = queue_end(l->server, TCP_RECV_QUEUE);
	w->snd_nxt = queue_end(l->server, TCP_SEND_QUEUE);
	get(l->server, TCP_REPAIR_WINDOW, &window, sizeof(window));
	end_repair(l->server);
	w->rcv_wup = window.rcv_wup;
	w->rcv_wnd = window.rcv_wnd;
}

__u32 live_sent(int fd)
{
	__u32 seq;

	set(fd, TCP_REPAIR, TCP_REPAIR_ON);
	seq = queue_end(fd, TCP_SEND_QUEUE);
	end_repair(fd);
	return seq;
}

void live_segment(const struct live *l, __u8 flags, struct segment *s)
{
	struct live_window w;

	live_window(l, &w);
	segment_begin(s, l->ipv6, flags);
	net_address(l->ipv6 ? "2001:db8:9::9" : "192.0.2.9", s->source);
	s->source_port = net_local_port(l->client);
	s->target_port = l->port;
	s->seq = w.rcv_nxt;
	s->ack = w.snd_nxt;
}
