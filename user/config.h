/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a configuration file says.  user/config.c turns its text into this and reads nothing
 * else, but the names of services; user/configfile.c reads the files.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#include "args.h"
#include "lists.h"
#include "options.h"

#define CONFIG_FILE "/etc/synshield.conf"
#define CONFIG_DEFAULTS "defaults" /* the section that holds for all interfaces */
#define CONFIG_LINE 1000	   /* bytes that a line may have */
#define CONFIG_ERRORS 100	   /* that are said one by one; of the rest, how many */

/* A switch of `run`, before the first section. */
struct config_switch {
	const struct arg *arg;
	unsigned int line;
	char *text;
};

/* A file of prefixes that a section names. */
struct config_listfile {
	enum synshield_list list;
	unsigned int line;
	char *path;
};

/* [defaults], [defaults:PORT], [IFACE] or [IFACE:PORT] */
struct config_section {
	char ifname[IF_NAMESIZE]; /* "": the defaults */
	__u32 port;		  /* 0: the interface's own */
	unsigned int line;
	struct option_list options;
	bool lists; /* it names prefixes, or files of them, or says that there are none */
	struct list_wishes wishes[SYNSHIELD_LIST_DENY + 1]; /* by enum synshield_list */
	struct config_listfile *files;
	size_t file_count;
};

struct config {
	char *name;
	struct config_switch *head;
	size_t head_count;
	struct config_section *sections;
	size_t count;
	unsigned int wrong; /* errors so far */
};

/* The words of a section that are no settings. */
struct config_word {
	const char *name;
	enum synshield_list list;
	bool file; /* its value is a file of prefixes */
	const char *help;
};
#define CONFIG_WORDS 4
extern const struct config_word config_words[CONFIG_WORDS];

/*
 * Reads the text; head: the switches that may stand before the first section.  Every error is
 * said, as FILE:LINE: what.  0, -EINVAL if there was one, -ENOMEM.  config_free() in any case.
 */
int config_parse(struct config *c, const char *name, const char *text, size_t len,
		 const struct arg *head);
/* The same of a file ("-": standard input), and of the files of prefixes that it names. */
int config_load(struct config *c, const char *file, const struct arg *head);
void config_free(struct config *c);

/* Says an error; line 0: of the whole file. */
void config_wrong(struct config *c, unsigned int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * The interfaces that have sections, in the file's order.  The array is the caller's to free,
 * the names are the config's.  -ENOMEM.
 */
int config_interfaces(const struct config *c, char ***names, size_t *count);
bool config_has(const struct config *c, const char *ifname);

/* All that the file wants of one interface. */
struct config_want {
	struct option_list options; /* later ones go over earlier ones */
	bool lists;
	struct list_wishes wishes[SYNSHIELD_LIST_DENY + 1]; /* settled */
};

/* over: words of the command line.  -ENOMEM. */
int config_want(const struct config *c, const char *ifname, const struct option_list *over,
		struct config_want *want);
void config_want_free(struct config_want *want);

#endif
