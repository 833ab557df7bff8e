/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "near.h"

#define AT_SETTINGS(field) offsetof(struct synshield_settings, field)
#define AT_POLICY(field) offsetof(struct synshield_policy, field)

#define NUMBER(name, min, max, def, unit, field)                                                   \
	name, OPTION_NUMBER, min, max, def, unit, NULL, AT_SETTINGS(field)
#define LIMIT(name, max, unit, field) name, OPTION_LIMIT, 1, max, 0, unit, NULL, AT_SETTINGS(field)
#define CHOICE(name, names, first, last, def, field)                                               \
	name, OPTION_CHOICE, first, last, def, "", names, AT_SETTINGS(field)
#define PER_PORT(field) AT_POLICY(field), true
#define INTERFACE_ONLY 0, false

static const char *const mode_names[SYNSHIELD_MODE_MAX] = {
	[SYNSHIELD_MODE_INHERIT] = "inherit", [SYNSHIELD_MODE_OFF] = "off",
	[SYNSHIELD_MODE_OBSERVE] = "observe", [SYNSHIELD_MODE_AUTO] = "auto",
	[SYNSHIELD_MODE_ALWAYS] = "always",
};

static const char *const reset_names[SYNSHIELD_RESET_MAX] = {
	[SYNSHIELD_RESET_INHERIT] = "inherit",
	[SYNSHIELD_RESET_REPLY] = "reply",
	[SYNSHIELD_RESET_DROP] = "drop",
	[SYNSHIELD_RESET_PASS] = "pass",
};

static const char *const switch_names[] = {"off", "on"};

