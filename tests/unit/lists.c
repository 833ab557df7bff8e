/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/cidr.c, user/listfile.c, user/lists.c: prefixes, files of them, and changes of the lists. */
#include "lists.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cidr.h"
#include "listed.h"
#include "listfile.h"
#include "log_stub.h"
#include "synshield/listed.h"
#include "tap.h"

#define ALLOW SYNSHIELD_LIST_ALLOW
#define DENY SYNSHIELD_LIST_DENY
#define NONE SYNSHIELD_LIST_NONE

/* What would have been said; one line each. */
static char said[8192];
static int lines;

static void say(const char *fmt, va_list args)
{
	size_t used = strlen(said);

	vsnprintf(said + used, sizeof(said) - used, fmt, args);
	used = strlen(said);
	snprintf(said + used, sizeof(said) - used, "\n");
	lines++;
}

static void forget(void)
{
	said[0] = 0;
	lines = 0;
}

/* -- one prefix -- */

struct text_row {
	const char *text, *canonical; /* NULL: refused */
	const char *why;	      /* is part of the reason */
};

static const struct text_row text_rows[] = {
	{"192.0.2.1", "192.0.2.1/32", NULL},
	{"192.0.2.1/32", "192.0.2.1/32", NULL},
	{"192.0.2.0/24", "192.0.2.0/24", NULL},
	{"0.0.0.0/0", "0.0.0.0/0", NULL},
	{"128.0.0.0/1", "128.0.0.0/1", NULL},
	{"255.255.255.254/31", "255.255.255.254/31", NULL},
	{"::", "::/128", NULL},
	{"::/0", "::/0", NULL},
	{"2001:DB8::1", "2001:db8::1/128", NULL},
	{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1/128", NULL},
	{"2001:0db8:0000::/32", "2001:db8::/32", NULL},
	{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1/128", NULL},
	{"fe80::/10", "fe80::/10", NULL},
	{"8000::/1", "8000::/1", NULL},
	{"::1:0:0:0/80", "::1:0:0:0/80", NULL},
	{"::ffff:192.0.2.1", "192.0.2.1/32", NULL},
	{"::ffff:c000:201/128", "192.0.2.1/32", NULL},
	{"::ffff:192.0.2.0/120", "192.0.2.0/24", NULL},
	{"::ffff:0:0/96", "0.0.0.0/0", NULL},
	{"::fffe:0:0/95", "::fffe:0:0/95", NULL},
	{"::ffff:192.0.2.0/24", NULL, "96 to 128 long"},
	{"::ffff:0:0/95", NULL, "96 to 128 long"},
	{"192.0.2.1/24", NULL, "write 192.0.2.0/24, or 192.0.2.1/32 for that address"},
	{"192.0.2.1/0", NULL, "write 0.0.0.0/0, or 192.0.2.1/32"},
	{"192.0.2.1/31", NULL, "write 192.0.2.0/31,"},
	{"::ffff:192.0.2.1/120", NULL, "write 192.0.2.0/24,"},
	{"2001:db8::1/64", NULL, "write 2001:db8::/64, or 2001:db8::1/128"},
	{"2001:db8:8000::/32", NULL, "write 2001:db8::/32,"},
	{"::1/127", NULL, "write ::/127,"},
	{"192.0.2.0/33", NULL, "IPv4 prefix is 0 to 32"},
	{"192.0.2.0/128", NULL, "IPv4 prefix is 0 to 32"},
	{"::/129", NULL, "IPv6 prefix is 0 to 128"},
	{"::/999999999999", NULL, "IPv6 prefix is 0 to 128"},
	{"192.0.2.0/4294967320", NULL, "0 to 32"},
	{"192.0.2.0/", NULL, "0 to 32"},
	{"192.0.2.0/024", NULL, "0 to 32"},
	{"192.0.2.0/+24", NULL, "0 to 32"},
	{"192.0.2.0/-1", NULL, "0 to 32"},
	{"192.0.2.0/ 24", NULL, "0 to 32"},
	{"192.0.2.0/24 ", NULL, "0 to 32"},
	{"192.0.2.0/24/24", NULL, "0 to 32"},
	{"192.0.2.0/0x18", NULL, "0 to 32"},
	{"192.0.2.0/255.255.255.0", NULL, "0 to 32"},
	{"", NULL, "is no IPv4 or IPv6 address"},
	{"/", NULL, "is no IPv4 or IPv6 address"},
	{"/24", NULL, "is no IPv4 or IPv6 address"},
	{" 192.0.2.0/24", NULL, "is no IPv4 or IPv6 address"},
	{"192.0.2", NULL, "is no IPv4 or IPv6 address"},
	{"192.0.2/24", NULL, "is no IPv4 or IPv6 address"},
	{"192.0.2.256", NULL, "is no IPv4 or IPv6 address"},
	{"192.0.02.1", NULL, "is no IPv4 or IPv6 address"},
	{"192.0.2.1.1", NULL, "is no IPv4 or IPv6 address"},
	{"3221225985", NULL, "is no IPv4 or IPv6 address"},
	{"2001:db8::1::1", NULL, "is no IPv4 or IPv6 address"},
	{"2001:db8:1", NULL, "is no IPv4 or IPv6 address"},
	{"[2001:db8::1]", NULL, "is no IPv4 or IPv6 address"},
	{"fe80::1%lo", NULL, "is no IPv4 or IPv6 address"},
	{"localhost", NULL, "names are not looked up"},
	{"1111:2222:3333:4444:5555:6666:7777:8888:9999:1111/24", NULL, "is no IPv4 or IPv6"},
};

static void row_text(const struct text_row *r)
{
	struct synshield_list_key key;
	char why[CIDR_WHY] = "", text[CIDR_TEXT];
	int err = cidr_parse(r->text, &key, why);

	if (r->canonical)
		ok(!err && !strcmp(cidr_text(text, &key), r->canonical), "'%s' is %s", r->text,
		   r->canonical);
	else if (!ok(err == -EINVAL && strstr(why, r->why), "'%s' is refused: %s", r->text, r->why))
		note("said: %s", why);
}

static __u64 random_state = 0x9e3779b97f4a7c15;

static __u32 random_u32(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state >> 16;
}

static bool bit(const __u8 *addr, unsigned int n)
{
	return addr[n / 8] >> (7 - n % 8) & 1;
}

static void set_bit(__u8 *addr, unsigned int n, bool value)
{
	addr[n / 8] = (addr[n / 8] & ~(0x80 >> n % 8)) | (value ? 0x80 >> n % 8 : 0);
}

static bool is_mapped(const __u8 addr[16])
{
	struct in6_addr in6;

	memcpy(&in6, addr, sizeof(in6));
	return IN6_IS_ADDR_V4MAPPED(&in6);
}

/* What the text says, found out by inet_pton() and atoi() alone. */
static bool reads_back(const char *text, int family, const __u8 *addr, unsigned int len)
{
	char copy[CIDR_TEXT], *slash;
	__u8 back[16];

	snprintf(copy, sizeof(copy), "%s", text);
	slash = strchr(copy, '/');
	if (!slash)
		return false;
	*slash++ = 0;
	return inet_pton(family, copy, back) == 1 &&
	       !memcmp(back, addr, family == AF_INET ? 4 : 16) && atoi(slash) == (int)len;
}

/* One random prefix: its text is understood, and comes back; one bit too many is refused. */
static bool round_trip(int family)
{
	unsigned int size = family == AF_INET ? 4 : 16, len = random_u32() % (8 * size + 1), i;
	char text[CIDR_TEXT], address[INET6_ADDRSTRLEN], why[CIDR_WHY], back[CIDR_TEXT];
	struct synshield_list_key key;
	__u8 addr[16] = {0};

	for (i = 0; i < len; i++)
		set_bit(addr, i, random_u32() & (i % 16 < 8 ? 1 : 3) ? 0 : 1);
	if (family == AF_INET6 && is_mapped(addr))
		return true;
	inet_ntop(family, addr, address, sizeof(address));
	snprintf(text, sizeof(text), "%s/%u", address, len);
	if (cidr_parse(text, &key, why) || key.prefixlen != len + (family == AF_INET ? 96 : 0) ||
	    memcmp(key.addr + (family == AF_INET ? 12 : 0), addr, size) ||
	    cidr_is_ipv4(&key) != (family == AF_INET) ||
	    !reads_back(cidr_text(back, &key), family, addr, len))
		return false;
	if (len == 8 * size)
		return true;
	set_bit(addr, len + random_u32() % (8 * size - len), true);
	if (family == AF_INET6 && is_mapped(addr))
		return true;
	inet_ntop(family, addr, address, sizeof(address));
	snprintf(back, sizeof(back), "%s/%u", address, len);
	return cidr_parse(back, &key, why) && strstr(why, text);
}

static void rows_random_text(void)
{
	int i, good4 = 0, good6 = 0;

	for (i = 0; i < 20000; i++) {
		good4 += round_trip(AF_INET);
		good6 += round_trip(AF_INET6);
	}
	ok(good4 == i, "%d random IPv4 prefixes come back; with a host bit, that one is named", i);
	ok(good6 == i, "%d random IPv6 prefixes come back; with a host bit, that one is named", i);
}

/* -- files -- */

static int read_text(struct list_wishes *wishes, const void *text, size_t len)
{
	char path[] = "/tmp/synshield-lists.XXXXXX";
	int fd = mkstemp(path), err;

	if (fd < 0 || write(fd, text, len) != (ssize_t)len)
		bail_out("cannot write %s", path);
	close(fd);
	memset(wishes, 0, sizeof(*wishes));
	forget();
	err = listfile_read(wishes, path);
	unlink(path);
	return err;
}

static bool wish_is(const struct list_wishes *w, size_t i, const char *text, unsigned int line)
{
	char got[CIDR_TEXT];

	return i < w->count && !strcmp(cidr_text(got, &w->rows[i].key), text) &&
	       w->rows[i].line == line;
}

static void rows_good_file(void)
{
	static const char text[] = "# a feed\r\n"
				   "\r\n"
				   "192.0.2.0/24\r\n"
				   "  2001:db8::/32\t # theirs\n"
				   "\n"
				   "198.51.100.7;SBL1\n"
				   ";192.0.2.9\n"
				   "192.0.2.0/24\n"
				   "10.0.0.0/8";
	struct list_wishes w;

	ok(!read_text(&w, text, sizeof(text) - 1) && !lines, "a good file is read silently");
	ok(w.count == 5 && wish_is(&w, 0, "192.0.2.0/24", 3) &&
		   wish_is(&w, 1, "2001:db8::/32", 4) && wish_is(&w, 2, "198.51.100.7/32", 6) &&
		   wish_is(&w, 4, "10.0.0.0/8", 9),
	   "CRLF, blanks, comments, no newline at the end: all prefixes, each with its line");
	list_wishes_settle(&w);
	ok(w.count == 4 && wish_is(&w, 0, "10.0.0.0/8", 9) && wish_is(&w, 1, "192.0.2.0/24", 3) &&
		   wish_is(&w, 2, "198.51.100.7/32", 6) && wish_is(&w, 3, "2001:db8::/32", 4),
	   "settled: sorted, IPv4 first, what comes twice counts once, at its first line");
	list_wishes_free(&w);
	ok(!read_text(&w, "", 0) && !w.count && !lines, "an empty file is no error here");
	list_wishes_free(&w);
}

static void rows_wrong_file(void)
{
	static const char text[] = "192.0.2.0/24\n"
				   "192.0.2.1/24\n"
				   "# fine\n"
				   "ten.example\n"
				   "10.0.0.0/8 11.0.0.0/8\n"
				   "\x1b[31m\n";
	struct list_wishes w;

	ok(read_text(&w, text, sizeof(text) - 1) == -EINVAL && lines == 4,
	   "each of four wrong lines is said");
	ok(strstr(said, ":2: '192.0.2.1/24': has bits set beyond its length: write 192.0.2.0/24") &&
		   strstr(said, ":4: 'ten.example': is no IPv4") &&
		   strstr(said, ":5: '10.0.0.0/8 11.0.0.0/8'"),
	   "each with its number, and why");
	ok(strstr(said, ":6: '?[31m'"), "control characters do not reach the terminal");
	list_wishes_free(&w);
}

static void rows_odd_files(void)
{
	struct list_wishes w;
	char text[2000];
	size_t used = 0;
	int i;

	for (i = 0; i < 30; i++)
		used += snprintf(text + used, sizeof(text) - used, "wrong%d\n", i);
	ok(read_text(&w, text, used) == -EINVAL && lines == LISTFILE_ERRORS + 1 &&
		   strstr(said, "wrong19") && !strstr(said, "wrong20") &&
		   strstr(said, "30 wrong lines, the first 20"),
	   "of 30 wrong lines 20 are said, and how many there are");
	list_wishes_free(&w);
	ok(read_text(&w, "10.0.0.0/8\0/9\n", 14) == -EINVAL && !w.count &&
		   strstr(said, ":1: '10.0.0.0/8': a zero byte"),
	   "a zero byte does not hide the rest of its line");
	list_wishes_free(&w);
	memset(text, '1', sizeof(text));
	memcpy(text + 1000, "\n10.0.0.0/8\n", 12);
	ok(read_text(&w, text, 1012) == -EINVAL && lines == 1 && strstr(said, ":1: '111") &&
		   strstr(said, "too long") && wish_is(&w, 0, "10.0.0.0/8", 2),
	   "a line that is too long is one wrong line");
	list_wishes_free(&w);
	memcpy(text, "10.0.0.0/9 #", 12);
	ok(!read_text(&w, text, 1012) && !lines && w.count == 2 && wish_is(&w, 0, "10.0.0.0/9", 1),
	   "unless what is long is its comment");
	list_wishes_free(&w);
	forget();
	ok(listfile_read(&w, "/nonexistent/list") == -ENOENT && strstr(said, "/nonexistent/list"),
	   "a missing file is named");
	forget();
	ok(listfile_read(&w, "/") == -EISDIR && lines == 1, "a directory is no file");
}

static void rows_words(void)
{
	char good[] = "10.0.0.0/8", wrong[] = "10.0.0.1/8", iface[] = "lo",
	     *words[] = {good, wrong, iface};
	struct list_wishes w = {0};

	forget();
	ok(listfile_words(&w, 3, words) == -EINVAL && lines == 2 &&
		   strstr(said, "'10.0.0.1/8': has bits set") && strstr(said, "--iface lo"),
	   "each wrong word is said; an interface's name gets a hint");
	list_wishes_free(&w);
	forget();
	ok(!listfile_words(&w, 1, words) && wish_is(&w, 0, "10.0.0.0/8", 0) && !lines,
	   "a good word is taken");
	list_wishes_free(&w);
}

/* -- lists -- */

/* "192.0.2.0/24=allow ..." */
static void make(struct lists *lists, const char *text)
{
	struct synshield_list_key keys[64];
	__u32 values[64];
	char copy[1024], why[CIDR_WHY], *word, *save, *is;
	size_t n = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		is = strchr(word, '=');
		*is++ = 0;
		values[n] = *is == 'a' ? ALLOW : *is == 'd' ? DENY : NONE;
		if (cidr_parse(word, &keys[n++], why))
			bail_out("%s %s", word, why);
	}
	if (lists_from_map(lists, keys, values, n))
		bail_out("no memory");
}

static const char *shown(const struct lists *lists)
{
	static char text[1024];
	static const char *const names[] = {[NONE] = "none", [ALLOW] = "allow", [DENY] = "deny"};
	char cidr[CIDR_TEXT];
	size_t i, used = 0;

	text[0] = 0;
	for (i = 0; i < lists->count; i++)
		used += snprintf(text + used, sizeof(text) - used, "%s%s=%s", i ? " " : "",
				 cidr_text(cidr, &lists->rows[i].key), names[lists->rows[i].list]);
	return text;
}

static void wish_for(struct list_wishes *w, const char *text)
{
	char copy[1024], why[CIDR_WHY], *word, *save;
	struct synshield_list_key key;

	memset(w, 0, sizeof(*w));
	snprintf(copy, sizeof(copy), "%s", text);
	for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (cidr_parse(word, &key, why) || list_wishes_add(w, &key, 0))
			bail_out("%s %s", word, why);
	}
	list_wishes_settle(w);
}

