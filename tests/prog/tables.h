/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The entries of the shield's maps that a received segment leads to. */
#ifndef TABLES_H
#define TABLES_H

#include "packet.h"
#include "synshield/synshield.h"

void map_put(const char *map, const void *key, const void *value);
void map_empty(const char *map);

void local_put(const char *address, __u16 vlan, __u32 mtu);
/* bits: of an address of the text's family */
void local_put_prefix(const char *address, int bits);
void lists_empty(void);
/* bits: of an address of the text's family */
void list_put(const char *address, int bits, enum synshield_list list);

/* In `lists`, but not in the bitmap over it. */
void list_put_unmarked(const char *address, int bits, enum synshield_list list);

bool listener_get(const struct segment *s, struct synshield_listener *l);
void listener_put(const struct segment *s, const struct synshield_listener *l);
void listener_forget(const struct segment *s);
/* Under attack for the next hour. */
void listener_attack(const struct segment *s);

bool conn_get(const struct segment *s, struct synshield_conn *c);
/* And its bits in both halves of `bloom`. */
void conn_put(const struct segment *s, const struct synshield_conn *c);
void conn_forget(const struct segment *s);
bool conn_is(const struct segment *s, enum synshield_conn_state state);

/* The bits of its tuple in the half of `bloom` that is asked, or in the other one. */
bool bloom_has(const struct segment *s, bool other);
void bloom_put(const struct segment *s, bool other, bool there);

/* bits: the source prefix of the segment's family */
bool source_get(const struct segment *s, int bits, struct synshield_source *source);
void source_put(const struct segment *s, int bits, const struct synshield_source *source);

/* A bucket holds the time at which it will be full, in these units. */
#define BUCKET_SECOND ((__u64)shield.host.hz << SYNSHIELD_BUCKET_SHIFT)

/* Every bucket full, nothing in doubt, no entry made. */
void budgets_refill(void);
/* With a reset_rate of 1 none is left for more than a second. */
void budgets_spend_resets(void);

#endif
