/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * user/config.c, user/configfile.c, user/near.c: what a configuration file says, and every
 * way to write it wrong, with the line and the words that say so.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cidr.h"
#include "log_stub.h"
#include "near.h"
#include "tap.h"

/* What would have been said; one line each. */
static char said[65536];

static void say(const char *fmt, va_list args)
{
	size_t used = strlen(said);

	vsnprintf(said + used, sizeof(said) - used - 1, fmt, args);
	strcat(said, "\n");
}

/* Switches of every kind, as `run` has them. */
static int xdp;
static bool solo;
static unsigned int conns;
static const char *metrics, *config;
static const char *const xdp_choices[] = {"auto", "native", "generic", NULL};
static const struct arg head[] = {
	{.name = "xdp", .type = ARG_CHOICE, .to = &xdp, .choices = xdp_choices},
	{.name = "solo", .type = ARG_FLAG, .to = &solo},
	{.name = "conns", .type = ARG_NUMBER, .to = &conns, .min = 1024, .max = 1U << 26},
	{.name = "metrics", .type = ARG_TEXT, .to = &metrics, .meta = "ADDR:PORT"},
	{.name = "config", .type = ARG_TEXT, .to = &config, .meta = "FILE", .line_only = true},
	{},
};

/* -- wrong ones -- */

struct wrong_row {
	const char *name, *text, *said;
};

#define SECTIONS "[defaults], [IFACE] or [IFACE:PORT]"
#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X1000 X50 X50 X50 X50 X50 X50 X50 X50 X50 X50 X50 X50 X50 X50 X50 X50 X50 X50 X50 X50

