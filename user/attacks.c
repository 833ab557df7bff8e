/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "attacks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deeds.h"
#include "jiffies.h"
#include "journal.h"
#include "log.h"

bool under_attack(const struct synshield_listener *l, __u64 now)
{
	return l->cookies_until_jiffies > now;
}

/* The kernel's jiffies may be some ticks ahead of ours. */
double attack_seconds(const struct synshield_listener *l, __u64 now)
{
	return now > l->attack_jiffies ? (double)(now - l->attack_jiffies) / jiffies_hz() : 0;
}

/* SYNs per second so far: the first eighth of a second may not be over yet. */
static __u32 first_rate(const struct synshield_listener *l, __u64 now)
{
	__u32 hz = jiffies_hz(), least = hz / 8 ? hz / 8 : 1;
	__u64 ticks = now > l->window_jiffies + least ? now - l->window_jiffies : least;
	__u64 rate = l->window_syns * (__u64)hz / ticks;

	return rate > l->attack_peak ? rate : l->attack_peak;
}

/* MESSAGE_ID of systemd's journal: docs/operations.md names them. */
#define ATTACK_BEGINS "5f0a9c1be64a4f0e9d3b7d5f1c2a8e40"
#define ATTACK_ENDED "a8d1f3c27b5e4a6c8f90e2d46b13c75d"
#define PRIORITY_WARNING 4
#define PRIORITY_NOTICE 5

/* To the journal with its fields, or as a line. */
static void say(const char *ifname, const struct listener_row *row, bool begins, __u32 peak,
		const char *message)
{
	const struct synshield_listener *l = &row->value;
	struct journal_entry e = {.len = 0};
	char text[ADDRESS_TEXT];

	journal_field(&e, "MESSAGE", "%s", message);
	journal_field(&e, "MESSAGE_ID", "%s", begins ? ATTACK_BEGINS : ATTACK_ENDED);
	journal_field(&e, "PRIORITY", "%d", begins ? PRIORITY_WARNING : PRIORITY_NOTICE);
	journal_field(&e, "SYSLOG_IDENTIFIER", "synshield");
	journal_field(&e, "SYNSHIELD_INTERFACE", "%s", ifname);
	journal_field(&e, "SYNSHIELD_LISTENER", "%s",
		      address_text(text, row->key.addr, row->key.port));
	journal_field(&e, "SYNSHIELD_PORT", "%u", row->key.port);
	journal_field(&e, "SYNSHIELD_PEAK_RATE", "%u", peak);
	journal_field(&e, "SYNSHIELD_SYNS", "%llu", (unsigned long long)l->attack_syns);
	journal_field(&e, "SYNSHIELD_COMPLETED", "%llu", (unsigned long long)l->attack_acks);
	if (!journal_send(&e))
		log_line("%s", message);
}

static void say_start(const char *ifname, const struct listener_row *row, __u64 now)
{
	__u32 rate = first_rate(&row->value, now);
	char text[ADDRESS_TEXT], message[256];

	snprintf(message, sizeof(message), "%s: attack on %s begins: %u SYN/s, %u half-open",
		 ifname, address_text(text, row->key.addr, row->key.port), rate,
		 row->value.half_open);
	say(ifname, row, true, rate, message);
}

static void say_end(const char *ifname, const struct listener_row *row, __u64 now)
{
	const struct synshield_listener *l = &row->value;
	double seconds = attack_seconds(l, now);
	char text[ADDRESS_TEXT], message[256];

	snprintf(message, sizeof(message),
		 "%s: attack on %s ended after %.1f s: peak %u SYN/s, %llu SYNs answered, %llu "
		 "handshakes completed (%.4g %%)",
		 ifname, address_text(text, row->key.addr, row->key.port), seconds, l->attack_peak,
		 (unsigned long long)l->attack_syns, (unsigned long long)l->attack_acks,
		 l->attack_syns ? 100.0 * l->attack_acks / l->attack_syns : 0.0);
	say(ifname, row, false, l->attack_peak, message);
}

/* Both are sorted: one walk over the two tells what is new, goes on, is over. */
static size_t merge(struct attacks *old, const struct listener_row *rows, size_t count,
		    struct listener_row *fresh, const char *ifname, __u64 now)
{
	size_t i, j = 0, kept = 0;

	old->begun = 0;
	for (i = 0; i < count; i++) {
		int diff = -1;

		while (j < old->count &&
		       (diff = memcmp(&old->rows[j].key, &rows[i].key, sizeof(rows[i].key))) < 0)
			say_end(ifname, &old->rows[j++], now); /* it listens no more */
		if (j < old->count && !diff)
			j++;
		else
			diff = -1;
		if (under_attack(&rows[i].value, now)) {
			if (diff) {
				say_start(ifname, &rows[i], now);
				old->begun++;
			}
			fresh[kept++] = rows[i];
		} else if (!diff) {
			say_end(ifname, &rows[i], now);
		}
	}
	while (j < old->count)
		say_end(ifname, &old->rows[j++], now);
	return kept;
}

static void count_begun(struct attacks *attacks, const struct maps *maps)
{
	const struct synshield_daemon done = {.attacks = attacks->begun};

	if (attacks->looked && attacks->begun)
		deeds_add(maps, &done);
	attacks->looked = true;
}

int attacks_poll(struct attacks *attacks, const char *ifname, const struct maps *maps)
{
	struct listener_row *rows;
	struct listener_row *fresh;
	size_t count;
	int err;

	err = listeners_read(maps, &rows, &count);
	if (err)
		return err;
	fresh = calloc(count + 1, sizeof(*fresh));
	if (fresh) {
		count = merge(attacks, rows, count, fresh, ifname, jiffies_now());
		free(attacks->rows);
		attacks->rows = fresh;
		attacks->count = count;
		count_begun(attacks, maps);
	}
	free(rows);
	return fresh ? 0 : -ENOMEM;
}

void attacks_free(struct attacks *attacks)
{
	free(attacks->rows);
	memset(attacks, 0, sizeof(*attacks));
}
