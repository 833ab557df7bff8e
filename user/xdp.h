/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef XDP_H
#define XDP_H

#include <stdbool.h>

#include "loader.h"
#include "pin.h"

enum xdp_mode {
	XDP_MODE_ANY, /* native, generic where the driver refuses */
	XDP_MODE_ONLY_NATIVE,
	XDP_MODE_ONLY_GENERIC,
};

/* What is attached now: 0 and "" for nothing. */
struct xdp_occupant {
	__u32 prog_id;
	char name[17];
	bool dispatcher;
	bool generic;
};
void xdp_look(int ifindex, struct xdp_occupant *o);

/*
 * Notes how, attaches and pins, so that a kill leaves nothing that the note does not tell of; solo:
 * not through libxdp's dispatcher.  On failure nothing is left attached.  Errors are said.
 */
int xdp_attach(const char *ifname, int ifindex, enum xdp_mode mode, bool solo,
	       const struct loader *loader, struct pin_note *note);
/* Puts the new program in the place of the running one; pins it only in libxdp's dispatcher. */
int xdp_replace(const char *ifname, int ifindex, const struct loader *loader,
		const struct pin_note *note);
int xdp_detach(const char *ifname, const struct pin_note *note);
/* Ours, as pinned, is what the interface runs. */
bool xdp_attached(const char *ifname, const struct pin_note *note);

#endif