static const struct wrong_row wrong_rows[] = {
	{"a switch with another's word", "xdp = turbo\n",
	 "f:1: xdp takes one of auto, native, generic, not 'turbo'\n"},
	{"a flag is on or off", "solo = yes\n", "f:1: solo takes one of off, on, not 'yes'\n"},
	{"a number of the head", "conns = 5\n",
	 "f:1: conns takes a number from 1024 to 67108864, not '5'\n"},
	{"a switch without a value", "metrics =\n",
	 "f:1: metrics takes ADDR:PORT, not an empty word\n"},
	{"a switch that is misspelt", "sole = on\n",
	 "f:1: unknown switch 'sole': did you mean 'solo'?\n"},
	{"a switch that nobody knows", "quux = on\n",
	 "f:1: unknown switch 'quux': there are xdp, solo, conns or metrics\n"},
	{"a switch of the command line", "config = g\n",
	 "f:1: config is for the command line: write it there, as --config\n"},
	{"a switch twice", "solo = on\nsolo = on\n",
	 "f:2: solo is given already, in line 1: take one out\n"},
	{"a setting before any section", "mode = off\n",
	 "f:1: mode stands before any section: write it in [defaults] or [IFACE]\n"},
	{"a list before any section", "deny = 192.0.2.1\n",
	 "f:1: deny stands before any section: write it in [defaults] or [IFACE]\n"},
	{"a switch in a section", "[a]\nsolo = on\n",
	 "f:2: solo holds for all interfaces: write it before the first section\n"},
	{"a setting that is misspelt", "[a]\nsynrate = 9\n",
	 "f:2: unknown setting 'synrate': did you mean 'syn-rate'?\n"},
	{"a list that is misspelt", "[a]\ndeny-fiel = x\n",
	 "f:2: unknown setting 'deny-fiel': did you mean 'deny-file'?\n"},
	{"a value that is none", "[a]\nmode = on\n",
	 "f:2: mode is off, observe, auto or always, not 'on'\n"},
	{"a value that is missing", "[a]\nquiet =\n",
	 "f:2: quiet is a whole number from 1 to 3600 (s), not ''\n"},
	{"a number out of range", "[a]\nquiet = 3601\n",
	 "f:2: quiet is a whole number from 1 to 3600 (s), not '3601'\n"},
	{"a port's value that is none", "[a:80]\nmode = on\n",
	 "f:2: mode is off, observe, auto or always, or inherit to follow the interface, not "
	 "'on'\n"},
	{"what only a port may", "[a]\nmode = inherit\n",
	 "f:2: mode is off, observe, auto or always, not 'inherit'\n"},
	{"what a port may not", "[a:80]\nepoch = 9\n",
	 "f:2: epoch is the interface's, not a port's: write it in the section [a]\n"},
	{"what a port may not, by default", "[a]\n[defaults:80]\ndeny = 192.0.2.1\n",
	 "f:3: deny is the interface's, not a port's: write it in the section [defaults]\n"},
	{"a setting twice", "[a]\nquiet = 1\n\nquiet = 2\n",
	 "f:4: quiet is given already, in line 2: take one out\n"},
	{"a section twice", "[a]\n[b]\n[a]\nquiet = 0\n",
	 "f:3: the section is there already, in line 1: write its settings there\n"
	 "f:4: quiet is a whole number from 1 to 3600 (s), not '0'\n"},
	{"a port's section twice", "[a:443]\n[a:https]\n",
	 "f:2: the section is there already, in line 1: write its settings there\n"},
	{"no name in a section", "[]\n", "f:1: '' is no interface: a section is " SECTIONS "\n"},
	{"no interface in a section", "[:80]\n",
	 "f:1: '' is no interface: a section is " SECTIONS "\n"},
	{"a name with a blank", "[eth 0]\n",
	 "f:1: 'eth 0' is no interface: a section is " SECTIONS "\n"},
	{"a name with a slash", "[../x]\n",
	 "f:1: '../x' is no interface: a section is " SECTIONS "\n"},
	{"a name of dots", "[..]\n", "f:1: '..' is no interface: a section is " SECTIONS "\n"},
	{"a name of 16 bytes", "[abcdefghijklmnop]\n",
	 "f:1: 'abcdefghijklmnop' is too long for an interface: a name has 15 bytes at most\n"},
	{"defaults, misspelt", "[default]\nmode = off\n",
	 "f:1: 'default': did you mean [defaults]?\n"},
	{"no port", "[a:]\n",
	 "f:1: '' is no port: give 1 to 65535, or a TCP service named in /etc/services\n"},
	{"port 65536", "[a:65536]\n",
	 "f:1: '65536' is no port: give 1 to 65535, or a TCP service named in /etc/services\n"},
	{"two ports", "[a:80:81]\n",
	 "f:1: '80:81' is no port: give 1 to 65535, or a TCP service named in /etc/services\n"},
	{"a section without its end", "[a\n",
	 "f:1: a section stands alone in its line: " SECTIONS "\n"},
	{"a section and more", "[a] mode = off\n",
	 "f:1: a section stands alone in its line: " SECTIONS "\n"},
	{"a port before a setting", "[a]\n443:mode = off\n",
	 "f:2: settings are written KEY = VALUE, a port's in a section [IFACE:PORT]\n"},
	{"a port for a setting", "[a]\n443 = off\n",
	 "f:2: '443' is a port: its settings have a section of their own, [a:443]\n"},
	{"no equals sign", "[a]\nmode off\n", "f:2: neither [SECTION] nor KEY = VALUE\n"},
	{"no equals sign in the last line", "[a]\nmode",
	 "f:2: neither [SECTION] nor KEY = VALUE\n"},
	{"no name", "[a]\n= off\n", "f:2: the name is missing: write KEY = VALUE\n"},
	{"a bad prefix among good ones", "[a]\ndeny = 192.0.2.1, 192.0.2.1/24 ::1\n",
	 "f:2: '192.0.2.1/24': has bits set beyond its length: write 192.0.2.0/24, or "
	 "192.0.2.1/32 for that address\n"},
	{"a list's file without a name", "[a]\nallow-file =\n",
	 "f:2: allow-file names no file: write allow-file = FILE\n"},
	{"a name that never ends", "[a]\n" X1000 " = 1\n",
	 "f:2: the line has 1004 bytes: write several of 1000 at most, or a file\n"},
	{"a line that is too long, and one behind it",
	 "[a]\ndeny = 192.0.2.1 " X1000 "\nquiet = 0\n",
	 "f:2: the line has 1017 bytes: write several of 1000 at most, or a file\n"
	 "f:3: quiet is a whole number from 1 to 3600 (s), not '0'\n"},
	{"a control byte", "[a]\nquiet = 1\a\nnonsense\n",
	 "f:2: byte 10 of the line is 0x07, which no text has: is this a configuration file?\n"},
	{"a carriage return inside", "[a]\nquiet = 1\rmode = off\n",
	 "f:2: byte 10 of the line is 0x0d, which no text has: is this a configuration file?\n"},
	{"what cannot be shown", "[a]\nm\303\266de = off\n",
	 "f:2: unknown setting 'm??de': there are mode, "},
	{"every error at once", "xdp = x\n[a]\nfoo\nquiet = 0\n[b:0]\nepoch = 1\nmode = off\n",
	 "f:1: xdp takes one of auto, native, generic, not 'x'\n"
	 "f:3: neither [SECTION] nor KEY = VALUE\n"
	 "f:4: quiet is a whole number from 1 to 3600 (s), not '0'\n"
	 "f:5: '0' is no port: give 1 to 65535, or a TCP service named in /etc/services\n"
	 "f:6: epoch is a whole number from 2 to 3600 (s), not '1'\n"},
	{"with a mark, CRLF, no end", "\xef\xbb\xbf; x\r\n[a]\r\nquiet = 0",
	 "f:3: quiet is a whole number from 1 to 3600 (s), not '0'\n"},
};

