/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "locals.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netlink.h"

struct reading {
	struct locals *locals;
	const struct devices *devices;
	int ifindex;
};

static const __u8 ipv4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool address_is_ipv4(const __u8 addr[16])
{
	return !memcmp(addr, ipv4_prefix, sizeof(ipv4_prefix));
}

bool address_is_any(const __u8 addr[16])
{
	static const __u8 zero[16];

	return !memcmp(addr, zero, 16) || (address_is_ipv4(addr) && !memcmp(addr + 12, zero, 4));
}

void address_from_ipv4(__u8 addr[16], const void *ipv4)
{
	memcpy(addr, ipv4_prefix, sizeof(ipv4_prefix));
	memcpy(addr + 12, ipv4, 4);
}

const char *address_only(char text[ADDRESS_TEXT], const __u8 addr[16])
{
	if (address_is_ipv4(addr))
		return inet_ntop(AF_INET, addr + 12, text, ADDRESS_TEXT);
	return inet_ntop(AF_INET6, addr, text, ADDRESS_TEXT);
}

const char *address_text(char text[ADDRESS_TEXT], const __u8 addr[16], __u16 port)
{
	const char *form = address_is_ipv4(addr) ? "%s:%u" : "[%s]:%u";
	char buf[ADDRESS_TEXT];

	snprintf(text, ADDRESS_TEXT, form, address_only(buf, addr), port);
	return text;
}

static void *grow(void *rows, size_t count, size_t size)
{
	/* doubled at every power of two */
	if (count & (count - 1))
		return rows;
	return realloc(rows, (count ? 2 * count : 1) * size);
}

static int add_local(struct reading *r, const struct rtmsg *rtm, const void *dst, int oif)
{
	const struct device *vlan = devices_vlan(r->devices, oif, r->ifindex);
	struct local row = {};
	void *rows;

	if (rtm->rtm_family == AF_INET)
		address_from_ipv4(row.key.addr, dst);
	else
		memcpy(row.key.addr, dst, 16);
	row.key.prefixlen = rtm->rtm_dst_len + (rtm->rtm_family == AF_INET ? 96 : 0);
	if (vlan) {
		row.value.vlan = vlan->vlan;
		row.value.mtu = vlan->mtu;
	}
	rows = grow(r->locals->rows, r->locals->count, sizeof(row));
	if (!rows)
		return MNL_CB_ERROR;
	r->locals->rows = rows;
	r->locals->rows[r->locals->count++] = row;
	return MNL_CB_OK;
}

static bool loopback(const struct rtmsg *rtm, const __u8 *dst)
{
	if (rtm->rtm_family == AF_INET)
		return dst[0] == 127;
	return rtm->rtm_dst_len == 128 && IN6_IS_ADDR_LOOPBACK((const struct in6_addr *)dst);
}

static int read_route(const struct nlmsghdr *nlh, void *arg)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	__u32 table = rtm->rtm_table;
	static const __u8 zero[16];
	const struct nlattr *attr;
	const __u8 *dst = zero;
	int oif = 0;

	mnl_attr_for_each(attr, nlh, sizeof(*rtm))
	{
		switch (mnl_attr_get_type(attr)) {
		case RTA_DST:
			dst = mnl_attr_get_payload(attr);
			break;
		case RTA_OIF:
			oif = mnl_attr_get_u32(attr);
			break;
		case RTA_TABLE:
			table = mnl_attr_get_u32(attr);
			break;
		}
	}
	if (rtm->rtm_type != RTN_LOCAL || table != RT_TABLE_LOCAL || loopback(rtm, dst) ||
	    rtm->rtm_flags & RTM_F_CLONED)
		return MNL_CB_OK;
	return add_local(arg, rtm, dst, oif);
}

static int dump_routes(int family, struct reading *r)
{
	size_t before = r->locals->count;
	char buf[256];
	int tries, err;

	for (tries = 0; tries < DUMP_TRIES; tries++) {
		struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
		struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));

		nlh->nlmsg_type = RTM_GETROUTE;
		rtm->rtm_family = family;
		rtm->rtm_table = RT_TABLE_LOCAL;
		rtm->rtm_type = RTN_LOCAL;
		/* forget the rows of a broken off dump; capacity stays a power of two */
		r->locals->count = before;
		err = netlink_dump(NETLINK_ROUTE, nlh, read_route, r);
		if (err != -EINTR)
			return err;
		if (before)
			continue;
		free(r->locals->rows);
		r->locals->rows = NULL;
	}
	return -EAGAIN;
}

