/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/cidr.c, user/listfile.c, user/lists.c: prefixes one by one, and a file of them. */
#include "cidr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "listfile.h"

/* What is understood is written, read again, and still the same. */
static void check_prefix(const struct synshield_list_key *key)
{
	char text[CIDR_TEXT], why[CIDR_WHY];
	struct synshield_list_key again;

	must(key->prefixlen <= 128);
	must(cidr_holds(key, key->addr));
	must(!cidr_parse(cidr_text(text, key), &again, why));
	must(!cidr_compare(key, &again) && again.prefixlen == key->prefixlen);
}

static void check_word(const char *word)
{
	struct synshield_list_key key;
	char why[CIDR_WHY] = "";
	int err = cidr_parse(word, &key, why);

	must(err == 0 || err == -EINVAL);
	if (!err)
		check_prefix(&key);
	else
		must(why[0] && memchr(why, 0, sizeof(why)));
}

/* Each of them is on the list, as far as the longest prefix says. */
static void check_lists(struct list_wishes *wishes)
{
	struct list_wishes both[SYNSHIELD_LIST_DENY + 1] = {};
	const struct list_row *row;
	struct lists lists;

	list_wishes_settle(wishes);
	both[SYNSHIELD_LIST_DENY] = *wishes;
	must(!lists_make(both, &lists));
	must(lists_count(&lists, SYNSHIELD_LIST_DENY) == wishes->count);
	for (size_t i = 0; i < wishes->count; i++) {
		check_prefix(&wishes->rows[i].key);
		row = lists_find(&lists, wishes->rows[i].key.addr);
		must(row && row->key.prefixlen >= wishes->rows[i].key.prefixlen);
	}
	lists_free(&lists);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct list_wishes wishes = {};
	char *text = fuzz_text(data, size), *line, *save;
	int err;

	fuzz_logged();
	err = listfile_read(&wishes, fuzz_file(data, size));
	must(err == 0 || err == -EINVAL);
	must(!err || fuzz_logged());
	check_lists(&wishes);
	list_wishes_free(&wishes);
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		check_word(line);
	free(text);
	return 0;
}
