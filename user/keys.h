/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef KEYS_H
#define KEYS_H

#include <linux/types.h>
#include <stdbool.h>

struct synshield_keys;

/* The map `keys`, mapped: the only way to change it without tearing. */
int keys_map(int map_fd, struct synshield_keys **keys);
void keys_unmap(struct synshield_keys *keys);
/*
 * Makes the first key, or the next one once the current one is older than
 * `epoch` seconds.  Returns 1 if it did, 0, or -errno: then the current key
 * goes on being used.
 */
int keys_rotate(struct synshield_keys *keys, __u32 epoch);

#endif