static int parse(struct config *c, const char *text, size_t len)
{
	said[0] = 0;
	return config_parse(c, "f", text, len, head);
}

static void row_wrong(const struct wrong_row *r)
{
	bool whole = r->said[strlen(r->said) - 1] == '\n';
	struct config c;
	int err = parse(&c, r->text, strlen(r->text));
	bool right = whole ? !strcmp(said, r->said) : !strncmp(said, r->said, strlen(r->said));

	if (!ok(err == -EINVAL && right, "wrong: %s", r->name))
		note("said: %swanted: %s", said, r->said);
	config_free(&c);
}

static void row_zero_byte(void)
{
	static const char text[] = "[a]\nquiet = 1\0x\nmode = on\n";
	struct config c;

	ok(parse(&c, text, sizeof(text) - 1) == -EINVAL &&
		   !strcmp(said, "f:2: byte 10 of the line is 0x00, which no text has: is this a "
				 "configuration file?\n"),
	   "wrong: a zero byte ends the reading, not the line");
	config_free(&c);
}

static void row_many_errors(void)
{
	char text[8192] = "[a]\n";
	unsigned int i, lines = 0;
	struct config c;

	for (i = 0; i < 300; i++)
		strcat(text, "foo = 1\n");
	parse(&c, text, strlen(text));
	for (i = 0; said[i]; i++)
		lines += said[i] == '\n';
	ok(c.wrong == 300 && lines == CONFIG_ERRORS, "of 300 errors all count, %d are said",
	   CONFIG_ERRORS);
	config_free(&c);
}

/* -- right ones -- */

static __u32 setting_of(const struct config_want *want, const char *name, __u32 port)
{
	const struct option_desc *d = options_find(name);
	struct synshield_policy policy = {0};
	struct synshield_settings settings;

	options_defaults(&settings);
	options_apply_settings(&want->options, &settings);
	options_apply_policy(&want->options, port, &policy);
	return port ? options_get_policy(d, &policy) : options_get_settings(d, &settings);
}