struct plan_row {
	const char *name;
	const char *before;
	enum list_verb verb;
	enum synshield_list list;
	const char *wishes, *after;
	size_t added, removed, kept, puts, drops;
};

static const struct plan_row plan_rows[] = {
	{"add to nothing", "", LIST_ADD, DENY, "10.0.0.0/8 2001:db8::/32",
	 "10.0.0.0/8=deny 2001:db8::/32=deny", 2, 0, 0, 2, 0},
	{"add what is there", "10.0.0.0/8=deny", LIST_ADD, DENY, "10.0.0.0/8", "10.0.0.0/8=deny", 0,
	 0, 1, 0, 0},
	{"add an exception within", "10.0.0.0/8=deny", LIST_ADD, ALLOW, "10.0.0.0/9 10.1.0.0/16",
	 "10.0.0.0/8=deny 10.0.0.0/9=allow 10.1.0.0/16=allow", 2, 0, 0, 2, 0},
	{"add what the other list has", "10.0.0.0/8=deny", LIST_ADD, ALLOW, "10.0.0.0/8",
	 "10.0.0.0/8=deny", 0, 0, 0, 0, 0},
	{"del", "10.0.0.0/8=deny 10.0.0.0/9=deny", LIST_DEL, DENY, "10.0.0.0/8", "10.0.0.0/9=deny",
	 0, 1, 0, 0, 1},
	{"del what is not there", "10.0.0.0/8=deny", LIST_DEL, DENY, "10.0.0.0/9",
	 "10.0.0.0/8=deny", 0, 0, 0, 0, 0},
	{"del from the wrong list", "10.0.0.0/8=deny", LIST_DEL, ALLOW, "10.0.0.0/8",
	 "10.0.0.0/8=deny", 0, 0, 0, 0, 0},
	{"replace leaves the other list",
	 "10.0.0.0/8=deny 11.0.0.0/8=allow 12.0.0.0/8=deny 2001:db8::/32=deny", LIST_REPLACE, DENY,
	 "12.0.0.0/8 13.0.0.0/8", "11.0.0.0/8=allow 12.0.0.0/8=deny 13.0.0.0/8=deny", 1, 2, 1, 1,
	 2},
	{"::/0 is IPv6 only: a guard is put in front of IPv4", "10.0.0.0/8=allow", LIST_ADD, DENY,
	 "::/0", "0.0.0.0/0=none 10.0.0.0/8=allow ::/0=deny", 1, 0, 0, 2, 0},
	{"so with ::/64 and ::fffe:0:0/95", "", LIST_ADD, DENY, "::/64 ::fffe:0:0/95",
	 "0.0.0.0/0=none ::/64=deny ::fffe:0:0/95=deny", 2, 0, 0, 3, 0},
	{"not with ::1 or 2000::/3", "", LIST_ADD, DENY, "::1 2000::/3",
	 "::1/128=deny 2000::/3=deny", 2, 0, 0, 2, 0},
	{"nor with 0.0.0.0/0 on a list", "0.0.0.0/0=deny", LIST_ADD, DENY, "::/0",
	 "0.0.0.0/0=deny ::/0=deny", 1, 0, 0, 1, 0},
	{"0.0.0.0/0 takes the guard's place", "0.0.0.0/0=none ::/0=deny", LIST_ADD, ALLOW,
	 "0.0.0.0/0", "0.0.0.0/0=allow ::/0=deny", 1, 0, 0, 1, 0},
	{"and leaves it again", "0.0.0.0/0=allow ::/0=deny", LIST_DEL, ALLOW, "0.0.0.0/0",
	 "0.0.0.0/0=none ::/0=deny", 0, 1, 0, 1, 0},
	{"the guard goes with what it was there for", "0.0.0.0/0=none ::/0=deny 2000::/3=deny",
	 LIST_DEL, DENY, "::/0", "2000::/3=deny", 0, 1, 0, 0, 2},
	{"the guard is on no list", "0.0.0.0/0=none ::/0=deny", LIST_DEL, DENY, "0.0.0.0/0",
	 "0.0.0.0/0=none ::/0=deny", 0, 0, 0, 0, 0},
};

