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
	{"counts=auto", true, 0, SYNSHIELD_MODE_AUTO},
	{"counts=always", true, 0, SYNSHIELD_MODE_ALWAYS},
	{"counts=off", false, 0, 0},
	{"counts=observe", false, 0, 0},
	{"counts=inherit", false, 0, 0},
	{"80:counts=always", false, 0, 0},
	{"reset=reply", true, 0, SYNSHIELD_RESET_REPLY},
	{"reset=drop", true, 0, SYNSHIELD_RESET_DROP},
	{"reset=pass", true, 0, SYNSHIELD_RESET_PASS},
	{"reset=inherit", false, 0, 0},
	{"reset=off", false, 0, 0},
	{"reset=1", false, 0, 0},
	{"80:reset=drop", true, 80, SYNSHIELD_RESET_DROP},
	{"80:reset=inherit", true, 80, SYNSHIELD_RESET_INHERIT},
	{"80:reset=0", false, 0, 0},
	{"reset-rate=0", true, 0, 0},
	{"reset-rate=10000000", true, 0, 10000000},
	{"reset-rate=10000001", false, 0, 0},
	{"reset-rate=off", false, 0, 0},
	{"80:reset-rate=1", false, 0, 0},
	{"reply-rate=1", true, 0, 1},
	{"reply-rate=0", false, 0, 0},
	{"reply-rate=10000000", true, 0, 10000000},
	{"reply-rate=10000001", false, 0, 0},
	{"80:reply-rate=1", false, 0, 0},
	{"source-conns=1", true, 0, 1},
	{"source-conns=16777216", true, 0, 16777216},
	{"source-conns=16777217", false, 0, 0},
	{"source-conns=4294967295", false, 0, 0},
	{"source-conns=off", true, 0, 0},
	{"source-conns=0", false, 0, 0},
	{"source-conns=inherit", false, 0, 0},
	{"80:source-conns=5", true, 80, 5},
	{"80:source-conns=off", true, 80, SYNSHIELD_NO_LIMIT},
	{"80:source-conns=inherit", true, 80, 0},
	{"80:source-conns=0", false, 0, 0},
	{"80:source-conns=4294967295", false, 0, 0},
	{"source-rate=1000000", true, 0, 1000000},
	{"source-rate=1000001", false, 0, 0},
	{"source-rate=off", true, 0, 0},
	{"80:source-rate=Off", false, 0, 0},
	{"80:source-rate=off", true, 80, SYNSHIELD_NO_LIMIT},
	{"source-prefix=8", true, 0, 8},
	{"source-prefix=7", false, 0, 0},
	{"source-prefix=32", true, 0, 32},
	{"source-prefix=33", false, 0, 0},
	{"source-prefix6=16", true, 0, 16},
	{"source-prefix6=15", false, 0, 0},
	{"source-prefix6=128", true, 0, 128},
	{"source-prefix6=129", false, 0, 0},
	{"80:source-prefix=24", false, 0, 0},
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

/* Nobody who reads what there is should have to guess the rest. */
static void row_all_are_named(void)
{
	struct option_list list = {0};
	size_t named = 0;

	options_parse(&list, "speed=1");
	for (size_t i = 0; i < options_count; i++)
		named += strstr(said, options[i].name) != NULL;
	ok(named == options_count && strstr(said, " or max-syn-backlog"),
	   "an unknown setting is answered with all that there are");
	options_free(&list);
}

static void rows_defaults(void)
{
	static const struct synshield_settings wanted = {
		.abi = SYNSHIELD_ABI,
		.mode = SYNSHIELD_MODE_AUTO,
		.counts = SYNSHIELD_MODE_AUTO,
		.syn_rate = 5000,
		.half_open = 256,
		.quiet = 10,
		.epoch = 64,
		.reset = SYNSHIELD_RESET_REPLY,
		.reset_rate = 10000,
		.reply_rate = 20000,
		.source_prefix = 32,
		.source_prefix6 = 64,
		.msl = 30,
		.syn_sent_timeout = 120,
		.syn_received_timeout = 60,
		.established_timeout = 432000,
		.fin_wait_timeout = 60,
		.close_wait_timeout = 86400,
		.last_ack_timeout = 60,
		.keepalive_interval = 75,
	};
	struct synshield_settings s;

	memset(&s, 0xff, sizeof(s));
	options_defaults(&s);
	ok(!memcmp(&s, &wanted, sizeof(s)), "the defaults are what is documented");
	for (size_t i = 0; i < options_count; i++) {
		const struct option_desc *d = &options[i];
		bool off = d->type == OPTION_LIMIT && !d->def;

		ok(options_get_settings(d, &s) == d->def &&
			   (off || (d->def >= d->min && d->def <= d->max)),
		   "the default of %s is one that may be given", d->name);
	}
}

