/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef LOCALS_H
#define LOCALS_H

#include <stdbool.h>
#include <stddef.h>

#include "devices.h"
#include "synshield/synshield.h"

/* Addresses that this host takes packets for, sorted by key, no key twice. */
struct local {
	struct synshield_local_key key;
	struct synshield_local value;
};

struct locals {
	struct local *rows;
	size_t count;
	int ifindex; /* the shielded interface */
	struct devices devices;
	bool other_ways; /* packets can also arrive by an interface that is not the shielded one */
};

/* From the kernel's local routing table, seen from the shielded interface. */
int locals_read(struct locals *locals, int ifindex);
void locals_free(struct locals *locals);
bool locals_same_addresses(const struct locals *a, const struct locals *b);
/* Whether the address is among them, itself or within a prefix. */
bool locals_cover(const struct locals *locals, const __u8 addr[16]);
/* Makes the map hold exactly these. */
int locals_write(const struct locals *locals, int map_fd);

bool address_is_ipv4(const __u8 addr[16]);
bool address_is_any(const __u8 addr[16]);
void address_from_ipv4(__u8 addr[16], const void *ipv4);
#define ADDRESS_TEXT 64
/* "192.0.2.1", "2001:db8::1" */
const char *address_only(char text[ADDRESS_TEXT], const __u8 addr[16]);
/* "192.0.2.1:80", "[2001:db8::1]:80" */
const char *address_text(char text[ADDRESS_TEXT], const __u8 addr[16], __u16 port);

#endif
