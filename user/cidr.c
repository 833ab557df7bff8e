/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cidr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MAPPED_BITS 96 /* of ::ffff:0:0/96, before an IPv4 address */

static const __u8 mapped[12] = {[10] = 0xff, [11] = 0xff};

static bool is_mapped(const __u8 addr[16])
{
	return !memcmp(addr, mapped, sizeof(mapped));
}

bool cidr_is_ipv4(const struct synshield_list_key *key)
{
	return key->prefixlen >= MAPPED_BITS && is_mapped(key->addr);
}

bool cidr_holds(const struct synshield_list_key *key, const __u8 addr[16])
{
	__u32 bytes = key->prefixlen / 8, bits = key->prefixlen % 8;

	if (memcmp(key->addr, addr, bytes))
		return false;
	return !bits || !((key->addr[bytes] ^ addr[bytes]) >> (8 - bits));
}

int cidr_compare(const struct synshield_list_key *a, const struct synshield_list_key *b)
{
	int diff = cidr_is_ipv4(b) - cidr_is_ipv4(a);

	if (!diff)
		diff = memcmp(a->addr, b->addr, sizeof(a->addr));
	return diff ? diff : (a->prefixlen > b->prefixlen) - (a->prefixlen < b->prefixlen);
}

const char *cidr_text(char text[CIDR_TEXT], const struct synshield_list_key *key)
{
	char buf[INET6_ADDRSTRLEN];

	if (cidr_is_ipv4(key))
		snprintf(text, CIDR_TEXT, "%s/%u",
			 inet_ntop(AF_INET, key->addr + sizeof(mapped), buf, sizeof(buf)),
			 key->prefixlen - MAPPED_BITS);
	else
		snprintf(text, CIDR_TEXT, "%s/%u", inet_ntop(AF_INET6, key->addr, buf, sizeof(buf)),
			 key->prefixlen);
	return text;
}

/* Returns the family, 0 for none; IPv4 comes out mapped. */
static int parse_address(const char *text, __u8 addr[16])
{
	if (inet_pton(AF_INET, text, addr + sizeof(mapped)) == 1) {
		memcpy(addr, mapped, sizeof(mapped));
		return AF_INET;
	}
	return inet_pton(AF_INET6, text, addr) == 1 ? AF_INET6 : 0;
}

/* One to three digits, no sign, no leading zero; -1 for anything else. */
static int parse_length(const char *text, int max)
{
	int n = 0, digits = strspn(text, "0123456789"), i;

	if (!digits || digits > 3 || text[digits] || (text[0] == '0' && digits > 1))
		return -1;
	for (i = 0; i < digits; i++)
		n = 10 * n + (text[i] - '0');
	return n <= max ? n : -1;
}

static void clear_host_bits(struct synshield_list_key *key)
{
	unsigned int i;

	for (i = 0; i < sizeof(key->addr); i++) {
		unsigned int first = 8 * i;
		unsigned int bits = key->prefixlen > first ? key->prefixlen - first : 0;

		key->addr[i] &= 0xff00 >> (bits < 8 ? bits : 8);
	}
}

static int check_host_bits(const struct synshield_list_key *key, char why[CIDR_WHY])
{
	struct synshield_list_key clean = *key, host = *key;
	char prefix[CIDR_TEXT], address[CIDR_TEXT];

	clear_host_bits(&clean);
	if (!memcmp(clean.addr, key->addr, sizeof(clean.addr)))
		return 0;
	host.prefixlen = 128;
	snprintf(why, CIDR_WHY, "has bits set beyond its length: write %s, or %s for that address",
		 cidr_text(prefix, &clean), cidr_text(address, &host));
	return -EINVAL;
}

int cidr_parse(const char *text, struct synshield_list_key *key, char why[CIDR_WHY])
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	char buf[INET6_ADDRSTRLEN];
	int family = 0, bits, max;

	if (len < sizeof(buf)) {
		memcpy(buf, text, len);
		buf[len] = 0;
		family = parse_address(buf, key->addr);
	}
	if (!family) {
		snprintf(why, CIDR_WHY,
			 "is no IPv4 or IPv6 address, nor ADDRESS/LENGTH; names are not looked up");
		return -EINVAL;
	}
	max = family == AF_INET ? 32 : 128;
	bits = slash ? parse_length(slash + 1, max) : max;
	if (bits < 0) {
		snprintf(why, CIDR_WHY, "the length of an %s prefix is 0 to %d",
			 family == AF_INET ? "IPv4" : "IPv6", max);
		return -EINVAL;
	}
	if (family == AF_INET6 && is_mapped(key->addr) && bits < MAPPED_BITS) {
		snprintf(why, CIDR_WHY,
			 "an IPv4-mapped prefix is 96 to 128 long: write IPv4 as a.b.c.d/n");
		return -EINVAL;
	}
	key->prefixlen = bits + (family == AF_INET ? MAPPED_BITS : 0);
	return check_host_bits(key, why);
}
