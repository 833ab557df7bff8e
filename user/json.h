/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH_MAX 16

/* A writer, not a tree.  `key` is NULL inside arrays and at the top. */
struct json {
	FILE *out;
	int depth;
	bool one_line;		     /* set after json_start() */
	bool filled[JSON_DEPTH_MAX]; /* something stands at this depth: a comma is due */
	char close[JSON_DEPTH_MAX];
};

void json_start(struct json *j, FILE *out);
void json_object(struct json *j, const char *key);
void json_array(struct json *j, const char *key);
void json_end(struct json *j); /* of the innermost object or array */
void json_text(struct json *j, const char *key, const char *value);
void json_number(struct json *j, const char *key, uint64_t value);
void json_real(struct json *j, const char *key, double value);
void json_bool(struct json *j, const char *key, bool value);
void json_null(struct json *j, const char *key);

#endif