/* Each field of a policy has its setting, and any one of them makes it not empty. */
static void rows_policy(void)
{
	static const char *const words[] = {"80:mode=off",	   "80:syn-rate=8",
					    "80:half-open=1",	   "80:reset=drop",
					    "80:source-conns=off", "80:source-rate=1"};
	const size_t count = sizeof(words) / sizeof(*words);
	struct synshield_policy all = {0};
	size_t alone = 0;

	for (size_t i = 0; i < count; i++) {
		struct option_list list = {0};
		struct synshield_policy one = {0};

		options_parse(&list, words[i]);
		options_apply_policy(&list, 80, &one);
		options_apply_policy(&list, 80, &all);
		alone += !options_policy_empty(&one);
		options_free(&list);
	}
	ok(alone == count, "any one setting of a port makes its policy not empty");
	ok(all.mode == SYNSHIELD_MODE_OFF && all.syn_rate == 8 && all.half_open == 1 &&
		   all.reset == SYNSHIELD_RESET_DROP && all.source_conns == SYNSHIELD_NO_LIMIT &&
		   all.source_rate == 1 && sizeof(all) == count * sizeof(__u32),
	   "every field of a policy can be set");
}

struct printed_row {
	const char *name;
	__u32 value;
	bool port;
	const char *text;
};

static const struct printed_row printed_rows[] = {
	{"mode", SYNSHIELD_MODE_ALWAYS, false, "always"},
	{"mode", SYNSHIELD_MODE_INHERIT, true, "inherit"},
	{"mode", 99, false, "unknown"},
	{"counts", SYNSHIELD_MODE_ALWAYS, false, "always"},
	{"reset", SYNSHIELD_RESET_PASS, true, "pass"},
	{"reset", SYNSHIELD_RESET_MAX, false, "unknown"},
	{"reset-rate", 0, false, "0 RST/s"},
	{"syn-rate", 0, true, "inherit"},
	{"syn-rate", 8, true, "8 SYN/s"},
	{"source-conns", 0, false, "off"},
	{"source-conns", 0, true, "inherit"},
	{"source-conns", SYNSHIELD_NO_LIMIT, true, "off"},
	{"source-conns", 5, true, "5 connections"},
};

static void row_printed(const struct printed_row *r)
{
	char text[64] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	for (size_t i = 0; i < options_count; i++) {
		if (!strcmp(options[i].name, r->name))
			options_print_value(out, &options[i], r->value, r->port);
	}
	fclose(out);
	ok(!strcmp(text, r->text), "%s %u of %s reads '%s'", r->name, r->value,
	   r->port ? "a port" : "the interface", r->text);
}

/* What is shown can be given: status, then set, changes nothing. */
static void row_there_and_back(void)
{
	struct synshield_settings s, back;
	struct option_list list = {0};
	char word[64];

	options_defaults(&s);
	s.source_conns = 7;
	s.reset = SYNSHIELD_RESET_DROP;
	memset(&back, 0, sizeof(back));
	for (size_t i = 0; i < options_count; i++) {
		__u32 value = options_get_settings(&options[i], &s);
		const char *text = options_word(&options[i], value, false);

		if (text)
			snprintf(word, sizeof(word), "%s=%s", options[i].name, text);
		else
			snprintf(word, sizeof(word), "%s=%u", options[i].name, value);
		options_parse(&list, word);
	}
	options_apply_settings(&list, &back);
	back.abi = s.abi;
	ok(list.count == options_count && !memcmp(&s, &back, sizeof(s)),
	   "what is shown of every setting can be given, and is the same");
	options_free(&list);
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
	row_all_are_named();
	rows_defaults();
	rows_apply();
	rows_policy();
	for (unsigned int i = 0; i < sizeof(printed_rows) / sizeof(*printed_rows); i++)
		row_printed(&printed_rows[i]);
	row_there_and_back();
	return tap_done();
}
