/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The states of both ends of every connection of one interface: from what the BPF
 * programs report, and from `conns` where a report is missing; shown in `closing`.
 */
#ifndef CLOSING_H
#define CLOSING_H

#include <stdbool.h>

#include "loop.h"
#include "maps.h"

struct bloom;
struct closing;

/*
 * Reads what an earlier daemon has shown, then `conns`.  From then on the loop sees to
 * reports, deadlines, and what is to be shown.  maps, bloom and loop stay the caller's, and open
 * until closing_close().  0 or -errno.
 */
int closing_open(struct closing **c, struct loop *loop, const struct maps *maps,
		 struct bloom *bloom, const char *ifname, int ifindex,
		 const struct synshield_settings *settings);
void closing_close(struct closing *c);

/* Once a second: the settings may have changed. */
void closing_follow(struct closing *c, const struct synshield_settings *settings);
/* `conns` was written by other than the BPF programs. */
void closing_rescan(struct closing *c);

/* How it is now: see the map `daemon`. */
void closing_now(const struct closing *c, struct synshield_daemon *now);

/* For how long the handshake has been half-open, in ns; 0 if it is not, by `conns`. */
__u64 closing_half_open_ns(struct closing *c, const struct synshield_tuple *tuple);
/* The kernel's socket was ended: it leaves `conns`, too. */
void closing_forget(struct closing *c, const struct synshield_tuple *tuple);

#endif
