/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "keepalive.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "bareack.h"
#include "clock.h"
#include "deeds.h"
#include "jiffies.h"
#include "locals.h"
#include "log.h"
#include "sockets.h"
#include "sockread.h"

/* Dead connections that are named in a second; the others are told as a number. */
#define NAMED_MAX 10
/* States of the kernel's socket in which it is worth while. */
#define PROBED (1U << TCP_ESTABLISHED | 1U << TCP_CLOSE_WAIT | 1U << TCP_FIN_WAIT2)

struct keepalive {
	const struct maps *maps;
	const char *ifname;
	int ifindex;
	int sockets;
	struct sockread *read;
	int unread;	      /* why there is none */
	__u64 idle, interval; /* ns; idle 0: off */
	bool close, cannot_close, cannot_send;
	struct synshield_daemon counted; /* and not written yet */
	__u64 named_ns;
	unsigned int named, unnamed;
};

int keepalive_open(struct keepalive **made, const struct maps *maps, const char *ifname,
		   int ifindex, int sockets)
{
	struct keepalive *k = calloc(1, sizeof(*k));

	*made = k;
	if (!k)
		return -ENOMEM;
	k->maps = maps;
	k->ifname = ifname;
	k->ifindex = ifindex;
	k->sockets = sockets;
	/* now, as the daemon gives up the right to load programs when it has started */
	k->unread = sockread_open(&k->read);
	return 0;
}

void keepalive_close(struct keepalive *k)
{
	if (!k)
		return;
	keepalive_tick(k, 0);
	sockread_close(k->read);
	free(k);
}

static void say_cannot_close(struct keepalive *k, int err)
{
	if (k->cannot_close)
		return;
	k->cannot_close = true;
	if (err == -EOPNOTSUPP)
		log_line("%s: warning: keepalive-close=on: this kernel closes no sockets for "
			 "others (it lacks CONFIG_INET_DIAG_DESTROY): dead connections are only "
			 "reported",
			 k->ifname);
	else
		log_errno(err, "%s: warning: keepalive-close=on: cannot close dead connections",
			  k->ifname);
}

static void follow_close(struct keepalive *k, bool wanted)
{
	int err;

	if (wanted == k->close)
		return;
	k->close = wanted;
	k->cannot_close = false;
	err = wanted ? sockets_can_end(k->sockets) : 0;
	if (err)
		say_cannot_close(k, err);
}

bool keepalive_follow(struct keepalive *k, const struct synshield_settings *settings)
{
	__u64 idle = settings->keepalive * SECOND_NS;
	bool moved;

	follow_close(k, idle && settings->keepalive_close);
	moved = idle != k->idle;
	if (moved && idle && !k->read)
		log_errno(k->unread,
			  "%s: warning: keepalive=%u: nothing is probed: cannot load the program "
			  "that reads the kernel's sockets",
			  k->ifname, settings->keepalive);
	k->idle = idle;
	k->interval = settings->keepalive_interval * SECOND_NS;
	return moved;
}

static bool is_probed(const struct tracked *t)
{
	switch (t->fsm.side[FSM_LOCAL].state) {
	case SYNSHIELD_TCP_ESTABLISHED:
	case SYNSHIELD_TCP_CLOSE_WAIT:
	case SYNSHIELD_TCP_FIN_WAIT_2:
		return true;
	default:
		return false;
	}
}

__u64 keepalive_due(const struct keepalive *k, const struct tracked *t, __u64 heard)
{
	if (!k->idle || !k->read || t->proven || !is_probed(t))
		return KEEPALIVE_NEVER;
	return heard + k->idle;
}

static __u64 silence_ns(const struct synshield_socket *s)
{
	return s->silent_jiffies * (SECOND_NS / jiffies_hz());
}

/*
 * Since the last probe.  The answer is seen on its way in, or, if it takes another way
 * into this host, by the kernel's socket.
 */
static bool has_answered(const struct tracked *t, const struct synshield_conn *conn,
			 const struct synshield_socket *s, __u64 now)
{
	__u32 waited_ms = (__u32)(now / MS_NS) - t->probed_ms;

	return conn->remote_segments != t->asked_segments || silence_ns(s) < waited_ms * MS_NS;
}

