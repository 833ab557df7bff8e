/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef SHIELD_H
#define SHIELD_H

#include <net/if.h>
#include <stdbool.h>

#include "attacks.h"
#include "bloom.h"
#include "change.h"
#include "closing.h"
#include "conns.h"
#include "halfopen.h"
#include "keys.h"
#include "locals.h"
#include "loop.h"
#include "maps.h"
#include "options.h"
#include "others.h"
#include "pin.h"
#include "sources.h"
#include "tc.h"
#include "xdp.h"

/* How to attach. */
struct shield_wish {
	struct option_list options;
	enum xdp_mode xdp;
	enum tc_kind tc;
	bool solo;
	unsigned int conns;
	unsigned int events;   /* bytes of the ring buffer; 0: as the object has it */
	struct config *config; /* over which the options go; NULL: there is no file */
	const struct arg *config_head;
	bool config_all; /* its interfaces are those of the file */
};

struct shield;

/* One of the things that user/upkeep.c does for an interface at its times. */
struct upkeep_job {
	struct job job;
	struct shield *shield;
	const struct upkeep_duty *duty;
	int err; /* of the last time */
};
#define UPKEEP_DUTIES 9

/* One interface, as its daemon holds it. */
struct shield {
	struct loop *loop;
	char ifname[IF_NAMESIZE];
	int ifindex;
	int dir_fd; /* locked as long as the daemon lives; -1: none */
	bool fresh; /* attached by this daemon, not taken over */
	struct maps maps;
	struct pin_note note;
	struct synshield_keys *keys;
	struct bloom *bloom;
	struct synshield_host host;
	struct locals locals;
	struct others others;
	int bound; /* device that a listening socket is bound to: see others.h */
	struct conns_watch conns;
	__u32 generation;      /* of the settings, when last seen */
	__u64 changed_jiffies; /* when it changed, or this daemon began */
	struct sources_watch sources;
	struct attacks attacks;
	struct closing *closing;
	struct halfopen halfopen;
	__u32 max_syn_backlog; /* the setting */
	__u64 started_ns;      /* CLOCK_BOOTTIME */
	struct change change;  /* what the file has changed, until that is known to stay */
	struct upkeep_job jobs[UPKEEP_DUTIES];
};

/*
 * With the root locked: attaches, or takes over what is pinned, and keeps it up to date by
 * jobs of the loop.  Errors are said.
 */
int shield_start(struct shield *s, struct loop *loop, const char *ifname,
		 const struct shield_wish *wish);
/* Lets go; what is attached stays. */
void shield_release(struct shield *s);
/* With the root locked: takes everything off the interface. */
int shield_remove(const char *ifname);

/* 0; -ENODEV: the interface is gone; -ENOENT: detached. */
int shield_attached(const struct shield *s);

const char *shield_xdp_text(const struct pin_note *note); /* "native", "generic" */
const char *shield_tc_text(const struct pin_note *note);  /* "tcx", "clsact" */

#endif