const struct option_desc options[] = {
	{CHOICE("mode", mode_names, SYNSHIELD_MODE_OFF, SYNSHIELD_MODE_ALWAYS, SYNSHIELD_MODE_AUTO,
		mode),
	 PER_PORT(mode),
	 "off (pass everything), observe (only count), auto (cookies\n"
	 "while under attack), always (a cookie for every SYN)"},
	{CHOICE("counts", mode_names, SYNSHIELD_MODE_AUTO, SYNSHIELD_MODE_ALWAYS,
		SYNSHIELD_MODE_AUTO, counts),
	 INTERFACE_ONLY, "what observe counts: what auto, or always, would have done"},
	{NUMBER("syn-rate", 8, 100000000, 5000, "SYN/s", syn_rate), PER_PORT(syn_rate),
	 "SYNs per second to one listener that start an attack"},
	{NUMBER("half-open", 1, 16777216, 256, "requests", half_open), PER_PORT(half_open),
	 "half-open requests of one listener that start an attack"},
	{NUMBER("quiet", 1, 3600, 10, "s", quiet), INTERFACE_ONLY, "calm that ends an attack"},
	{NUMBER("epoch", 2, 3600, 64, "s", epoch), INTERFACE_ONLY,
	 "time that a cookie key is current; a cookie is valid for\n"
	 "this long at least, and twice this long at most"},
	{CHOICE("reset", reset_names, SYNSHIELD_RESET_REPLY, SYNSHIELD_RESET_PASS,
		SYNSHIELD_RESET_REPLY, reset),
	 PER_PORT(reset),
	 "what is refused gets: reply (a RST), drop (nothing),\n"
	 "pass (whatever the kernel answers)"},
	{NUMBER("reset-rate", 0, 10000000, 10000, "RST/s", reset_rate), INTERFACE_ONLY,
	 "RSTs per second at most; beyond it nothing is sent"},
	{NUMBER("reply-rate", 1, 10000000, 20000, "answers/s", reply_rate), INTERFACE_ONLY,
	 "SYN-ACKs and RSTs per second to one prefix (/24, /64)\n"
	 "that nobody there has followed up"},
	{LIMIT("source-conns", 16777216, "connections", source_conns), PER_PORT(source_conns),
	 "connections that one source may have to one port"},
	{LIMIT("source-rate", 1000000, "connections/s", source_rate), PER_PORT(source_rate),
	 "connections per second that one source may open to one port"},
	{NUMBER("source-prefix", 8, 32, 32, "bits", source_prefix), INTERFACE_ONLY,
	 "bits of an IPv4 address that make a source"},
	{NUMBER("source-prefix6", 16, 128, 64, "bits", source_prefix6), INTERFACE_ONLY,
	 "bits of an IPv6 address that make a source"},
	{NUMBER("msl", 1, 3600, 30, "s", msl), INTERFACE_ONLY,
	 "maximum segment lifetime: TIME_WAIT is shown for twice that;\n"
	 "30 is what Linux keeps to, RFC 9293 says 120"},
	{NUMBER("syn-sent-timeout", 1, 3600, 120, "s", syn_sent_timeout), INTERFACE_ONLY,
	 "a SYN that nobody answers: Linux repeats it for 127 s"},
	{NUMBER("syn-received-timeout", 1, 3600, 60, "s", syn_received_timeout), INTERFACE_ONLY,
	 "a handshake that is not completed: Linux repeats its\n"
	 "SYN-ACK for 63 s"},
	{NUMBER("established-timeout", 1, 1728000, 432000, "s", established_timeout),
	 INTERFACE_ONLY,
	 "an idle connection of which the kernel has no socket any\n"
	 "more; while it has one the connection stays"},
	{NUMBER("fin-wait-timeout", 1, 86400, 60, "s", fin_wait_timeout), INTERFACE_ONLY,
	 "an idle FIN_WAIT_2 that no application holds open: Linux\n"
	 "waits as long (tcp_fin_timeout) for the other end's FIN"},
	{NUMBER("close-wait-timeout", 1, 1728000, 86400, "s", close_wait_timeout), INTERFACE_ONLY,
	 "an idle CLOSE_WAIT: how long the application may take to\n"
	 "close is its own affair, so a day"},
	{NUMBER("last-ack-timeout", 1, 86400, 60, "s", last_ack_timeout), INTERFACE_ONLY,
	 "a FIN that is not acknowledged (FIN_WAIT_1, CLOSING,\n"
	 "LAST_ACK), since its last repetition: Linux's are 51 s\n"
	 "apart at most"},
	{LIMIT("keepalive", 1728000, "s", keepalive), INTERFACE_ONLY,
	 "idle time after which the other end of a connection is\n"
	 "probed; three probes without an answer, and it is dead"},
	{NUMBER("keepalive-interval", 1, 3600, 75, "s", keepalive_interval), INTERFACE_ONLY,
	 "time that each probe has to be answered"},
	{CHOICE("keepalive-close", switch_names, 0, 1, 0, keepalive_close), INTERFACE_ONLY,
	 "on: the sockets of dead connections are closed, as by ss -K"},
	{LIMIT("half-open-timeout", 3600, "s", half_open_timeout), INTERFACE_ONLY,
	 "while a listener has half as many half-open requests as\n"
	 "start an attack, or is under one: end those older than this"},
	{LIMIT("max-syn-backlog", 1048576, "requests", max_syn_backlog), INTERFACE_ONLY,
	 "room for half-open requests: net.ipv4.tcp_max_syn_backlog is\n"
	 "raised to this while the daemon runs"},
};
const size_t options_count = sizeof(options) / sizeof(options[0]);
_Static_assert(sizeof(options) / sizeof(options[0]) + 8 <= OPTIONS_MAX,
	       "options_unknown() names all");

const char *options_mode_name(__u32 mode)
{
	return mode < SYNSHIELD_MODE_MAX ? mode_names[mode] : "unknown";
}

/* "a, b or c" */
struct words {
	char text[512];
	size_t used;
};

static void add_word(struct words *w, const char *word, bool last)
{
	const char *between = !w->used ? "" : last ? " or " : ", ";
	size_t len = strlen(between) + strlen(word);

	if (w->used + len >= sizeof(w->text))
		return;
	sprintf(w->text + w->used, "%s%s", between, word);
	w->used += len;
}

/* What may be given for it, inherit aside. */
static const char *describe_values(const struct option_desc *d, struct words *w)
{
	__u32 i;

	*w = (struct words){0};
	if (d->type != OPTION_CHOICE) {
		snprintf(w->text, sizeof(w->text), "a whole number from %u to %u (%s)%s", d->min,
			 d->max, d->unit, d->type == OPTION_LIMIT ? " or off" : "");
		return w->text;
	}
	for (i = d->min; i <= d->max; i++)
		add_word(w, d->names[i], i == d->max);
	return w->text;
}

