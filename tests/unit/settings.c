/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/options.c: [PORT:]KEY=VALUE, one word at a time, and what a list of them makes. */
#include "options.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "tap.h"

/* What would have been said, in place of user/log.c. */
static char said[512];
static int lines;

void log_line(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(said, sizeof(said), fmt, args);
	va_end(args);
	lines++;
}

struct word_row {
	const char *word;
	bool good;
	__u32 port, value;
};

static const struct word_row word_rows[] = {
	{"mode=off", true, 0, SYNSHIELD_MODE_OFF},
	{"mode=observe", true, 0, SYNSHIELD_MODE_OBSERVE},
	{"mode=auto", true, 0, SYNSHIELD_MODE_AUTO},
	{"mode=always", true, 0, SYNSHIELD_MODE_ALWAYS},
	{"mode=inherit", false, 0, 0},
	{"mode=", false, 0, 0},
	{"mode=Always", false, 0, 0},
	{"mode=4", false, 0, 0},
	{"443:mode=inherit", true, 443, SYNSHIELD_MODE_INHERIT},
	{"443:mode=off", true, 443, SYNSHIELD_MODE_OFF},
	{"https:mode=off", true, 443, SYNSHIELD_MODE_OFF},
	{"1:mode=off", true, 1, SYNSHIELD_MODE_OFF},
	{"65535:mode=off", true, 65535, SYNSHIELD_MODE_OFF},
	{"0:mode=off", false, 0, 0},
	{"65536:mode=off", false, 0, 0},
	{"-1:mode=off", false, 0, 0},
	{"4294967297:mode=off", false, 0, 0},
	{":mode=off", false, 0, 0},
	{"no-such-service:mode=off", false, 0, 0},
	{"443:80:mode=off", false, 0, 0},
	{"syn-rate=8", true, 0, 8},
	{"syn-rate=7", false, 0, 0},
	{"syn-rate=100000000", true, 0, 100000000},
	{"syn-rate=100000001", false, 0, 0},
	{"syn-rate=5000 ", false, 0, 0},
	{"syn-rate= 5000", false, 0, 0},
	{"syn-rate=+5000", false, 0, 0},
	{"syn-rate=-5000", false, 0, 0},
	{"syn-rate=0x1388", false, 0, 0},
	{"syn-rate=5e3", false, 0, 0},
	{"syn-rate=18446744073709551616", false, 0, 0},
	{"syn-rate=0", false, 0, 0},
	{"80:syn-rate=0", true, 80, 0},
	{"80:syn-rate=inherit", true, 80, 0},
	{"80:syn-rate=7", false, 0, 0},
	{"half-open=1", true, 0, 1},
	{"half-open=0", false, 0, 0},
	{"half-open=16777216", true, 0, 16777216},
	{"half-open=16777217", false, 0, 0},
	{"22:half-open=10", true, 22, 10},
	{"quiet=1", true, 0, 1},
	{"quiet=3600", true, 0, 3600},
	{"quiet=3601", false, 0, 0},
	{"80:quiet=5", false, 0, 0},
	{"epoch=2", true, 0, 2},
	{"epoch=1", false, 0, 0},
	{"80:epoch=64", false, 0, 0},
	{"speed=1", false, 0, 0},
	{"mode", false, 0, 0},
	{"=", false, 0, 0},
	{"", false, 0, 0},
};

static void row_word(const struct word_row *r)
{
	struct option_list list = {0};
	bool right;
	int err;

	lines = 0;
	err = options_parse(&list, r->word);
	if (r->good)
		right = !err && list.count == 1 && list.values[0].port == r->port &&
			list.values[0].value == r->value && !lines;
	else
		right = err && !list.count && lines == 1 && strstr(said, r->word);
	ok(right, "'%s' is %s", r->word,
	   r->good ? "understood" : "refused in one line that names it");
	options_free(&list);
}

static void row_too_long(void)
{
	struct option_list list = {0};
	char word[400];

	memset(word, '9', sizeof(word));
	memcpy(word, "syn-rate=", 9);
	word[sizeof(word) - 1] = 0;
	ok(options_parse(&list, word) && !list.count, "a word of 399 bytes is refused");
}

static void rows_defaults(void)
{
	struct synshield_settings s;

	options_defaults(&s);
	ok(s.abi == SYNSHIELD_ABI && s.mode == SYNSHIELD_MODE_AUTO && !s.generation,
	   "by default the mode is auto");
	for (size_t i = 0; i < options_count; i++) {
		const struct option_desc *d = &options[i];

		ok(options_get_settings(d, &s) == d->def && d->def >= d->min && d->def <= d->max,
		   "the default of %s is one that may be given", d->name);
	}
}

static void rows_apply(void)
{
	static const char *const words[] = {"mode=always",  "syn-rate=100",   "80:mode=off",
					    "syn-rate=200", "80:syn-rate=16", "22:half-open=9"};
	struct option_list list = {0};
	struct synshield_policy p80 = {0}, p22 = {0}, p443 = {0};
	struct synshield_settings s;

	for (unsigned int i = 0; i < sizeof(words) / sizeof(*words); i++)
		options_parse(&list, words[i]);
	options_defaults(&s);
	ok(options_apply_settings(&list, &s) && s.mode == SYNSHIELD_MODE_ALWAYS &&
		   s.syn_rate == 200 && s.half_open == 256,
	   "the interface gets its own words, the last one counts");
	ok(options_apply_policy(&list, 80, &p80) && p80.mode == SYNSHIELD_MODE_OFF &&
		   p80.syn_rate == 16 && !p80.half_open,
	   "port 80 gets its own");
	ok(options_apply_policy(&list, 22, &p22) && p22.half_open == 9 && !p22.mode,
	   "port 22 gets its own");
	ok(!options_apply_policy(&list, 443, &p443) && options_policy_empty(&p443),
	   "port 443 gets none");
	ok(!options_policy_empty(&p80) && !options_policy_empty(&p22),
	   "what was given is not empty");
	options_free(&list);
}

int main(void)
{
	for (unsigned int i = 0; i < sizeof(word_rows) / sizeof(*word_rows); i++)
		row_word(&word_rows[i]);
	row_too_long();
	rows_defaults();
	rows_apply();
	return tap_done();
}
