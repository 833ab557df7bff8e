/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* net.ipv4.tcp_max_syn_backlog, raised while the daemon runs, and as it was afterwards. */
#ifndef BACKLOG_H
#define BACKLOG_H

#include "maps.h"

struct backlog {
	__u32 before, set; /* set 0: as it was */
	__u32 refused;	   /* what others have set to something else since */
};

/* What an earlier daemon, which was killed, has noted. */
void backlog_recall(struct backlog *b, const struct maps *maps);
/* wanted 0: as it was.  What is said is said once. */
void backlog_follow(struct backlog *b, __u32 wanted);
/* Lets that be known, to `status` and to who comes after a kill. */
void backlog_note(const struct backlog *b, const struct maps *maps);

#endif
