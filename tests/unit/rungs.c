/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/rungs.c: the lines of a ladder, to the column. */
#include "rungs.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define S(state) SYNSHIELD_TCP_##state

static const struct {
	struct rung rung;
	const char *line;
} rows[] = {
	{{"0.000000", "SYN seq=0", true, true, S(SYN_SENT), S(SYN_RECEIVED), NULL},
	 "    SYN_SENT |--------------- SYN seq=0 -------------->| SYN_RECEIVED   0.000000\n"},
	{{"0.000123", "SYN,ACK seq=0 ack=1", true, false, S(ESTABLISHED), S(SYN_RECEIVED), NULL},
	 " ESTABLISHED |<--------- SYN,ACK seq=0 ack=1 ----------| SYN_RECEIVED   0.000123\n"},
	{{"60.000000", "2 MSL are over", false, false, S(CLOSED), S(CLOSED), NULL},
	 "      CLOSED |............ 2 MSL are over .............| CLOSED        60.000000\n"},
	{{"1.5", "ACK seq=1 ack=1", true, true, S(ESTABLISHED), S(ESTABLISHED), "drop bad_cookie"},
	 " ESTABLISHED |------------ ACK seq=1 ack=1 ----------->| ESTABLISHED         1.5"
	 "  drop bad_cookie\n"},
};

/* The longest that flags and numbers can be. */
static const char longest[] =
	"SYN,FIN,RST,PSH,ACK,URG,ECE,CWR seq=4294967295 ack=4294967295 len=4294967295";

static char *text_of(const struct rung *r)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out) {
		rungs_put(out, r);
		fclose(out);
	}
	return text ? text : strdup("no memory");
}

static void row_line(unsigned int i)
{
	char *text = text_of(&rows[i].rung);

	if (!ok(!strcmp(text, rows[i].line), "%s, to the column", rows[i].rung.text))
		note("%s", text);
	free(text);
}

/* Any length of text: all of it is there, and the line stays straight while it can. */
static void row_lengths(void)
{
	struct rung r = {.time = "1234567.89", .segment = true, .left = S(SYN_RECEIVED)};
	int straight = 0, right = 0, all = sizeof(longest) - 1;
	char *text, want[128];

	r.right = S(SYN_RECEIVED);
	for (int len = 1; len <= all; len++) {
		r.text = longest + all - len;
		r.to_right = len & 1;
		snprintf(want, sizeof(want), " %s ", r.text);
		text = text_of(&r);
		right += strstr(text, want) && strstr(text, r.to_right ? ">|" : "|<");
		straight += strlen(text) == 81;
		free(text);
	}
	ok(right == all && straight == 37,
	   "a text is never cut; up to %d characters the line takes 80 columns", straight);
}

int main(void)
{
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		row_line(i);
	row_lengths();
	return tap_done();
}
