/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TC_H
#define TC_H

#include <stdbool.h>

#include "loader.h"
#include "pin.h"

/* enum bpf_attach_type and link_create flags, newer than Debian 12's headers */
#define TCX_INGRESS 46
#define TCX_EGRESS 47
#define TCX_BEFORE (1U << 3)

enum tc_kind {
	TC_ANY, /* tcx, clsact where the kernel has none */
	TC_ONLY_TCX,
	TC_ONLY_CLSACT,
};

/* As in xdp.h, for both directions. */
int tc_attach(const char *ifname, int ifindex, enum tc_kind kind, const struct loader *loader,
	      struct pin_note *note);
/* Does not pin. */
int tc_replace(const char *ifname, int ifindex, const struct loader *loader,
	       const struct pin_note *note);
int tc_pin(const char *ifname, const struct loader *loader);
int tc_detach(const char *ifname, const struct pin_note *note);
bool tc_attached(const char *ifname, const struct pin_note *note);

#endif
