/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

#define AT_SETTINGS(field) offsetof(struct synshield_settings, field)
#define AT_POLICY(field) offsetof(struct synshield_policy, field)

const struct option_desc options[] = {
	{"mode", OPTION_MODE, SYNSHIELD_MODE_OFF, SYNSHIELD_MODE_ALWAYS, SYNSHIELD_MODE_AUTO, "",
	 AT_SETTINGS(mode), AT_POLICY(mode), true,
	 "off (pass everything), observe (only count), auto (cookies\n"
	 "while under attack), always (a cookie for every SYN)"},
	{"syn-rate", OPTION_NUMBER, 8, 100000000, 5000, "SYN/s", AT_SETTINGS(syn_rate),
	 AT_POLICY(syn_rate), true, "SYNs per second to one listener that start an attack"},
	{"half-open", OPTION_NUMBER, 1, 16777216, 256, "requests", AT_SETTINGS(half_open),
	 AT_POLICY(half_open), true, "half-open requests of one listener that start an attack"},
	{"quiet", OPTION_NUMBER, 1, 3600, 10, "s", AT_SETTINGS(quiet), 0, false,
	 "calm that ends an attack"},
	{"epoch", OPTION_NUMBER, 2, 3600, 64, "s", AT_SETTINGS(epoch), 0, false,
	 "time that a cookie key is current; a cookie is valid for\n"
	 "this long at least, and twice this long at most"},
};
const size_t options_count = sizeof(options) / sizeof(options[0]);

static const char *const mode_names[SYNSHIELD_MODE_MAX] = {
	[SYNSHIELD_MODE_INHERIT] = "inherit", [SYNSHIELD_MODE_OFF] = "off",
	[SYNSHIELD_MODE_OBSERVE] = "observe", [SYNSHIELD_MODE_AUTO] = "auto",
	[SYNSHIELD_MODE_ALWAYS] = "always",
};

const char *options_mode_name(__u32 mode)
{
	return mode < SYNSHIELD_MODE_MAX ? mode_names[mode] : "unknown";
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

static int parse_port(const char *word, const char *port, __u32 *value)
{
	const struct servent *service;

	if (!parse_unsigned(port, value)) {
		if (*value >= 1 && *value <= 65535)
			return 0;
	} else {
		service = getservbyname(port, "tcp");
		if (service) {
			*value = ntohs(service->s_port);
			return 0;
		}
	}
	log_line("'%s': '%s' is no port: give 1 to 65535, or a TCP service named in /etc/services",
		 word, port);
	return -EINVAL;
}

static const struct option_desc *find_option(const char *word, const char *name)
{
	char known[128] = "";
	size_t i, used = 0;

	for (i = 0; i < options_count; i++) {
		if (!strcmp(options[i].name, name))
			return &options[i];
		used += snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "",
				 options[i].name);
	}
	log_line("'%s': unknown setting '%s': there are %s", word, name, known);
	return NULL;
}

static int parse_mode(const char *word, const char *text, bool port, __u32 *value)
{
	__u32 mode;

	for (mode = port ? SYNSHIELD_MODE_INHERIT : SYNSHIELD_MODE_OFF; mode < SYNSHIELD_MODE_MAX;
	     mode++) {
		if (!strcmp(mode_names[mode], text)) {
			*value = mode;
			return 0;
		}
	}
	log_line("'%s': mode is off, observe, auto or always%s, not '%s'", word,
		 port ? ", or inherit to follow the interface" : "", text);
	return -EINVAL;
}

static int parse_value(const char *word, const struct option_desc *d, const char *text, bool port,
		       __u32 *value)
{
	if (d->type == OPTION_MODE)
		return parse_mode(word, text, port, value);
	if (port && !strcmp(text, "inherit")) {
		*value = 0;
		return 0;
	}
	if (!parse_unsigned(text, value) && *value >= d->min && *value <= d->max)
		return 0;
	if (port && !strcmp(text, "0"))
		return 0;
	log_line("'%s': %s is a whole number from %u to %u (%s)%s, not '%s'", word, d->name, d->min,
		 d->max, d->unit, port ? ", or inherit to follow the interface" : "", text);
	return -EINVAL;
}

static int list_add(struct option_list *list, const struct option_value *v)
{
	struct option_value *values;

	values = realloc(list->values, (list->count + 1) * sizeof(*values));
	if (!values)
		return -ENOMEM;
	values[list->count] = *v;
	list->values = values;
	list->count++;
	return 0;
}

int options_parse(struct option_list *list, const char *word)
{
	struct option_value v = {0};
	char buf[256], *key, *text, *colon;
	int err;

	if (strlen(word) >= sizeof(buf)) {
		log_line("'%.32s...': too long for a setting [PORT:]KEY=VALUE", word);
		return -EINVAL;
	}
	strcpy(buf, word);
	key = buf;
	text = strchr(buf, '=');
	if (!text) {
		log_line("'%s': a setting is written [PORT:]KEY=VALUE", word);
		return -EINVAL;
	}
	*text++ = 0;
	colon = strchr(buf, ':');
	if (colon) {
		*colon = 0;
		key = colon + 1;
		err = parse_port(word, buf, &v.port);
		if (err)
			return err;
	}
	v.desc = find_option(word, key);
	if (!v.desc)
		return -EINVAL;
	if (v.port && !v.desc->per_port) {
		log_line("'%s': %s is the interface's, not a port's: write %s=%s", word, key, key,
			 text);
		return -EINVAL;
	}
	err = parse_value(word, v.desc, text, v.port != 0, &v.value);
	return err ? err : list_add(list, &v);
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
	return policy->mode == SYNSHIELD_MODE_INHERIT && !policy->syn_rate && !policy->half_open;
}

__u32 options_get_settings(const struct option_desc *d, const struct synshield_settings *settings)
{
	return *option_at((void *)settings, d->settings_at);
}

__u32 options_get_policy(const struct option_desc *d, const struct synshield_policy *policy)
{
	return *option_at((void *)policy, d->policy_at);
}

void options_print_value(FILE *out, const struct option_desc *d, __u32 value)
{
	if (d->type == OPTION_MODE)
		fputs(options_mode_name(value), out);
	else
		fprintf(out, "%u %s", value, d->unit);
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
		if (d->type == OPTION_NUMBER)
			fprintf(out, "%u to %u; ", d->min, d->max);
		fprintf(out, "default ");
		options_print_value(out, d, d->def);
		fprintf(out, "%s)\n", d->per_port ? "" : "; interface only");
	}
}
