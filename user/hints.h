/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef HINTS_H
#define HINTS_H

#include "connview.h"

/* Seconds from which on an end's state is worth a word. */
#define HINTS_CLOSE_WAIT_IDLE 60
/* Addresses that are told apart: so many are "at least so many". */
#define HINTS_SOURCES_MAX 12288

/* Connections of one group, and its member with most of them. */
struct hints_group {
	__u64 count;
	__u64 most;    /* of the busiest member */
	__u8 addr[16]; /* the busiest; zero where addresses do not make the group */
	__u16 port;
};

/* What the connections' states and the counters come to. */
struct hints_summary {
	__u64 local[SYNSHIELD_TCP_STATES_MAX]; /* connections by the local end's state */
	struct hints_group close_wait;	       /* long idle; by local port */
	struct hints_group fin_wait_2;	       /* by remote address and port, or by local port */
	struct hints_group unanswered;	       /* SYN_SENT, repeated; by remote address and port */
	/* TIME_WAIT at the end that opened it, which cannot use the port again */
	struct hints_group local_ports;	 /* by remote address and port */
	struct hints_group remote_ports; /* by remote address; port: local */
	__u64 half_open_sources;	 /* addresses of half-open handshakes, at least */
	__u64 half_open_prefixes;	 /* /24 and /64 of them, at least */
	__u32 local_range;		 /* ports that this host takes for its own connections */
	/* during the last sample; 0: none was taken */
	__u64 cookies, completed;
};

struct hint {
	const char *name;
	char seen[192];
	const char *means;
	const char *mend;
};
#define HINTS_MAX 8

/* Returns how many.  Pure. */
int hints_find(const struct hints_summary *s, struct hint hints[HINTS_MAX]);

struct json;
struct synshield_stats;
/*
 * From the flags in `conns`, in one walk, and from what was counted between two samples
 * (NULL: none were taken).  Returns how many, or -errno.
 */
int hints_gather(const struct maps *maps, const struct synshield_stats *before,
		 const struct synshield_stats *after, struct hint hints[HINTS_MAX]);
void hints_print(const struct hint hints[], int count);
void hints_json(struct json *j, const struct hint hints[], int count);
/* Ports of this network namespace for connections of its own; 0: not known. */
__u32 hints_local_range(void);

/* Adds connections up, in bounded memory whatever their number. */
struct hints_tally;
struct hints_tally *hints_tally_new(void);
void hints_tally_free(struct hints_tally *t);
void hints_tally_add(struct hints_tally *t, const struct conn_view *v);
/* The counters and the port range are left alone. */
void hints_tally_sum(const struct hints_tally *t, struct hints_summary *s);

#endif