/* As editors of three systems write it. */
static const char whole[] = "\xef\xbb\xbf# head\r\n"
			    "xdp=native ; in the driver\n"
			    "\tconns =  2048\n"
			    "metrics = 127.0.0.1:9090\n"
			    "[defaults] # of all\n"
			    "quiet = 7\r\n"
			    "half-open = 9\n"
			    "deny = 192.0.2.0/24, 2001:db8::/32\n"
			    "[defaults:ssh]\n"
			    "mode = off\n"
			    "[eth0.100] ; a VLAN\n"
			    "[eth0]\n"
			    "quiet = 8\n"
			    "allow = 192.0.2.7 ; one of them\n"
			    "allow = ::1\n"
			    "source-conns = off\n"
			    "[eth0:https]\n"
			    "mode = always\n"
			    "source-conns = off\n"
			    "[eth0:22]\n"
			    "mode = inherit\n"
			    "[eth0.100:80]\n"
			    "syn-rate = 0\n"
			    "[eth1]";

static void rows_values(const struct config *c)
{
	struct option_list over = {0};
	struct config_want want;

	options_parse(&over, "half-open=5");
	options_parse(&over, "https:mode=observe");
	config_want(c, "eth0", &over, &want);
	ok(setting_of(&want, "quiet", 0) == 8, "an interface's own setting goes over the default");
	ok(setting_of(&want, "half-open", 0) == 5, "a word of the command line goes over both");
	ok(setting_of(&want, "epoch", 0) == 64, "what is not named is as by default");
	ok(setting_of(&want, "mode", 443) == SYNSHIELD_MODE_OBSERVE &&
		   setting_of(&want, "source-conns", 443) == SYNSHIELD_NO_LIMIT,
	   "a port's settings, by its service's name; the command line's go over them");
	ok(setting_of(&want, "mode", 22) == SYNSHIELD_MODE_INHERIT,
	   "inherit takes a default of the port back");
	ok(want.lists && want.wishes[SYNSHIELD_LIST_ALLOW].count == 2 &&
		   want.wishes[SYNSHIELD_LIST_DENY].count == 2,
	   "its prefixes, and those of all");
	config_want_free(&want);
	options_free(&over);
	config_want(c, "eth1", &over, &want);
	ok(setting_of(&want, "quiet", 0) == 7 &&
		   setting_of(&want, "mode", 22) == SYNSHIELD_MODE_OFF && want.lists &&
		   !want.wishes[SYNSHIELD_LIST_ALLOW].count &&
		   want.wishes[SYNSHIELD_LIST_DENY].count == 2,
	   "a section that is empty has the defaults, without a newline at the end, too");
	config_want_free(&want);
}

static void rows_whole(void)
{
	char **names;
	struct config c;
	size_t count;

	if (!ok(!parse(&c, whole, sizeof(whole) - 1) && !said[0],
		"BOM, CRLF, comments, blanks: understood"))
		note("%s", said);
	ok(c.head_count == 3 && c.head[0].arg == &head[0] && !strcmp(c.head[0].text, "native") &&
		   !strcmp(c.head[1].text, "2048") && !strcmp(c.head[2].text, "127.0.0.1:9090"),
	   "three switches, without their comments");
	ok(!xdp && !conns && !metrics, "which are not taken before all is known to be right");
	config_interfaces(&c, &names, &count);
	ok(count == 3 && !strcmp(names[0], "eth0.100") && !strcmp(names[1], "eth0") &&
		   !strcmp(names[2], "eth1"),
	   "three interfaces, a VLAN's with its dot, in the file's order");
	free(names);
	rows_values(&c);
	config_free(&c);
}