static void row_plan(const struct plan_row *r)
{
	struct lists before, after = {0};
	struct list_wishes wishes;
	struct list_tally tally = {0};
	struct list_diff diff;

	make(&before, r->before);
	wish_for(&wishes, r->wishes);
	if (lists_plan(&before, r->verb, r->list, &wishes, &after, &tally) ||
	    lists_diff(&before, &after, &diff))
		bail_out("no memory");
	if (!ok(!strcmp(shown(&after), r->after) && tally.added == r->added &&
			tally.removed == r->removed && tally.kept == r->kept &&
			tally.total == lists_count(&after, r->list) && diff.puts == r->puts &&
			diff.drops == r->drops,
		"%s", r->name))
		note("%s: %zu added, %zu removed, %zu kept, %zu puts, %zu drops", shown(&after),
		     tally.added, tally.removed, tally.kept, diff.puts, diff.drops);
	lists_free(&before);
	lists_free(&after);
	list_wishes_free(&wishes);
	list_diff_free(&diff);
}

static void rows_wish_found(void)
{
	struct lists before, after = {0};
	struct list_wishes w;
	struct list_tally tally = {0};

	make(&before, "10.0.0.0/8=deny 11.0.0.0/8=allow");
	wish_for(&w, "10.0.0.0/8 11.0.0.0/8 12.0.0.0/8");
	if (lists_plan(&before, LIST_DEL, DENY, &w, &after, &tally))
		bail_out("no memory");
	ok(w.rows[0].found == 1 && !w.rows[0].opposite && !w.rows[1].found &&
		   w.rows[1].opposite == 1 && !w.rows[2].found && !w.rows[2].opposite,
	   "each wish knows whether its prefix is on the list, on the other, on none");
	lists_free(&before);
	lists_free(&after);
	list_wishes_free(&w);
}

