/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef LOADER_H
#define LOADER_H

#include <stdbool.h>

#include "maps.h"
#include "synshield.skel.h"

/* The BPF object, loaded; descriptors live until loader_close(). */
struct loader {
	struct synshield *skel;
	int xdp_fd; /* the XDP program by itself */
	int tc_in_fd;
	int tc_out_fd;
};

/*
 * Loads the object for the interface.  Maps in `pinned` (NULL: none) are taken
 * over if their layout is the object's; -EPROTO if not.  conns, events: capacity wanted,
 * 0 for what befits the machine, or the pinned map's.  Errors are said.
 */
int loader_open(struct loader *loader, const char *ifname, const struct maps *pinned,
		unsigned int conns, unsigned int events);
void loader_close(struct loader *loader);
/* Duplicates of the loaded object's map descriptors. */
int loader_maps(const struct loader *loader, struct maps *maps);
/* A second object for libxdp to load, XDP program only, on the first one's maps. */
struct synshield *loader_open_xdp(const struct loader *loader);

#endif
