/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a flood's packets look like: the kinds by name, and the template of each. */
#ifndef TOOLS_FLOOD_FRAME_H
#define TOOLS_FLOOD_FRAME_H

#include <linux/types.h>

#include "common.h"
#include "flood.h"

struct kind;

/* What all packets of a flood have in common. */
struct flood_target {
	struct addr dst;
	uint16_t port;
	uint16_t vlan; /* 0: no tag */
	uint8_t dst_mac[MAC_LEN];
	uint8_t src_mac[MAC_LEN];
};

/* NULL if there is none of this name. */
const struct kind *find_kind(const char *name);
const char *kind_name(const struct kind *kind);
/* What it is a mix of, each as likely as the others; one part, itself, if it is none. */
unsigned int kind_parts(const struct kind *kind, const struct kind *parts[FLOOD_PARTS_MAX]);

void make_template(struct flood_template *t, const struct kind *kind,
		   const struct flood_target *target);

#endif