/* -- the longest prefix, as the kernel's trie finds it -- */

/* All rows looked at, bit by bit: no family, no order. */
static __u32 trie_says(const struct lists *lists, const __u8 addr[16])
{
	const struct list_row *best = NULL;
	unsigned int n;
	size_t i;

	for (i = 0; i < lists->count; i++) {
		const struct list_row *row = &lists->rows[i];

		for (n = 0; n < row->key.prefixlen && bit(row->key.addr, n) == bit(addr, n); n++)
			;
		if (n == row->key.prefixlen && (!best || best->key.prefixlen < n))
			best = row;
	}
	return best ? best->list : NONE;
}

/* Few different bits, so that prefixes lie in each other. */
static void random_key(struct synshield_list_key *key, bool whole)
{
	bool ipv4 = random_u32() & 1;
	unsigned int first = ipv4 ? 96 : 0, size = ipv4 ? 32 : 128, n;

	memset(key, 0, sizeof(*key));
	key->prefixlen = first + (whole ? size : random_u32() % (size + 1));
	if (ipv4)
		key->addr[10] = key->addr[11] = 0xff;
	for (n = first; n < key->prefixlen; n++)
		set_bit(key->addr, n, random_u32() % 5 == 0 && n % 32 < 5);
}

static void random_lists(struct lists *after)
{
	struct lists before = {0};
	struct list_wishes w = {0};
	struct list_tally tally = {0};
	int i, n = random_u32() % 60;
	enum synshield_list list;

	make(after, "");
	for (list = ALLOW; list <= DENY; list++) {
		for (i = 0; i < n; i++) {
			struct synshield_list_key key;

			random_key(&key, false);
			if (list_wishes_add(&w, &key, i))
				bail_out("no memory");
		}
		list_wishes_settle(&w);
		before = *after;
		if (lists_plan(&before, LIST_ADD, list, &w, after, &tally))
			bail_out("no memory");
		lists_free(&before);
		list_wishes_free(&w);
	}
}

