/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Is the other end of an idle connection still there?  It is probed, as RFC 9293
 * section 3.8.4 has it; if it does not answer three times in a row it is dead.
 */
#ifndef KEEPALIVE_H
#define KEEPALIVE_H

#include "maps.h"
#include "table.h"

#define KEEPALIVE_PROBES 3
#define KEEPALIVE_NEVER (~0ULL)
#define KEEPALIVE_DEAD 0

struct keepalive;

/* maps and sockets (of sockets_open()) stay the caller's.  0 or -errno. */
int keepalive_open(struct keepalive **k, const struct maps *maps, const char *ifname, int ifindex,
		   int sockets);
void keepalive_close(struct keepalive *k);

/* True: connections are to be looked at at other times than so far. */
bool keepalive_follow(struct keepalive *k, const struct synshield_settings *settings);

/* When to look at a connection of which something was heard then; KEEPALIVE_NEVER: not at all. */
__u64 keepalive_due(const struct keepalive *k, const struct tracked *t, __u64 heard);

/*
 * Looks at it, and sends a probe if it is time for one.  When to look again; or
 * KEEPALIVE_DEAD: then it is the caller's to take it for CLOSED, and to report.
 */
__u64 keepalive_look(struct keepalive *k, struct tracked *t, const struct synshield_conn *conn,
		     __u64 now, __u64 heard);

/* It is dead, and was in these states: said, counted, and its socket closed if that is wanted. */
void keepalive_report(struct keepalive *k, struct tracked *t, const struct fsm *before);

/* It was found to be dead, and has not said anything since. */
bool keepalive_is_dead(const struct tracked *t, const struct synshield_conn *conn);

/* Writes what was counted; call it once a second. */
void keepalive_tick(struct keepalive *k, __u64 now);

#endif
