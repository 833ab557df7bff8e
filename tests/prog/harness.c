/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "harness.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <string.h>
#include <unistd.h>

#include "helper.skel.h"
#include "synshield.skel.h"

#define EPOCH 9

struct shield_state shield;
static struct synshield *skel;
static struct helper *helper;
static int xdp_fd;

static int quiet(enum libbpf_print_level level, const char *fmt, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, fmt, args) : 0;
}

void shield_load(void)
{
	__u32 zero = 0;

	libbpf_set_print(quiet);
	skel = synshield__open_and_load();
	if (!skel)
		bail_out("loading build/synshield.bpf.o");
	xdp_fd = bpf_program__fd(skel->progs.synshield_xdp);
	helper = helper__open_and_load();
	if (!helper)
		bail_out("loading helper.bpf.o");
	if (bpf_map_update_elem(bpf_map__fd(helper->maps.shield), &zero, &xdp_fd, 0))
		bail_out("the helper's tail call");
}

static void put(struct bpf_map *map, const void *key, const void *value)
{
	if (bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY))
		bail_out("map %s", bpf_map__name(map));
}

static void empty(struct bpf_map *map)
{
	__u8 key[64];

	while (!bpf_map_get_next_key(bpf_map__fd(map), NULL, key))
		bpf_map_delete_elem(bpf_map__fd(map), key);
}

void shield_configure(bool learned)
{
	__u32 zero = 0;

	shield.settings.generation++;
	shield.host.learned = learned ? shield.settings.generation : 0;
	shield.host.learned_until = UINT64_MAX;
	put(skel->maps.host, &zero, &shield.host);
	put(skel->maps.keys, &zero, &shield.keys);
	put(skel->maps.settings, &zero, &shield.settings);
}

void shield_mode(enum synshield_mode mode)
{
	shield.settings.mode = mode;
	shield_configure(true);
}

void shield_policy(__u16 port, const struct synshield_policy *policy)
{
	__u32 key = port;

	put(skel->maps.policy, &key, policy);
	shield_configure(true);
}

void shield_local(const char *address, __u16 vlan, __u32 mtu)
{
	struct synshield_local_key key = {.prefixlen = 128};
	struct synshield_local local = {.vlan = vlan, .mtu = mtu};

	net_address(address, key.addr);
	put(skel->maps.locals, &key, &local);
}

/* Fixed keys: the same bytes in every run. */
static void make_key(__u32 epoch)
{
	__u64 *key = shield.keys.key[epoch % SYNSHIELD_KEYS];

	key[0] = 0x0123456789abcdefULL * (epoch + 1);
	key[1] = 0xfedcba9876543210ULL ^ (epoch + 1) * 0x9e3779b97f4a7c15ULL;
}

void shield_next_epoch(void)
{
	make_key(shield.keys.epoch + 1);
	shield.keys.epoch++;
	shield_configure(true);
}

const __u64 *shield_key(void)
{
	return shield.keys.key[shield.keys.epoch % SYNSHIELD_KEYS];
}

static int larger(int a, int b)
{
	return a > b ? a : b;
}

static void reset_host(void)
{
	static const __u8 mac[6] = SERVER_MAC;

	shield.host = (struct synshield_host){
		.hz = 250,
		.flags = SYNSHIELD_HOST_TIMESTAMPS | SYNSHIELD_HOST_SACK | SYNSHIELD_HOST_WSCALE |
			 SYNSHIELD_HOST_ECN | SYNSHIELD_HOST_SYNCOOKIES | SYNSHIELD_HOST_REQSK,
		.mtu = 1500,
		.rmem_max = larger(net_sysctl_read("ipv4/tcp_rmem", 2),
				   net_sysctl_read("core/rmem_max", 0)),
		.adv_win_scale = net_sysctl_read("ipv4/tcp_adv_win_scale", 0),
		.max_syn_backlog = net_sysctl_read("ipv4/tcp_max_syn_backlog", 0),
		.ttl = 64,
		.hop_limit = 64,
	};
	memcpy(shield.host.mac, mac, 6);
}

void shield_reset(void)
{
	__u32 generation = shield.settings.generation;

	empty(skel->maps.policy);
	empty(skel->maps.listeners);
	empty(skel->maps.conns);
	empty(skel->maps.locals);
	for (int i = 1; i <= 2; i++) {
		shield_local(i == 1 ? "198.51.100.1" : "198.51.100.2", 0, 0);
		shield_local(i == 1 ? "2001:db8:1::1" : "2001:db8:1::2", 0, 0);
	}
	skel->bss->meta_is_missing = false;
	reset_host();
	shield.settings = (struct synshield_settings){
		.abi = SYNSHIELD_ABI,
		.generation = generation,
		.mode = SYNSHIELD_MODE_ALWAYS,
		.syn_rate = 5000,
		.half_open = 256,
		.quiet = 10,
		.epoch = 64,
	};
	shield.keys.epoch = EPOCH;
	for (int i = 0; i < SYNSHIELD_KEYS; i++)
		make_key(EPOCH - i);
	shield_configure(true);
}

void shield_meta_is_missing(bool missing)
{
	skel->bss->meta_is_missing = missing;
}

__u64 shield_now(void)
{
	__u8 frame[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame));

	if (bpf_prog_test_run_opts(bpf_program__fd(helper->progs.read_clock), &opts))
		bail_out("reading the clock");
	return helper->bss->now;
}