static void rows_find(void)
{
	int i, j, asked = 0, right = 0, denied = 0, allowed = 0;

	for (i = 0; i < 400; i++) {
		struct lists lists;

		random_lists(&lists);
		for (j = 0; j < 200; j++) {
			const struct list_row *row;
			struct synshield_list_key key;
			__u32 wanted;

			random_key(&key, true);
			wanted = trie_says(&lists, key.addr);
			row = lists_find(&lists, key.addr);
			right += (row ? row->list : NONE) == wanted &&
				 lists_deny(&lists, key.addr) == (wanted == DENY);
			asked++;
			denied += wanted == DENY;
			allowed += wanted == ALLOW;
		}
		lists_free(&lists);
	}
	ok(right == asked, "%d addresses in 400 random lists: what is found is what a trie finds",
	   asked);
	ok(denied > asked / 10 && allowed > asked / 10, "of these %d are denied, %d allowed",
	   denied, allowed);
}

/* A map that a change is written to holds what was planned. */
static void rows_diff(void)
{
	int i, right = 0;

	for (i = 0; i < 400; i++) {
		struct lists before, after, got;
		struct synshield_list_key keys[400];
		__u32 values[400];
		struct list_diff diff;
		size_t n = 0, k, d;

		random_lists(&before);
		random_lists(&after);
		if (lists_diff(&before, &after, &diff))
			bail_out("no memory");
		for (k = 0; k < before.count; k++) {
			for (d = 0; d < diff.drops; d++) {
				if (!cidr_compare(&diff.drop[d], &before.rows[k].key))
					break;
			}
			if (d < diff.drops)
				continue;
			for (d = 0; d < diff.puts; d++) {
				if (!lists_compare(&diff.put[d], &before.rows[k]))
					break;
			}
			if (d < diff.puts)
				continue;
			keys[n] = before.rows[k].key;
			values[n++] = before.rows[k].list;
		}
		for (d = 0; d < diff.puts; d++) {
			keys[n] = diff.put[d].key;
			values[n++] = diff.put[d].list;
		}
		if (lists_from_map(&got, keys, values, n))
			bail_out("no memory");
		for (k = 0; k < n && n == after.count; k++) {
			if (lists_compare(&got.rows[k], &after.rows[k]) ||
			    got.rows[k].list != after.rows[k].list)
				break;
		}
		right += n == after.count && k == n;
		lists_free(&before);
		lists_free(&after);
		lists_free(&got);
		list_diff_free(&diff);
	}
	ok(right == i, "%d random changes, written, make one content of the map the other", i);
}