static void row_longest_line(void)
{
	char text[CONFIG_LINE + 64];
	struct config c;

	memset(text, ' ', sizeof(text));
	memcpy(text, "[a]\nquiet =", 11);
	memcpy(text + 4 + CONFIG_LINE - 2, "77\n", 3);
	ok(!parse(&c, text, 4 + CONFIG_LINE + 1) && c.sections[0].options.values[0].value == 77,
	   "a line of %d bytes is read to its end", CONFIG_LINE);
	config_free(&c);
}

/* A list is emptied by naming nothing; a file that names no list leaves both alone. */
static void row_no_prefix(void)
{
	struct config c;

	ok(!parse(&c, "[a]\ndeny =\n[b]\n", 15) && c.sections[0].lists && !c.sections[1].lists,
	   "'deny =' says that there are none");
	config_free(&c);
}

/* Each option, at values that a generator picks, is read as it is written. */
static void row_random(void)
{
	struct synshield_settings want, got;
	char text[8192];
	unsigned int seed, same = 0;

	for (seed = 0; seed < 200; seed++) {
		size_t used = sprintf(text, "[a]\n"), i;
		struct config c;

		srand(seed);
		options_defaults(&want);
		got = want;
		for (i = 0; i < options_count; i++) {
			const struct option_desc *d = &options[i];
			__u32 value = d->min + rand() % (d->max - d->min + 1);
			const char *word = options_word(d, value, false);

			*(__u32 *)((char *)&want + d->settings_at) = value;
			if (word)
				used += sprintf(text + used, "%s = %s\n", d->name, word);
			else
				used += sprintf(text + used, "%s = %u\n", d->name, value);
		}
		if (!parse(&c, text, used))
			options_apply_settings(&c.sections[0].options, &got);
		same += !memcmp(&want, &got, sizeof(got));
		config_free(&c);
	}
	ok(same == 200, "200 files with every setting: the maps would hold the same");
}

/* -- files -- */

static char dir[] = "/tmp/synshield-config.XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	out = fopen(path, "w");
	if (!out || fputs(text, out) < 0 || fclose(out))
		bail_out("cannot write %s", path);
}

/* What is said has the directory's name cut out. */
static int load(struct config *c, const char *name, const char *text)
{
	char path[128], *at;
	size_t len = strlen(dir) + 1;
	int err;

	if (text)
		write_file(name, text);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	said[0] = 0;
	err = config_load(c, path, head);
	snprintf(path, sizeof(path), "%s/", dir);
	while ((at = strstr(said, path)))
		memmove(at, at + len, strlen(at + len) + 1);
	return err;
}

static void row_load(const char *name, const char *text, int wanted, const char *words)
{
	struct config c;
	int err = load(&c, "f", text);

	if (!ok(err == wanted && !strcmp(said, words), "file: %s", name))
		note("returned %d, said: %s", err, said);
	config_free(&c);
}

