/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The daemon: its interfaces, and what it does for all of them together. */
#ifndef DAEMON_H
#define DAEMON_H

#include <stdbool.h>
#include <stddef.h>

#include "backlog.h"
#include "exporter.h"
#include "loop.h"
#include "shield.h"

struct mnl_socket;

struct daemon {
	struct loop loop; /* see there how to add to it */
	struct shield **shields;
	size_t count;
	struct mnl_socket *events; /* of links, addresses and routes */
	int signals;
	struct watch event_watch, signal_watch;
	struct job second, minute, addresses, status, watchdog;
	struct backlog backlog;
	struct exporter exporter;
	const struct shield_wish *wish;
};

/* These return 0 or -errno, and say what is wrong. */

/* Listens before anything is read: nothing that changes in between is missed. */
int daemon_open(struct daemon *d);
/* All interfaces or none: what this start has attached goes when another one fails. */
int daemon_start(struct daemon *d, int count, char **ifnames, const struct shield_wish *wish);
/* Until a signal ends it, or none of its interfaces is left. */
int daemon_run(struct daemon *d);
void daemon_close(struct daemon *d);

#endif
