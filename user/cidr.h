/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef CIDR_H
#define CIDR_H

#include <linux/types.h>
#include <stdbool.h>

#include "synshield/synshield.h"

/* A prefix as the map `lists` has it: IPv4 is ::ffff:a.b.c.d with 96 + n bits. */
#define CIDR_TEXT 64
#define CIDR_WHY 160

/*
 * ADDRESS or ADDRESS/LENGTH; without LENGTH it is the one address.  An IPv4-mapped
 * prefix means the IPv4 one.  -EINVAL: why says what is wrong, and what to write.
 */
int cidr_parse(const char *text, struct synshield_list_key *key, char why[CIDR_WHY]);
/* Always with its length; addresses as RFC 5952 wants them. */
const char *cidr_text(char text[CIDR_TEXT], const struct synshield_list_key *key);

/* An IPv6 prefix that holds the block ::ffff:0:0/96 is none of IPv4's. */
bool cidr_is_ipv4(const struct synshield_list_key *key);
/* Whether the prefix holds the address, bit by bit. */
bool cidr_holds(const struct synshield_list_key *key, const __u8 addr[16]);
/* For qsort(): IPv4 first, by address, wider ones before those inside them. */
int cidr_compare(const struct synshield_list_key *a, const struct synshield_list_key *b);

#endif