static void rows_files(void)
{
	struct config c;
	char pipe[128];

	if (!mkdtemp(dir))
		bail_out("cannot make %s", dir);
	write_file("list", "# feed\n192.0.2.0/24\n\n2001:db8::/32\n");
	write_file("bad", "192.0.2.0/24\nnonsense\n");
	write_file("empty", "# nothing\n");
	row_load("prefixes from a file beside it", "[a]\ndeny-file = list\n", 0, "");
	row_load("a file that is not there", "[a]\nquiet = 0\ndeny-file = none\n", -EINVAL,
		 "f:2: quiet is a whole number from 1 to 3600 (s), not '0'\n"
		 "f:3: deny-file: none cannot be read: No such file or directory\n");
	row_load("a file with a wrong line", "[a]\ndeny-file = bad\n", -EINVAL,
		 "bad:2: 'nonsense': is no IPv4 or IPv6 address, nor ADDRESS/LENGTH; names are not "
		 "looked up\nf:2: deny-file: bad is wrong, as said above: mend it\n");
	row_load("a file without a prefix is allowed, and said", "[a]\ndeny-file = empty\n", 0,
		 "f:2: warning: deny-file: no prefix in empty\n");
	row_load("a directory for a file", "[a]\nallow-file = .\n", -EINVAL,
		 "f:2: allow-file: . cannot be read: it is a directory\n");
	row_load("denied and allowed",
		 "[a]\nallow = 192.0.2.9\ndeny = 198.51.100.1\ndeny = 192.0.2.9/32\n", -EINVAL,
		 "f:4: a: 192.0.2.9/32 is denied here, and allowed in line 2 of f: take one out\n");
	row_load("denied for all, and allowed by a file",
		 "[defaults]\ndeny = 192.0.2.0/24\n[a]\nallow-file = list\n[b]\n", -EINVAL,
		 "f:2: a: 192.0.2.0/24 is denied here, and allowed in line 2 of list: take one "
		 "out\n");
	row_load("denied by a file, and allowed", "[a]\ndeny-file = list\nallow = 2001:db8::/32\n",
		 -EINVAL,
		 "f: list:4: a: 2001:db8::/32 is denied here, and allowed in line 3 of f: take one "
		 "out\n");
	row_load("no interface", "solo = on\n[defaults]\nmode = off\n", -EINVAL,
		 "f: names no interface: write a section [IFACE] for each\n");
	row_load("nothing at all", "", -EINVAL,
		 "f: names no interface: write a section [IFACE] for each\n");
	ok(load(&c, "none", NULL) == -EINVAL &&
		   !strcmp(said, "none: cannot be read: No such file or directory\n"),
	   "file: one that is not there");
	config_free(&c);
	ok(load(&c, ".", NULL) == -EINVAL &&
		   !strcmp(said, ".: cannot be read: it is a directory\n"),
	   "file: a directory");
	config_free(&c);
	snprintf(pipe, sizeof(pipe), "%s/pipe", dir);
	ok(!mkfifo(pipe, 0600) && load(&c, "pipe", NULL) == -EINVAL &&
		   !strcmp(said, "pipe: cannot be read: it is no regular file\n"),
	   "file: a pipe, which nobody writes, is not waited for");
	config_free(&c);
}

static void row_huge(void)
{
	char path[128];
	struct config c;

	snprintf(path, sizeof(path), "%s/huge", dir);
	write_file("huge", "");
	ok(!truncate(path, 1L << 40) && load(&c, "huge", NULL) == -EINVAL &&
		   strstr(said, "huge: has more than 1048576 bytes: write long lists into files"),
	   "file: one of a terabyte is not read to its end");
	config_free(&c);
}

static void clean_up(void)
{
	static const char *const names[] = {"f", "list", "bad", "empty", "pipe", "huge"};
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

/* -- slips of the finger -- */

static void rows_near(void)
{
	static const char *const names[] = {"mode", "quiet", "epoch", "syn-rate"};
	static const struct {
		const char *word, *name;
	} rows[] = {
		{"mdoe", "mode"},
		{"mod", "mode"},
		{"moode", "mode"},
		{"node", "mode"},
		{"syn_rate", "syn-rate"},
		{"quite", "quiet"},
		{"synrat", "syn-rate"},
		{"speed", NULL},
		{"x", NULL},
		{"", NULL},
		{X1000, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *name = near_name(rows[i].word, names, 4);

		ok(rows[i].name ? name && !strcmp(name, rows[i].name) : !name, "'%.20s' %s %s",
		   rows[i].word, rows[i].name ? "is near" : "is near nothing",
		   rows[i].name ? rows[i].name : "");
	}
}

int main(void)
{
	for (size_t i = 0; i < sizeof(wrong_rows) / sizeof(*wrong_rows); i++)
		row_wrong(&wrong_rows[i]);
	row_zero_byte();
	row_many_errors();
	rows_whole();
	row_longest_line();
	row_no_prefix();
	row_random();
	rows_files();
	row_huge();
	clean_up();
	rows_near();
	return tap_done();
}