static int parse_unsigned(const char *s, __u32 *value)
{
	unsigned long long n;
	char *end;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	errno = 0;
	n = strtoull(s, &end, 10);
	if (*end || errno || n > 0xffffffffULL)
		return -EINVAL;
	*value = n;
	return 0;
}

int options_port(const char *text, __u32 *port, char why[OPTION_WHY])
{
	const struct servent *service;

	if (!parse_unsigned(text, port)) {
		if (*port >= 1 && *port <= 65535)
			return 0;
	} else {
		service = getservbyname(text, "tcp");
		if (service) {
			*port = ntohs(service->s_port);
			return 0;
		}
	}
	snprintf(why, OPTION_WHY,
		 "'%.64s' is no port: give 1 to 65535, or a TCP service named in /etc/services",
		 text);
	return -EINVAL;
}

const struct option_desc *options_find(const char *name)
{
	size_t i;

	for (i = 0; i < options_count; i++) {
		if (!strcmp(options[i].name, name))
			return &options[i];
	}
	return NULL;
}

void options_unknown(const char *name, const char *const *more, size_t count, char why[OPTION_WHY])
{
	const char *names[OPTIONS_MAX];
	size_t i, n = 0;

	for (i = 0; i < options_count && n < OPTIONS_MAX; i++)
		names[n++] = options[i].name;
	for (i = 0; i < count && n < OPTIONS_MAX; i++)
		names[n++] = more[i];
	near_unknown(why, OPTION_WHY, "setting", name, names, n);
}

static bool parse_choice(const struct option_desc *d, const char *text, __u32 *value)
{
	for (*value = d->min; *value <= d->max; ++*value) {
		if (!strcmp(d->names[*value], text))
			return true;
	}
	return false;
}

/* A port's "0" is inherit; a limit's is refused, as it reads like the tightest of all. */
static bool parse_number(const struct option_desc *d, const char *text, bool port, __u32 *value)
{
	if (parse_unsigned(text, value))
		return false;
	return (*value >= d->min && *value <= d->max) ||
	       (port && !*value && d->type == OPTION_NUMBER);
}

int options_read(const struct option_desc *d, const char *text, bool port, __u32 *value,
		 char why[OPTION_WHY])
{
	struct words known;

	*value = 0;
	if (port && !strcmp(text, "inherit"))
		return 0;
	if (d->type == OPTION_LIMIT && !strcmp(text, "off")) {
		*value = port ? SYNSHIELD_NO_LIMIT : 0;
		return 0;
	}
	if (d->type == OPTION_CHOICE ? parse_choice(d, text, value)
				     : parse_number(d, text, port, value))
		return 0;
	snprintf(why, OPTION_WHY, "%s is %s%s, not '%.64s'", d->name, describe_values(d, &known),
		 port ? ", or inherit to follow the interface" : "", text);
	return -EINVAL;
}

int options_add(struct option_list *list, const struct option_value *v)
{
	struct option_value *values;

	values = reallocarray(list->values, list->count + 1, sizeof(*values));
	if (!values)
		return -ENOMEM;
	values[list->count] = *v;
	list->values = values;
	list->count++;
	return 0;
}

/* port: what stands before the colon; NULL: nothing */
static int parse_word(struct option_value *v, const char *port, const char *key, const char *text,
		      char why[OPTION_WHY])
{
	int err = port ? options_port(port, &v->port, why) : 0;

	if (err)
		return err;
	v->desc = options_find(key);
	if (!v->desc) {
		options_unknown(key, NULL, 0, why);
		return -EINVAL;
	}
	if (v->port && !v->desc->per_port) {
		snprintf(why, OPTION_WHY, "%s is the interface's, not a port's: write %s=%.64s",
			 key, key, text);
		return -EINVAL;
	}
	return options_read(v->desc, text, v->port != 0, &v->value, why);
}

