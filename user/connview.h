/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef CONNVIEW_H
#define CONNVIEW_H

#include <stdbool.h>

#include "fsm.h"
#include "maps.h"

#define CONN_UNKNOWN (~0ULL)

enum conn_opener { CONN_OPENED_UNSEEN, CONN_OPENED_REMOTE, CONN_OPENED_LOCAL, CONN_OPENED_BOTH };

/* One tracked connection, now: what `conns` and `closing` say of it together.  Times in ns. */
struct conn_view {
	struct synshield_tuple tuple;
	enum synshield_tcp_state remote, local;
	enum conn_opener opener;
	bool followed; /* states as the daemon has them; else rebuilt from the flags in `conns` */
	__u32 remote_segments, local_segments;
	__u64 idle;  /* since either end's last segment */
	__u64 age;   /* since it was opened, or first seen; CONN_UNKNOWN unless followed */
	__u64 moved; /* since a state changed; likewise */
	__u64 left;  /* until its state ends by itself; FSM_NEVER */
};

/* What views are made with; the same for all of one walk. */
struct conn_clock {
	__u64 boottime; /* ns */
	__u32 jiffies, hz;
	struct fsm_config config;
};

/* The hour; config is for fsm_configure(). */
void conn_clock_read(struct conn_clock *clock);
/* closing: NULL if nobody follows it. */
void conn_view_make(struct conn_view *v, const struct conn_clock *clock,
		    const struct synshield_tuple *tuple, const struct synshield_conn *conn,
		    const struct synshield_closing *closing);
/* Neither end has a state any more. */
bool conn_view_is_gone(const struct conn_view *v);
const char *conn_opener_name(enum conn_opener opener);

/*
 * Calls for every entry of `conns`, in no order; what is added or removed meanwhile may be
 * missed or come twice.  followed: join `closing` (the daemon is there).  The callback's
 * non-zero ends it, and is returned; else 0 or -errno.
 */
typedef int (*conn_view_cb)(const struct conn_view *v, void *arg);
int conn_views(const struct maps *maps, bool followed, conn_view_cb cb, void *arg);

#endif
