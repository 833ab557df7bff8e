/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the daemon keeps up to date of one interface, once it is attached. */
#ifndef UPKEEP_H
#define UPKEEP_H

struct shield;

/* As jobs of its loop, the first time in its next round. */
void upkeep_begin(struct shield *s);
void upkeep_end(struct shield *s);

/* Some of it is needed to start, or at other times, too.  0 or -errno. */
int upkeep_addresses(struct shield *s); /* of the host, and the listeners on them */
int upkeep_host(struct shield *s);

#endif