/* rows of one key: the interface's VLAN comes before no VLAN */
static int compare_rows(const void *a, const void *b)
{
	const struct local *l = a, *r = b;
	int diff = memcmp(&l->key, &r->key, sizeof(l->key));

	return diff ? diff : -memcmp(&l->value, &r->value, sizeof(l->value));
}

static void sort_unique(struct locals *locals)
{
	size_t i, kept = 0;

	if (!locals->count)
		return;
	qsort(locals->rows, locals->count, sizeof(locals->rows[0]), compare_rows);
	for (i = 1; i < locals->count; i++) {
		if (memcmp(&locals->rows[i].key, &locals->rows[kept].key,
			   sizeof(struct synshield_local_key)))
			locals->rows[++kept] = locals->rows[i];
	}
	locals->count = kept + 1;
}

int locals_read(struct locals *locals, int ifindex)
{
	struct reading r = {.locals = locals, .devices = &locals->devices, .ifindex = ifindex};
	int err;

	memset(locals, 0, sizeof(*locals));
	locals->ifindex = ifindex;
	err = devices_read(&locals->devices);
	if (!err)
		err = dump_routes(AF_INET, &r);
	if (!err) {
		err = dump_routes(AF_INET6, &r);
		if (err == -EAFNOSUPPORT || err == -EOPNOTSUPP)
			err = 0; /* no IPv6 here */
	}
	locals->other_ways = devices_other_ways(&locals->devices, ifindex);
	if (err)
		locals_free(locals);
	else
		sort_unique(locals);
	return err;
}

void locals_free(struct locals *locals)
{
	free(locals->rows);
	devices_free(&locals->devices);
	memset(locals, 0, sizeof(*locals));
}

bool locals_same_addresses(const struct locals *a, const struct locals *b)
{
	return a->count == b->count &&
	       (!a->count || !memcmp(a->rows, b->rows, a->count * sizeof(a->rows[0])));
}

static bool prefix_covers(const struct synshield_local_key *key, const __u8 addr[16])
{
	__u32 bytes = key->prefixlen / 8, bits = key->prefixlen % 8;

	if (memcmp(key->addr, addr, bytes))
		return false;
	return !bits || !((key->addr[bytes] ^ addr[bytes]) >> (8 - bits));
}

bool locals_cover(const struct locals *locals, const __u8 addr[16])
{
	size_t i;

	for (i = 0; i < locals->count; i++) {
		if (prefix_covers(&locals->rows[i].key, addr))
			return true;
	}
	return false;
}

static bool wanted(const struct locals *locals, const struct synshield_local_key *key)
{
	size_t low = 0, high = locals->count;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int diff = memcmp(&locals->rows[mid].key, key, sizeof(*key));

		if (!diff)
			return true;
		if (diff < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

/* What to delete is gathered first: deleting under a walk would restart it. */
static int delete_others(const struct locals *locals, int map_fd)
{
	struct synshield_local_key key, *old = NULL, *at = NULL;
	size_t count = 0, i;
	void *rows;

	while (!bpf_map_get_next_key(map_fd, at, &key)) {
		at = &key;
		if (wanted(locals, &key))
			continue;
		rows = grow(old, count, sizeof(key));
		if (!rows) {
			free(old);
			return -ENOMEM;
		}
		old = rows;
		old[count++] = key;
	}
	for (i = 0; i < count; i++)
		bpf_map_delete_elem(map_fd, &old[i]);
	free(old);
	return 0;
}

int locals_write(const struct locals *locals, int map_fd)
{
	size_t i;
	int err = 0;

	/* new ones first: what is in both is never missing */
	for (i = 0; i < locals->count; i++) {
		if (bpf_map_update_elem(map_fd, &locals->rows[i].key, &locals->rows[i].value,
					BPF_ANY))
			err = -errno;
	}
	return err ? err : delete_others(locals, map_fd);
}
