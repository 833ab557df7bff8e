/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>

/* -v: libbpf's, libxdp's and the daemon's own details too. */
extern bool log_verbose;
/* Gets the lines in place of stderr, where that is the screen. */
extern void (*log_taker)(const char *line);

/* One line on stderr each, "synshield: " in front. */
void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_detail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The line, then ": " and what errno value -err means; returns err. */
int log_errno(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * libbpf and libxdp speak only with -v, but what they said last is kept, so
 * that a failed load can show the end of the verifier's log.
 */
void log_capture_libraries(void);
void log_forget_capture(void);
void log_show_capture(void);

#endif
