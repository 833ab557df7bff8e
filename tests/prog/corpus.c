/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "corpus.h"

#include <stdlib.h>
#include <string.h>

#include "oracle.h"
#include "tap.h"

struct kept {
	__u64 hash; /* 0: free */
	__u32 len, l3, l4;
	__u8 *byte;
};

static struct kept table[2 * CORPUS_MAX], *kept[CORPUS_MAX];
static __u32 count;

static __u64 hash_of(const struct frame *f)
{
	static const __u8 key[16] = "corpus of frames";

	return oracle_siphash(key, f->byte, f->len) | 1;
}

void corpus_add(const struct frame *f)
{
	__u64 hash = hash_of(f);
	struct kept *k;
	__u32 i;

	for (i = hash >> 1;; i++) {
		k = &table[i % (2 * CORPUS_MAX)];
		if (!k->hash || k->hash == hash)
			break;
	}
	if (k->hash || count == CORPUS_MAX)
		return;
	k->byte = malloc(f->len);
	if (!k->byte)
		bail_out("memory for a frame");
	memcpy(k->byte, f->byte, f->len);
	k->len = f->len;
	k->l3 = f->l3;
	k->l4 = f->l4;
	k->hash = hash;
	kept[count++] = k;
}

__u32 corpus_count(void)
{
	return count;
}

void corpus_get(__u32 i, struct frame *f)
{
	f->len = kept[i]->len;
	f->l3 = kept[i]->l3;
	f->l4 = kept[i]->l4;
	memcpy(f->byte, kept[i]->byte, f->len);
}
