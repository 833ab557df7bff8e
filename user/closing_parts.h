/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What user/closing*.c share: closing.c has what happens to one connection, and the way in and
 * out; closing_reports.c what the BPF programs report; closing_scan.c what `conns` tells;
 * closing_due.c what becomes of connections at their times.
 */
#ifndef CLOSING_PARTS_H
#define CLOSING_PARTS_H

#include <net/if.h>
#include <stdbool.h>

#include "clock.h"
#include "closing.h"
#include "fsm.h"
#include "keepalive.h"
#include "loop.h"
#include "scan.h"
#include "sweep.h"
#include "table.h"
#include "view.h"

/* Reports to be taken at a time, so that the daemon's other duties go on. */
#define READ_MAX 16384
/* Between two turns of a scan. */
#define SLICES_NS (SECOND_NS / 10)
/* Until it is asked again whether the kernel has let go of a socket. */
#define PART_MIN (SWEEP_OVER * SECOND_NS + SECOND_NS / 10)
/* Until a socket has to be there for a connection that brought back a cookie. */
#define UNPROVEN (SWEEP_IDLE * SECOND_NS + SECOND_NS)

/* So many deadlines may still be seen to until then. */
struct due_window {
	__u64 until;
	unsigned int left;
};

struct closing {
	struct loop *loop;
	struct timer_kind deadlines;
	struct watch reports;
	struct job flushing, scanning;
	struct due_window due, late;
	size_t armed; /* deadlines that are set */
	char ifname[IF_NAMESIZE];
	int ifindex;
	struct maps maps;
	struct ring_buffer *events;
	int sockets;
	struct fsm_config config;
	struct keepalive *alive;
	struct table table;
	struct view view;
	struct scan scan;
	bool wanted;	  /* another scan, soon: reports were lost */
	bool hurried;	  /* so was the one that runs */
	bool walking;	  /* after it: what is in `conns` no more? */
	size_t walk;	  /* the bucket to look into next */
	__u64 scanned_ns; /* when a scan began last */
	__u64 flushed_ns;
	__u64 lost; /* tracking.events_lost, when seen last */
	__u64 now;
	__u64 now_jiffies;
	unsigned int budget; /* of closing_read(): reports */
	bool full;	     /* since the last scan began: no room for one more */
	bool said_full;
};

void closing_clocks(struct closing *c);
/* When something was heard of it last. */
__u64 closing_heard_ns(const struct closing *c, const struct synshield_conn *conn);
int closing_find_conn(const struct closing *c, const struct synshield_tuple *tuple,
		      struct synshield_conn *conn);

/* What happens to one connection. */

/* NULL: there is no room, which is said. */
struct tracked *closing_add(struct closing *c, const struct synshield_tuple *tuple, __u64 since);
void closing_remove(struct closing *c, struct tracked *t);
/* What is shown of it has changed: written at once, but no more often than ten times a second. */
void closing_touch(struct closing *c, struct tracked *t);
/* FSM_NEVER: it has no deadline. */
void closing_arm(struct closing *c, struct tracked *t, __u64 at);
/* Something was heard of it then: what comes first, its deadline or a look at the other end? */
void closing_arm_live(struct closing *c, struct tracked *t, __u64 heard);
/* The machine was stepped, by a segment. */
void closing_settle(struct closing *c, struct tracked *t, const struct fsm *before, __u64 when,
		    unsigned int done);
/* From `conns`, as it is now. */
void closing_rebuild(struct closing *c, struct tracked *t, const struct synshield_conn *conn);
/* True if its time is up; otherwise its deadline is one to come. */
bool closing_runs_out(struct closing *c, struct tracked *t, __u64 heard);
void closing_end(struct closing *c, struct tracked *t, const struct fsm *before, __u64 when);
/*
 * Its state has ended.  It is followed until the kernel, too, has let go of it, and then
 * leaves `conns`, which holds what the kernel has.
 */
void closing_part(struct closing *c, struct tracked *t, __u64 heard);

/* Reports. */
int closing_on_report(void *c, void *report, size_t size);
void closing_on_reports(void *c);
void closing_read(struct closing *c, unsigned int most);

/* Scans. */
void closing_scan_begin(struct closing *c);
void closing_scan_some(struct closing *c, unsigned int slices);
void closing_scan_follow(void *c);

/* Deadlines. */
void closing_on_due(struct loop *l, struct timer *timer);

#endif
