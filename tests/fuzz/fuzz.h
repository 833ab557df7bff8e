/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the targets of libFuzzer share. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the run, as a sanitizer's report does: the input is kept. */
#define must(what)                                                                                 \
	do {                                                                                       \
		if (!(what))                                                                       \
			fuzz_failed(__FILE__, __LINE__, #what);                                    \
	} while (0)
_Noreturn void fuzz_failed(const char *file, int line, const char *what);

/* A zero-terminated copy, the caller's to free: reading beyond its end is seen. */
char *fuzz_text(const uint8_t *data, size_t size);
/* The path of a file, always the same, that now has this content. */
const char *fuzz_file(const uint8_t *data, size_t size);
/* The bytes that were logged since the last call. */
size_t fuzz_logged(void);

#endif
