/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/options.c, user/near.c: [PORT:]KEY=VALUE, one in each line. */
#include "options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

/* Printed as text, it means the same again; a number's unit is for people. */
static void check_value(const struct option_value *v)
{
	char *text = NULL, why[OPTION_WHY];
	size_t len;
	FILE *f = open_memstream(&text, &len);
	__u32 again;

	if (!f)
		abort();
	options_print_value(f, v->desc, v->value, v->port);
	fclose(f);
	text[strcspn(text, " ")] = 0;
	must(!options_read(v->desc, text, v->port, &again, why) && again == v->value);
	free(text);
	must(v->port <= 0xffff && (!v->port || v->desc->per_port));
}

static void check_applied(const struct option_list *list)
{
	struct synshield_settings settings;
	struct synshield_policy policy;

	options_defaults(&settings);
	options_apply_settings(list, &settings);
	for (size_t i = 0; i < options_count; i++) {
		__u32 value = options_get_settings(&options[i], &settings);

		must((value >= options[i].min && value <= options[i].max) ||
		     (!value && options[i].type == OPTION_LIMIT));
	}
	must(settings.mode > SYNSHIELD_MODE_INHERIT && settings.mode < SYNSHIELD_MODE_MAX);
	must(settings.reset > SYNSHIELD_RESET_INHERIT && settings.reset < SYNSHIELD_RESET_MAX);
	for (size_t i = 0; i < list->count; i++) {
		if (!list->values[i].port)
			continue;
		memset(&policy, 0, sizeof(policy));
		options_apply_policy(list, list->values[i].port, &policy);
		must(policy.mode < SYNSHIELD_MODE_MAX && policy.reset < SYNSHIELD_RESET_MAX);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *word, *save;
	struct option_list list = {};
	size_t before;
	int err;

	for (word = strtok_r(text, "\n", &save); word; word = strtok_r(NULL, "\n", &save)) {
		before = list.count;
		fuzz_logged();
		err = options_parse(&list, word);
		must(err == 0 || err == -EINVAL);
		must(list.count == before + !err);
		must(!err || fuzz_logged());
		if (!err)
			check_value(&list.values[before]);
	}
	check_applied(&list);
	options_free(&list);
	free(text);
	return 0;
}
