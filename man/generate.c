/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* generate < TEMPLATE: a line "@NAME@" of the template becomes the list of that name. */
#include "generate.h"

#include <stdlib.h>
#include <string.h>

static const struct list {
	const char *line;
	void (*put)(FILE *out);
} lists[] = {
	{"@commands@\n", manual_commands}, {"@common@\n", manual_common},
	{"@head@\n", manual_head},	   {"@settings@\n", manual_settings},
	{"@tables@\n", completion_tables},
};
#define LISTS (sizeof(lists) / sizeof(lists[0]))

static int put_line(const char *line, int number)
{
	size_t i, len = strlen(line);

	for (i = 0; i < LISTS; i++) {
		if (!strcmp(line, lists[i].line)) {
			lists[i].put(stdout);
			return 0;
		}
	}
	if (line[0] == '@' && len > 2 && line[len - 2] == '@') {
		fprintf(stderr, "generate: line %d: there is no list %s", number, line);
		return -1;
	}
	fputs(line, stdout);
	return 0;
}

int main(void)
{
	char *line = NULL;
	size_t size = 0;
	int number = 0, err = 0;

	while (!err && getline(&line, &size, stdin) > 0)
		err = put_line(line, ++number);
	free(line);
	return err || ferror(stdin) || fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
