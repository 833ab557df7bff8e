/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/args.c: a command line, one word in each line. */
#include "args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define WORDS 64
#define LEAST 2
#define MOST 4096

static bool json;
static const char *file;
static unsigned int number, interval;
static int choice;
static const char *const choices[] = {"auto", "native", "generic", NULL};
static const struct arg table[] = {
	{.name = "json", .letter = 'j', .type = ARG_FLAG, .to = &json, .help = "one\ntwo"},
	{.name = "file", .letter = 'f', .type = ARG_TEXT, .to = &file, .meta = "FILE", .help = ""},
	{.name = "number",
	 .letter = 'n',
	 .type = ARG_NUMBER,
	 .to = &number,
	 .min = LEAST,
	 .max = MOST,
	 .meta = "N",
	 .help = ""},
	{.name = "watch",
	 .type = ARG_NUMBER,
	 .to = &interval,
	 .min = 1,
	 .max = 60,
	 .bare = 1,
	 .meta = "N",
	 .help = ""},
	{.name = "xdp", .type = ARG_CHOICE, .to = &choice, .choices = choices, .help = ""},
	{},
};
static const struct command command = {
	.name = "fuzz", .usage = "[IFACE]", .about = "about", .args = table};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *word, *save, *argv[WORDS];
	unsigned char addr[16], bits = 0;
	int argc = 0, words, err;

	for (word = strtok_r(text, "\n", &save); word && argc < WORDS;
	     word = strtok_r(NULL, "\n", &save))
		argv[argc++] = word;
	number = LEAST;
	interval = 1;
	words = argc;
	err = args_parse(&command, &words, argv);
	must(err == 0 || err == 1 || err == -EINVAL);
	must(words >= 0 && words <= argc);
	must(number >= LEAST && number <= MOST && interval >= 1 && interval <= 60);
	must(choice >= 0 && choice < 3);
	must(err || (args_pin_dir && *args_pin_dir));
	for (int i = 0; !err && i < words; i++) {
		must(argv[i] >= text && argv[i] <= text + size);
		if (!args_prefix(&command, "remote", argv[i], addr, &bits))
			must(bits <= 128);
	}
	free(text);
	return 0;
}