bool kernel_has_field(const char *field)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_type *t;
	bool found = false;
	int id = btf ? btf__find_by_name_kind(btf, "tcp_sock", BTF_KIND_STRUCT) : -1;

	if (id < 0)
		bail_out("no BTF of struct tcp_sock");
	t = btf__type_by_id(btf, id);
	for (int i = 0; i < btf_vlen(t); i++)
		found |= !strcmp(btf__name_by_offset(btf, btf_members(t)[i].name_off), field);
	btf__free(btf);
	return found;
}

static void listener_key(const struct segment *s, struct synshield_listener_key *key)
{
	memset(key, 0, sizeof(*key));
	memcpy(key->addr, s->target, 16);
	key->port = s->target_port;
}

bool listener_get(const struct segment *s, struct synshield_listener *l)
{
	struct synshield_listener_key key;

	listener_key(s, &key);
	return !bpf_map_lookup_elem(bpf_map__fd(skel->maps.listeners), &key, l);
}

void listener_put(const struct segment *s, const struct synshield_listener *l)
{
	struct synshield_listener_key key;

	listener_key(s, &key);
	put(skel->maps.listeners, &key, l);
}

void listener_attack(const struct segment *s)
{
	struct synshield_listener l;

	listener_get(s, &l);
	l.cookies_until_jiffies = shield_now() + 3600ULL * shield.host.hz;
	listener_put(s, &l);
}

void listener_forget(const struct segment *s)
{
	struct synshield_listener_key key;

	listener_key(s, &key);
	bpf_map_delete_elem(bpf_map__fd(skel->maps.listeners), &key);
}

static void conn_key(const struct segment *s, struct synshield_tuple *key)
{
	memcpy(key->remote, s->source, 16);
	memcpy(key->local, s->target, 16);
	key->remote_port = s->source_port;
	key->local_port = s->target_port;
}

bool conn_get(const struct segment *s, struct synshield_conn *c)
{
	struct synshield_tuple key;

	conn_key(s, &key);
	return !bpf_map_lookup_elem(bpf_map__fd(skel->maps.conns), &key, c);
}

void conn_put(const struct segment *s, const struct synshield_conn *c)
{
	struct synshield_tuple key;

	conn_key(s, &key);
	put(skel->maps.conns, &key, c);
}

void conn_forget(const struct segment *s)
{
	struct synshield_tuple key;

	conn_key(s, &key);
	bpf_map_delete_elem(bpf_map__fd(skel->maps.conns), &key);
}

#define COUNTERS (sizeof(struct synshield_stats) / sizeof(__u64))

static void read_stats(struct synshield_stats *sum)
{
	int cpus = libbpf_num_possible_cpus();
	struct synshield_stats each[cpus];
	__u32 zero = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(skel->maps.stats), &zero, each))
		bail_out("map stats");
	memset(sum, 0, sizeof(*sum));
	for (int i = 0; i < cpus; i++)
		for (unsigned int j = 0; j < COUNTERS; j++)
			((__u64 *)sum)[j] += ((__u64 *)&each[i])[j];
}

static void stats_since(const struct synshield_stats *before, struct synshield_stats *counted)
{
	read_stats(counted);
	for (unsigned int j = 0; j < COUNTERS; j++)
		((__u64 *)counted)[j] -= ((const __u64 *)before)[j];
}

void shield_run(const struct frame *in, struct outcome *out)
{
	static __u8 data[FRAME_MAX + 64];
	struct xdp_md ctx_in = {.data_end = in->len}, ctx = {};
	struct synshield_stats before;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->byte, .data_size_in = in->len,
		    .data_out = data, .data_size_out = sizeof(data), .ctx_in = &ctx_in,
		    .ctx_size_in = sizeof(ctx_in), .ctx_out = &ctx, .ctx_size_out = sizeof(ctx));

	read_stats(&before);
	if (bpf_prog_test_run_opts(xdp_fd, &opts))
		bail_out("running synshield_xdp on %u bytes", in->len);
	stats_since(&before, &out->counted);
	out->code = opts.retval;
	out->meta_len = ctx.data;
	if (ctx.data > sizeof(out->meta))
		bail_out("%u bytes of metadata", ctx.data);
	memcpy(out->meta, data, ctx.data);
	out->frame = *in;
	out->frame.len = opts.data_size_out - ctx.data;
	memcpy(out->frame.byte, data + ctx.data, out->frame.len);
}

void shield_run_tc(const struct frame *in, struct outcome *out)
{
	struct synshield_stats before;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->byte, .data_size_in = in->len,
		    .data_out = out->frame.byte, .data_size_out = FRAME_MAX);

	read_stats(&before);
	if (bpf_prog_test_run_opts(bpf_program__fd(skel->progs.synshield_in), &opts))
		bail_out("running synshield_in on %u bytes", in->len);
	stats_since(&before, &out->counted);
	out->code = opts.retval;
	out->meta_len = 0;
	out->frame.len = opts.data_size_out;
}

void shield_run_random(const struct frame *in, __u32 tsecr_at, __u32 times,
		       struct synshield_stats *counted)
{
	struct synshield_stats before;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->byte, .data_size_in = in->len,
		    .repeat = times);

	helper->bss->source_at = in->l4 - (in->byte[in->l3] >> 4 == 6 ? 18 : 6);
	helper->bss->tcp_at = in->l4;
	helper->bss->tsecr_at = tsecr_at;
	read_stats(&before);
	if (bpf_prog_test_run_opts(bpf_program__fd(helper->progs.random_ack), &opts))
		bail_out("running %u random ACKs", times);
	stats_since(&before, counted);
}
