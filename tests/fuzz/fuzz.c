/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../unit/log_stub.h"

static FILE *report;
static size_t logged;

/* What the code under test prints goes nowhere; libFuzzer and the sanitizers have their own. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	report = stderr;
	stdout = stderr = fopen("/dev/null", "w");
	if (!stdout)
		abort();
	return 0;
}

void fuzz_failed(const char *file, int line, const char *what)
{
	fprintf(report, "%s:%d: not so: %s\n", file, line, what);
	abort();
}

char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		abort();
	if (size)
		memcpy(text, data, size);
	text[size] = 0;
	return text;
}

const char *fuzz_file(const uint8_t *data, size_t size)
{
	static char path[64];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("input", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	return path;
}

size_t fuzz_logged(void)
{
	size_t was = logged;

	logged = 0;
	return was;
}

/* Every argument is read. */
static void say(const char *fmt, va_list args)
{
	char text[8192];
	int len = vsnprintf(text, sizeof(text), fmt, args);

	must(len >= 0);
	logged += len;
}