/* Never called: rows_bits() has no map. */
int maps_get(const struct maps *maps, enum map_id id, void *value)
{
	return -ENOSYS;
}

static bool bit_of(const __u64 *bits, __u32 n)
{
	return bits[n / 64] >> (n % 64) & 1;
}

static bool may_be_listed(const __u64 *bits, const __u8 addr[16], __u64 seed)
{
	if (is_mapped(addr))
		return bit_of(bits, synshield_listed_ipv4(addr));
	return bit_of(bits, synshield_listed_48(addr, seed)) ||
	       bit_of(bits, synshield_listed_16(addr));
}

static void random_address(__u8 addr[16], const struct lists *lists)
{
	const struct list_row *near = &lists->rows[random_u32() % lists->count];

	memcpy(addr, near->key.addr, 16);
	for (unsigned int i = is_mapped(addr) ? 12 : 0; i < 16; i++) {
		if (random_u32() % 4 == 0)
			addr[i] ^= 1 << random_u32() % 8;
	}
}

/* The bitmap over the lists hides nothing that is on them. */
static void rows_bits(void)
{
	const __u64 seed = 0x0123456789abcdef;
	unsigned int i, k, hidden = 0, found = 0, clear = 0;

	for (i = 0; i < 20; i++) {
		struct lists lists;
		__u64 *bits;

		random_lists(&lists);
		bits = listed_bits(&lists, seed);
		if (!bits)
			bail_out("no memory");
		for (k = 0; lists.count && k < 2000; k++) {
			const struct list_row *row;
			__u8 addr[16];

			random_address(addr, &lists);
			row = lists_find(&lists, addr);
			clear += !may_be_listed(bits, addr, seed);
			if (!row || row->list == NONE)
				continue;
			found++;
			hidden += !may_be_listed(bits, addr, seed);
		}
		free(bits);
		lists_free(&lists);
	}
	ok(found > 1000 && !hidden, "the bitmap has a bit for each of %u listed addresses", found);
	ok(clear > 1000, "and none for %u others", clear);
}