int options_parse(struct option_list *list, const char *word)
{
	char buf[256], why[OPTION_WHY], *text, *colon;
	struct option_value v = {0};
	int err;

	if (strlen(word) >= sizeof(buf)) {
		log_line("'%.32s...': too long for a setting [PORT:]KEY=VALUE", word);
		return -EINVAL;
	}
	strcpy(buf, word);
	text = strchr(buf, '=');
	if (!text) {
		log_line("'%s': a setting is written [PORT:]KEY=VALUE", word);
		return -EINVAL;
	}
	*text++ = 0;
	colon = strchr(buf, ':');
	if (colon)
		*colon++ = 0;
	err = parse_word(&v, colon ? buf : NULL, colon ? colon : buf, text, why);
	if (!err)
		return options_add(list, &v);
	log_line("'%s': %s", word, why);
	return err;
}

void options_free(struct option_list *list)
{
	free(list->values);
	memset(list, 0, sizeof(*list));
}

static __u32 *option_at(void *base, size_t at)
{
	return (__u32 *)((char *)base + at);
}

void options_defaults(struct synshield_settings *settings)
{
	size_t i;

	memset(settings, 0, sizeof(*settings));
	settings->abi = SYNSHIELD_ABI;
	for (i = 0; i < options_count; i++)
		*option_at(settings, options[i].settings_at) = options[i].def;
}

bool options_apply_settings(const struct option_list *list, struct synshield_settings *settings)
{
	bool given = false;
	size_t i;

	for (i = 0; i < list->count; i++) {
		const struct option_value *v = &list->values[i];

		if (v->port)
			continue;
		*option_at(settings, v->desc->settings_at) = v->value;
		given = true;
	}
	return given;
}

bool options_apply_policy(const struct option_list *list, __u32 port,
			  struct synshield_policy *policy)
{
	bool given = false;
	size_t i;

	for (i = 0; i < list->count; i++) {
		const struct option_value *v = &list->values[i];

		if (v->port != port)
			continue;
		*option_at(policy, v->desc->policy_at) = v->value;
		given = true;
	}
	return given;
}

bool options_policy_empty(const struct synshield_policy *policy)
{
	static const struct synshield_policy none;

	return !memcmp(policy, &none, sizeof(none));
}

__u32 options_get_settings(const struct option_desc *d, const struct synshield_settings *settings)
{
	return *option_at((void *)settings, d->settings_at);
}

__u32 options_get_policy(const struct option_desc *d, const struct synshield_policy *policy)
{
	return *option_at((void *)policy, d->policy_at);
}

const char *options_word(const struct option_desc *d, __u32 value, bool port)
{
	if (d->type == OPTION_CHOICE)
		return value <= d->max ? d->names[value] : "unknown";
	if (port && !value)
		return "inherit";
	if (d->type == OPTION_LIMIT && value == (port ? SYNSHIELD_NO_LIMIT : 0))
		return "off";
	return NULL;
}

void options_print_value(FILE *out, const struct option_desc *d, __u32 value, bool port)
{
	const char *word = options_word(d, value, port);

	if (word)
		fputs(word, out);
	else
		fprintf(out, "%u %s", value, d->unit);
}

void options_print_range(FILE *out, const struct option_desc *d)
{
	if (d->type != OPTION_CHOICE)
		fprintf(out, "%u to %u%s; ", d->min, d->max,
			d->type == OPTION_LIMIT ? ", or off" : "");
	fprintf(out, "default ");
	options_print_value(out, d, d->def, false);
	fprintf(out, "%s", d->per_port ? "" : "; interface only");
}

void options_help(FILE *out)
{
	const char *p, *end;
	size_t i;

	fprintf(out,
		"\nsettings, [PORT:]KEY=VALUE; with PORT (number or service name) for that port "
		"only,\nwhere 'inherit' returns to the interface's:\n");
	for (i = 0; i < options_count; i++) {
		const struct option_desc *d = &options[i];

		fprintf(out, "  %-24s", d->name);
		for (p = d->help; (end = strchr(p, '\n')); p = end + 1)
			fprintf(out, "%.*s\n%26s", (int)(end - p), p, "");
		fprintf(out, "%s\n%26s(", p, "");
		options_print_range(out, d);
		fprintf(out, ")\n");
	}
}
