/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/configfile.c, user/config.c: any text is understood or refused, with a word of why. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cidr.h"
#include "fuzz.h"

static int xdp;
static bool solo;
static unsigned int conns;
static const char *metrics, *config;
static const char *const xdp_choices[] = {"auto", "native", "generic", NULL};
static const struct arg head[] = {
	{.name = "xdp", .type = ARG_CHOICE, .to = &xdp, .choices = xdp_choices},
	{.name = "solo", .type = ARG_FLAG, .to = &solo},
	{.name = "conns", .type = ARG_NUMBER, .to = &conns, .min = 1024, .max = 1U << 26},
	{.name = "metrics", .type = ARG_TEXT, .to = &metrics, .meta = "ADDR:PORT"},
	{.name = "config", .type = ARG_TEXT, .to = &config, .meta = "FILE", .line_only = true},
	{},
};

static void check_value(const struct option_value *v)
{
	const struct option_desc *d = v->desc;

	must(v->port <= 0xffff && (!v->port || d->per_port));
	if (v->value >= d->min && v->value <= d->max)
		return;
	must(v->value == 0 || (d->type == OPTION_LIMIT && v->value == SYNSHIELD_NO_LIMIT));
	must(v->port || d->type == OPTION_LIMIT);
}

static void check_wishes(const struct list_wishes *w)
{
	for (size_t i = 0; i < w->count; i++) {
		must(w->rows[i].key.prefixlen <= 128);
		must(cidr_holds(&w->rows[i].key, w->rows[i].key.addr));
		must(!i || cidr_compare(&w->rows[i - 1].key, &w->rows[i].key) < 0);
	}
}

/* A right one: what it wants of each interface is within what can be set. */
static void check_wants(const struct config *c)
{
	const struct option_list none = {0};
	struct config_want want;
	char **names;
	size_t count;

	must(!config_interfaces(c, &names, &count));
	for (size_t i = 0; i < count; i++) {
		must(names[i][0] && strlen(names[i]) < IF_NAMESIZE);
		must(!config_want(c, names[i], &none, &want));
		for (size_t j = 0; j < want.options.count; j++)
			check_value(&want.options.values[j]);
		check_wishes(&want.wishes[SYNSHIELD_LIST_ALLOW]);
		check_wishes(&want.wishes[SYNSHIELD_LIST_DENY]);
		config_want_free(&want);
	}
	free(names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config c;
	int err;

	fuzz_logged();
	err = config_parse(&c, "f", (const char *)data, size, head);
	must(err == 0 || err == -EINVAL);
	must(!err == !c.wrong);
	must(!err || fuzz_logged());
	if (!err)
		check_wants(&c);
	config_free(&c);
	return 0;
}
