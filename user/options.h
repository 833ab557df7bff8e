/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "synshield/synshield.h"

enum option_type {
	OPTION_NUMBER, /* from min to max; a port's 0: inherit */
	OPTION_LIMIT,  /* the same, or off: the interface's 0, a port's SYNSHIELD_NO_LIMIT */
	OPTION_CHOICE, /* one of names[min..max]; a port's names[0]: inherit */
};

/* One setting: the table of these drives parsing, help and printing. */
struct option_desc {
	const char *name;
	enum option_type type;
	__u32 min, max, def;
	const char *unit;
	const char *const *names;
	size_t settings_at; /* offset in struct synshield_settings */
	size_t policy_at;   /* offset in struct synshield_policy */
	bool per_port;
	const char *help;
};

#define OPTIONS_MAX 64 /* and a few more names that a file has */
#define OPTION_WHY 1024

extern const struct option_desc options[];
extern const size_t options_count;

/* [PORT:]KEY=VALUE, understood; port 0 is the interface */
struct option_value {
	const struct option_desc *desc;
	__u32 port;
	__u32 value;
	unsigned int line; /* of the file; 0: a word of the command line */
};

struct option_list {
	struct option_value *values;
	size_t count;
};

/* -EINVAL after one line on stderr that says what is wrong with the word */
int options_parse(struct option_list *list, const char *word);
void options_free(struct option_list *list);
int options_add(struct option_list *list, const struct option_value *v); /* -ENOMEM */

/* The parts of such a word.  -EINVAL: why says what is wrong, and what to write instead. */
int options_port(const char *text, __u32 *port, char why[OPTION_WHY]);
int options_read(const struct option_desc *d, const char *text, bool port, __u32 *value,
		 char why[OPTION_WHY]);
const struct option_desc *options_find(const char *name);
/* What to say when it finds nothing; more: names that would do besides. */
void options_unknown(const char *name, const char *const *more, size_t count, char why[OPTION_WHY]);

void options_defaults(struct synshield_settings *settings);
/* Returns whether something was given for the interface, the port. */
bool options_apply_settings(const struct option_list *list, struct synshield_settings *settings);
bool options_apply_policy(const struct option_list *list, __u32 port,
			  struct synshield_policy *policy);
bool options_policy_empty(const struct synshield_policy *policy);

__u32 options_get_settings(const struct option_desc *d, const struct synshield_settings *settings);
__u32 options_get_policy(const struct option_desc *d, const struct synshield_policy *policy);
const char *options_mode_name(__u32 mode);
/* The word that stands for the value of the interface, of a port; NULL: it is a number. */
const char *options_word(const struct option_desc *d, __u32 value, bool port);
void options_print_value(FILE *out, const struct option_desc *d, __u32 value, bool port);
/* "8 to 100000000; default 5000 SYN/s" */
void options_print_range(FILE *out, const struct option_desc *d);
void options_help(FILE *out);

#endif