/* A single prefix sets the bits of its blocks, and no others. */
static void rows_bit_counts(void)
{
	static const struct {
		const char *prefix;
		unsigned int bits;
	} rows[] = {{"192.0.2.1/32", 1},   {"192.0.2.0/24", 1},	   {"192.0.0.0/23", 2},
		    {"10.0.0.0/8", 65536}, {"0.0.0.0/0", 1 << 24}, {"2001:db8::1/128", 1},
		    {"2001:db8::/48", 1},  {"2001:db8::/47", 1},   {"2000::/3", 8192},
		    {"::/0", 65536}};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct synshield_list_key key;
		__u32 deny = DENY, set = 0, n;
		char why[CIDR_WHY];
		struct lists lists;
		__u64 *bits;

		if (cidr_parse(rows[i].prefix, &key, why) ||
		    lists_from_map(&lists, &key, &deny, 1) || !(bits = listed_bits(&lists, 1)))
			bail_out("%s", rows[i].prefix);
		for (n = 0; n < SYNSHIELD_LISTED_WORDS; n++)
			set += __builtin_popcountll(bits[n]);
		ok(set == rows[i].bits, "%s sets %u bits", rows[i].prefix, rows[i].bits);
		free(bits);
		lists_free(&lists);
	}
}

int main(void)
{
	for (unsigned int i = 0; i < sizeof(text_rows) / sizeof(*text_rows); i++)
		row_text(&text_rows[i]);
	rows_random_text();
	rows_good_file();
	rows_wrong_file();
	rows_odd_files();
	rows_words();
	for (unsigned int i = 0; i < sizeof(plan_rows) / sizeof(*plan_rows); i++)
		row_plan(&plan_rows[i]);
	rows_wish_found();
	rows_find();
	rows_diff();
	rows_bits();
	rows_bit_counts();
	return tap_done();
}
