/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "harness.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>
#include <string.h>
#include <unistd.h>

#include "corpus.h"
#include "helper.skel.h"
#include "synshield/bloom.h"
#include "synshield.skel.h"

#define EPOCH 9

struct shield_state shield;
static struct synshield *skel;
static struct helper *helper;
static int xdp_fd;
static bool observing;
static __u32 bloom_words;

static int quiet(enum libbpf_print_level level, const char *fmt, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, fmt, args) : 0;
}

static void give_shape(const struct shield_shape *shape)
{
	struct bpf_map *map = skel->maps.listeners;

	if (shape->conns && bpf_map__set_max_entries(skel->maps.conns, shape->conns))
		bail_out("capacity of map conns");
	bloom_words = bpf_map__max_entries(skel->maps.conns) / SYNSHIELD_BLOOM_CONNS_PER_WORD;
	if (bpf_map__set_max_entries(skel->maps.bloom, 2 * bloom_words))
		bail_out("capacity of map bloom");
	if (shape->listeners_at_most && (bpf_map__set_type(map, BPF_MAP_TYPE_HASH) ||
					 bpf_map__set_max_entries(map, shape->listeners_at_most)))
		bail_out("capacity of map listeners");
}

void shield_load(const struct shield_shape *shape)
{
	__u32 zero = 0;

	libbpf_set_print(quiet);
	synshield__destroy(skel);
	skel = synshield__open();
	if (!skel)
		bail_out("opening build/synshield.bpf.o");
	give_shape(shape);
	if (synshield__load(skel))
		bail_out("loading build/synshield.bpf.o");
	xdp_fd = bpf_program__fd(skel->progs.synshield_xdp);
	if (!helper)
		helper = helper__open_and_load();
	if (!helper)
		bail_out("loading helper.bpf.o");
	if (bpf_map_update_elem(bpf_map__fd(helper->maps.shield), &zero, &xdp_fd, 0))
		bail_out("the helper's tail call");
}

int shield_map(const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(skel->obj, name);

	if (fd < 0)
		bail_out("no map %s", name);
	return fd;
}

/* The daemon's settings, or what makes the shield only count what those would do. */
static struct synshield_settings settings_to_write(void)
{
	struct synshield_settings s = shield.settings;

	if (observing && (s.mode == SYNSHIELD_MODE_AUTO || s.mode == SYNSHIELD_MODE_ALWAYS)) {
		s.counts = s.mode;
		s.mode = SYNSHIELD_MODE_OBSERVE;
	}
	return s;
}

void shield_configure(bool learned)
{
	struct synshield_settings settings;
	__u32 zero = 0;

	shield.settings.generation++;
	shield.host.learned = learned ? shield.settings.generation : 0;
	shield.host.learned_until = UINT64_MAX;
	settings = settings_to_write();
	map_put("host", &zero, &shield.host);
	map_put("keys", &zero, &shield.keys);
	map_put("settings", &zero, &settings);
}

void shield_mode(enum synshield_mode mode)
{
	shield.settings.mode = mode;
	shield_configure(true);
}

void shield_policy(__u16 port, const struct synshield_policy *policy)
{
	__u32 key = port;

	map_put("policy", &key, policy);
	shield_configure(true);
}

void shield_observe(bool on)
{
	observing = on;
	shield_configure(true);
}

bool shield_is_observing(void)
{
	return observing;
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
		.seed = 0x6a09e667f3bcc908ULL,
		.bloom_words = bloom_words,
		.bloom_other_words = bloom_words / 4,
		.bloom_other_at = bloom_words,
	};
	memcpy(shield.host.mac, mac, 6);
}

