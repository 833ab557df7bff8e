/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "log.h"

#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xdp/libxdp.h>

#define CAPTURE_BYTES 65536
#define CAPTURE_LINES 30 /* shown of a verifier log: its end names the insn and the cause */

bool log_verbose;
void (*log_taker)(const char *line);

static char capture[CAPTURE_BYTES];
static size_t capture_len;

static void log_vline(const char *fmt, va_list ap, const char *suffix)
{
	char line[2048], whole[2304];
	int n;

	n = vsnprintf(line, sizeof(line), fmt, ap);
	if (n < 0)
		return;
	if (log_taker) {
		snprintf(whole, sizeof(whole), "%s%s%s", line, suffix ? ": " : "",
			 suffix ? suffix : "");
		log_taker(whole);
		return;
	}
	/* one write, so that lines of two processes do not mix */
	fprintf(stderr, "synshield: %s%s%s\n", line, suffix ? ": " : "", suffix ? suffix : "");
}

void log_line(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vline(fmt, ap, NULL);
	va_end(ap);
}

void log_detail(const char *fmt, ...)
{
	va_list ap;

	if (!log_verbose)
		return;
	va_start(ap, fmt);
	log_vline(fmt, ap, NULL);
	va_end(ap);
}

int log_errno(int err, const char *fmt, ...)
{
	va_list ap;

	char why[128];

	/* knows libbpf's own numbers besides the kernel's */
	libbpf_strerror(err, why, sizeof(why));
	va_start(ap, fmt);
	log_vline(fmt, ap, why);
	va_end(ap);
	return err;
}

static void capture_text(const char *text, size_t len)
{
	if (len >= CAPTURE_BYTES) {
		text += len - (CAPTURE_BYTES - 1);
		len = CAPTURE_BYTES - 1;
	}
	if (capture_len + len >= CAPTURE_BYTES) {
		size_t drop = capture_len + len - (CAPTURE_BYTES - 1);

		memmove(capture, capture + drop, capture_len - drop);
		capture_len -= drop;
	}
	memcpy(capture + capture_len, text, len);
	capture_len += len;
	capture[capture_len] = 0;
}

/* Verifier logs reach megabytes: libbpf hands them over as one argument. */
static void capture_format(const char *fmt, va_list ap)
{
	char *text = NULL;
	int len;

	len = vasprintf(&text, fmt, ap);
	if (len < 0)
		return;
	capture_text(text, len);
	if (log_verbose)
		fputs(text, stderr);
	free(text);
}

static int print_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level == LIBBPF_WARN || (level == LIBBPF_INFO && log_verbose))
		capture_format(fmt, ap);
	return 0;
}

static int print_libxdp(enum libxdp_print_level level, const char *fmt, va_list ap)
{
	if (level == LIBXDP_WARN || (level == LIBXDP_INFO && log_verbose))
		capture_format(fmt, ap);
	return 0;
}

void log_capture_libraries(void)
{
	libbpf_set_print(print_libbpf);
	libxdp_set_print(print_libxdp);
}

void log_forget_capture(void)
{
	capture_len = 0;
	capture[0] = 0;
}

void log_show_capture(void)
{
	const char *from = capture + capture_len;
	int lines = 0;

	if (log_verbose || !capture_len)
		return;
	while (from > capture && lines <= CAPTURE_LINES)
		lines += *--from == '\n';
	if (from > capture)
		from++;
	fputs(from, stderr);
	if (capture[capture_len - 1] != '\n')
		fputc('\n', stderr);
}
