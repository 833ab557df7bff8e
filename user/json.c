/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

static void json_string(FILE *out, const char *s)
{
	fputc('"', out);
	for (; *s; s++) {
		unsigned char c = *s;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static void json_next(struct json *j, const char *key)
{
	if (j->filled[j->depth])
		fputc(',', j->out);
	j->filled[j->depth] = true;
	if (j->depth && !j->one_line)
		fprintf(j->out, "\n%*s", 2 * j->depth, "");
	if (key) {
		json_string(j->out, key);
		fputs(": ", j->out);
	}
}

static void json_open(struct json *j, const char *key, char open, char close)
{
	json_next(j, key);
	assert(j->depth + 1 < JSON_DEPTH_MAX);
	fputc(open, j->out);
	j->depth++;
	j->filled[j->depth] = false;
	j->close[j->depth] = close;
}

void json_start(struct json *j, FILE *out)
{
	memset(j, 0, sizeof(*j));
	j->out = out;
}

void json_object(struct json *j, const char *key)
{
	json_open(j, key, '{', '}');
}

void json_array(struct json *j, const char *key)
{
	json_open(j, key, '[', ']');
}

void json_end(struct json *j)
{
	bool filled = j->filled[j->depth];
	char close = j->close[j->depth];

	assert(j->depth > 0);
	j->depth--;
	if (filled && !j->one_line)
		fprintf(j->out, "\n%*s", 2 * j->depth, "");
	fputc(close, j->out);
	if (!j->depth)
		fputc('\n', j->out);
}

void json_text(struct json *j, const char *key, const char *value)
{
	json_next(j, key);
	json_string(j->out, value);
}

void json_number(struct json *j, const char *key, uint64_t value)
{
	json_next(j, key);
	fprintf(j->out, "%" PRIu64, value);
}

void json_real(struct json *j, const char *key, double value)
{
	json_next(j, key);
	if (isfinite(value))
		fprintf(j->out, "%.6g", value);
	else
		fputs("null", j->out);
}

void json_bool(struct json *j, const char *key, bool value)
{
	json_next(j, key);
	fputs(value ? "true" : "false", j->out);
}

void json_null(struct json *j, const char *key)
{
	json_next(j, key);
	fputs("null", j->out);
}