static void empty_tables(void)
{
	static const char *const tables[] = {"policy", "listeners", "conns", "locals", "sources"};

	for (unsigned int i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		map_empty(tables[i]);
	lists_empty();
	budgets_refill();
}

void shield_reset(void)
{
	__u32 generation = shield.settings.generation;

	reset_host();
	empty_tables();
	for (int i = 1; i <= 2; i++) {
		local_put(i == 1 ? "198.51.100.1" : "198.51.100.2", 0, 0);
		local_put(i == 1 ? "2001:db8:1::1" : "2001:db8:1::2", 0, 0);
	}
	skel->bss->meta_is_missing = false;
	shield.settings = (struct synshield_settings){
		.abi = SYNSHIELD_ABI,
		.generation = generation,
		.mode = SYNSHIELD_MODE_ALWAYS,
		.counts = SYNSHIELD_MODE_AUTO,
		.syn_rate = 5000,
		.half_open = 256,
		.quiet = 10,
		.epoch = 64,
		.reset = SYNSHIELD_RESET_REPLY,
		.reset_rate = 10000,
		.reply_rate = 20000,
		.source_prefix = 32,
		.source_prefix6 = 64,
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

#define COUNTERS (sizeof(struct synshield_stats) / sizeof(__u64))

static void read_stats(struct synshield_stats *sum)
{
	int cpus = libbpf_num_possible_cpus();
	struct synshield_stats each[cpus];
	__u32 zero = 0;

	if (bpf_map_lookup_elem(shield_map("stats"), &zero, each))
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

	if (!observing)
		corpus_add(in);
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

void shield_run_out(const struct frame *in)
{
	static __u8 data[FRAME_MAX];
	struct synshield_stats before, counted;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->byte, .data_size_in = in->len,
		    .data_out = data, .data_size_out = sizeof(data));

	read_stats(&before);
	if (bpf_prog_test_run_opts(bpf_program__fd(skel->progs.synshield_out), &opts))
		bail_out("running synshield_out on %u bytes", in->len);
	stats_since(&before, &counted);
	for (unsigned int i = 0; i < COUNTERS; i++)
		if (((__u64 *)&counted)[i])
			bail_out("synshield_out counts");
	if ((__s32)opts.retval != TC_ACT_UNSPEC || opts.data_size_out != in->len ||
	    memcmp(data, in->byte, in->len))
		bail_out("synshield_out returns %d and %u bytes of %u", (int)opts.retval,
			 opts.data_size_out, in->len);
}

/* Where an address of the frame ends: the source, or behind it the target. */
static __u32 address_end(const struct frame *in, bool target)
{
	__u32 len = in->byte[in->l3] >> 4 == 6 ? 16 : 4;

	return target ? in->l4 : in->l4 - len;
}

/* One of the helper's programs, which ends in the shield's.  `end`: of the address that varies. */
static void run_helper(const struct bpf_program *prog, const struct frame *in, __u32 end,
		       __u32 times, struct synshield_stats *counted)
{
	struct synshield_stats before;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->byte, .data_size_in = in->len,
		    .repeat = times);

	helper->bss->address_at = end - 2;
	helper->bss->tcp_at = in->l4;
	read_stats(&before);
	if (bpf_prog_test_run_opts(bpf_program__fd(prog), &opts))
		bail_out("running %u frames", times);
	stats_since(&before, counted);
}

void shield_run_random(const struct frame *in, __u32 tsecr_at, __u32 times,
		       struct synshield_stats *counted)
{
	helper->bss->tsecr_at = tsecr_at;
	run_helper(helper->progs.random_ack, in, address_end(in, false), times, counted);
}

void shield_run_tuples(const struct frame *in, __u32 times, struct synshield_stats *counted)
{
	helper->bss->tuple = 0;
	run_helper(helper->progs.next_tuple, in, address_end(in, false), times, counted);
}

void shield_run_targets(const struct frame *in, __u32 times, struct synshield_stats *counted)
{
	helper->bss->tuple = 0;
	run_helper(helper->progs.next_tuple, in, address_end(in, true), times, counted);
}

bool shield_conntrack(const struct segment *s)
{
	__u8 frame[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame));

	memcpy(helper->bss->ct_source, s->source, 16);
	memcpy(helper->bss->ct_target, s->target, 16);
	helper->bss->ct_ports = s->source_port << 16 | s->target_port;
	helper->bss->ct_ipv6 = s->ipv6;
	return !bpf_prog_test_run_opts(bpf_program__fd(helper->progs.conntrack), &opts) &&
	       opts.retval == XDP_PASS;
}