static __u8 default_ttl(const struct keepalive *k, const struct tracked *t)
{
	struct synshield_host host;

	if (maps_get(k->maps, MAP_HOST, &host))
		return 64;
	return address_is_ipv4(t->tuple.local) ? host.ttl : host.hop_limit;
}

/* One that could not be sent counts for nothing: this host may be at fault. */
static void probe(struct keepalive *k, struct tracked *t, const struct synshield_conn *conn,
		  const struct synshield_socket *s, __u64 now)
{
	int err = bareack_send(&t->tuple, s, default_ttl(k, t), k->ifindex);

	if (err) {
		if (!k->cannot_send)
			log_errno(err, "%s: warning: cannot send a keepalive probe", k->ifname);
		k->cannot_send = true;
		return;
	}
	k->cannot_send = false;
	k->counted.probes++;
	t->probes++;
	t->asked_segments = conn->remote_segments;
	t->probed_ms = now / MS_NS;
}

__u64 keepalive_look(struct keepalive *k, struct tracked *t, const struct synshield_conn *conn,
		     __u64 now, __u64 heard)
{
	struct synshield_socket s;

	if (keepalive_due(k, t, heard) == KEEPALIVE_NEVER) {
		t->probes = 0;
		return KEEPALIVE_NEVER;
	}
	if (!t->probes && heard + k->idle > now)
		return heard + k->idle;
	/* the kernel itself repeats what is not acknowledged, and gives up in the end */
	if (sockread_ask(k->read, k->ifindex, &t->tuple, &s) || !(PROBED & 1U << s.state) ||
	    s.flags & (SYNSHIELD_SOCKET_BUSY | SYNSHIELD_SOCKET_SIGNED)) {
		t->probes = 0;
		return now + k->idle;
	}
	if (t->probes && has_answered(t, conn, &s, now)) {
		k->counted.probes_answered++;
		t->probes = 0;
		return now + k->idle - (silence_ns(&s) < k->idle ? silence_ns(&s) : 0);
	}
	if (!t->probes && silence_ns(&s) < k->idle)
		return now + k->idle - silence_ns(&s);
	if (t->probes == KEEPALIVE_PROBES)
		return KEEPALIVE_DEAD;
	probe(k, t, conn, &s, now);
	return now + k->interval;
}

/* "closed", or why not */
static const char *close_socket(struct keepalive *k, const struct tracked *t)
{
	int err;

	if (!k->close)
		return "its socket stays";
	err = sockets_end(k->sockets, k->ifindex, &t->tuple, PROBED);
	if (!err) {
		k->counted.dead_closed++;
		return "its socket is closed";
	}
	if (err == -ENOENT)
		return "its socket is gone";
	say_cannot_close(k, err);
	return "its socket could not be closed";
}

void keepalive_report(struct keepalive *k, struct tracked *t, const struct fsm *before)
{
	char local[ADDRESS_TEXT], remote[ADDRESS_TEXT];
	const char *closed = close_socket(k, t);

	k->counted.dead++;
	if (k->named == NAMED_MAX) {
		k->unnamed++;
		return;
	}
	k->named++;
	log_line("%s: %s to %s is dead: %d keepalive probes without an answer; was %s here, %s "
		 "there; %s",
		 k->ifname, address_text(local, t->tuple.local, t->tuple.local_port),
		 address_text(remote, t->tuple.remote, t->tuple.remote_port), KEEPALIVE_PROBES,
		 fsm_state_name(before->side[FSM_LOCAL].state),
		 fsm_state_name(before->side[FSM_REMOTE].state), closed);
}

bool keepalive_is_dead(const struct tracked *t, const struct synshield_conn *conn)
{
	return !t->live && t->probes == KEEPALIVE_PROBES &&
	       conn->remote_segments == t->asked_segments;
}

void keepalive_tick(struct keepalive *k, __u64 now)
{
	static const struct synshield_daemon none;

	if (memcmp(&k->counted, &none, sizeof(none))) {
		deeds_add(k->maps, &k->counted);
		k->counted = none;
	}
	if (now && now - k->named_ns < SECOND_NS)
		return;
	if (k->unnamed)
		log_line("%s: %u more connections are dead", k->ifname, k->unnamed);
	k->named = k->unnamed = 0;
	k->named_ns = now;
}
