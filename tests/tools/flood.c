/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A bounded load generator: one BPF_PROG_TEST_RUN in live-frame mode, whose program makes each
 * frame a packet of the flood and sends it out of a veth. For the frames to arrive, the veth's peer
 * needs a NAPI: an XDP program (sink pass) or generic receive offload.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/types.h>
#include <linux/udp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common.h"
#include "flood.h"
#include "tools/flood.skel.h"

#define MAX_SECONDS 120
#define MAX_RATE 100000000ULL
#define REPEAT (1U << 30)
#define FIRST_PORT 1024
/* Frames per flush, and all that a late flood makes up for: a veth's ring holds 256. */
#define BURST 64

enum flag {
	FIN = 0x01,
	SYN = 0x02,
	RST = 0x04,
	PSH = 0x08,
	ACK = 0x10,
	URG = 0x20,
};

enum options { OPTIONS_NONE, OPTIONS_LINUX, OPTIONS_TIMESTAMPS };

struct kind {
	const char *name;
	uint8_t protocol;
	uint8_t flags;
	enum options options;
	bool random_ack;
};

static const struct kind kinds[] = {
	{"syn", IPPROTO_TCP, SYN, OPTIONS_LINUX, false},
	{"bare-syn", IPPROTO_TCP, SYN, OPTIONS_NONE, false},
	{"ack", IPPROTO_TCP, ACK, OPTIONS_NONE, true},
	{"ack-ts", IPPROTO_TCP, ACK, OPTIONS_TIMESTAMPS, true},
	{"rst", IPPROTO_TCP, RST, OPTIONS_NONE, false},
	{"synack", IPPROTO_TCP, SYN | ACK, OPTIONS_LINUX, true},
	{"fin", IPPROTO_TCP, FIN | ACK, OPTIONS_NONE, true},
	{"xmas", IPPROTO_TCP, FIN | PSH | URG, OPTIONS_NONE, false},
	{"null", IPPROTO_TCP, 0, OPTIONS_NONE, false},
	{"udp", IPPROTO_UDP, 0, OPTIONS_NONE, false},
};

/* MSS 1460, SACK permitted, timestamps, NOP, window scale 7: what Linux sends. */
static const uint8_t linux_options[] = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0,
					0, 0, 0, 0,   0, 0, 1, 3,  3, 7};
static const uint8_t timestamp_options[] = {1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0};

struct request {
	const char *ifname;
	unsigned int ifindex;
	const struct kind *kind;
	struct addr dst;
	struct prefix src;
	bool have_src;
	uint16_t port;
	uint16_t vlan;
	uint8_t dst_mac[MAC_LEN];
	uint8_t src_mac[MAC_LEN];
	bool have_dst_mac;
	bool have_src_mac;
	uint64_t rate;
	uint64_t count;
	uint64_t seed;
	unsigned int seconds;
	bool json;
};

static struct flood *skel;
static pthread_t runner;
static volatile bool over;

static void interrupted(int signo)
{
	over = true;
}

/* A caught signal is what makes the test run return early; the handler has nothing to do. */
static void wake(int signo)
{
}

static const char help[] =
	"usage: flood IFACE --dst IP --port PORT --src PREFIX --seconds S [options]\n"
	"Sends a flood out of a veth in a test's own network namespace.\n"
	"  --dst IP, --port PORT   target\n"
	"  --src PREFIX            random sources are taken from it\n"
	"  --dst-mac, --src-mac    default: the neighbour table, the interface's own\n"
	"  --kind KIND             syn (default), bare-syn, ack, ack-ts, rst, synack, fin, xmas, "
	"null, udp\n"
	"  --rate PPS              packets per second; default: as fast as it goes\n"
	"  --seconds S             required, at most 120\n"
	"  --count N               stop after N packets\n"
	"  --vlan ID               802.1Q tag\n"
	"  --seed N                repeat the same packets\n"
	"  --json                  result as JSON\n";

static const struct option long_options[] = {
	{"dst", required_argument, NULL, 'd'},	   {"port", required_argument, NULL, 'p'},
	{"src", required_argument, NULL, 's'},	   {"dst-mac", required_argument, NULL, 'D'},
	{"src-mac", required_argument, NULL, 'S'}, {"kind", required_argument, NULL, 'k'},
	{"rate", required_argument, NULL, 'r'},	   {"seconds", required_argument, NULL, 't'},
	{"count", required_argument, NULL, 'n'},   {"vlan", required_argument, NULL, 'v'},
	{"seed", required_argument, NULL, 'e'},	   {"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},	   {0},
};

static const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	usage_error("unknown kind '%s'", name);
}

static void parse_option(struct request *req, int option)
{
	switch (option) {
	case 'd':
		req->dst = parse_addr(optarg);
		break;
	case 'p':
		req->port = parse_number(optarg, 1, 65535, "port");
		break;
	case 's':
		req->src = parse_prefix(optarg);
		req->have_src = true;
		break;
	case 'D':
		parse_mac(optarg, req->dst_mac);
		req->have_dst_mac = true;
		break;
	case 'S':
		parse_mac(optarg, req->src_mac);
		req->have_src_mac = true;
		break;
	case 'k':
		req->kind = find_kind(optarg);
		break;
	case 'r':
		req->rate = parse_number(optarg, 1, MAX_RATE, "rate");
		break;
	case 't':
		req->seconds = parse_number(optarg, 1, MAX_SECONDS, "seconds");
		break;
	case 'n':
		req->count = parse_number(optarg, 1, UINT64_MAX, "count");
		break;
	case 'v':
		req->vlan = parse_number(optarg, 1, 4094, "VLAN");
		break;
	case 'e':
		req->seed = parse_number(optarg, 0, UINT64_MAX, "seed");
		break;
	case 'j':
		req->json = true;
		break;
	case 'h':
		fputs(help, stdout);
		exit(0);
	default:
		usage_error("wrong option");
	}
}

static void parse_request(struct request *req, int argc, char **argv)
{
	int option;

	req->kind = &kinds[0];
	req->seed = now_ns() ^ (uint64_t)getpid() << 40;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		parse_option(req, option);
	if (argc - optind != 1)
		usage_error("exactly one interface is needed");
	req->ifname = argv[optind];
	if (!req->dst.family || !req->port || !req->have_src || !req->seconds)
		usage_error("--dst, --port, --src and --seconds are required");
	if (req->src.addr.family != req->dst.family)
		usage_error("--src and --dst are of different families");

	req->ifindex = guarded_ifindex(req->ifname);
	if (!req->have_src_mac)
		interface_mac(req->ifname, req->src_mac);
	if (!req->have_dst_mac && !neighbour_mac(req->ifindex, &req->dst, req->dst_mac))
		die("no neighbour %s on %s: give --dst-mac", addr_text(&req->dst), req->ifname);
}

static size_t put_ethernet(uint8_t *frame, const struct request *req)
{
	uint16_t type = htons(req->dst.family == AF_INET ? ETH_P_IP : ETH_P_IPV6);
	uint16_t tag[2] = {htons(ETH_P_8021Q), htons(req->vlan)};
	size_t len = 2 * MAC_LEN;

	memcpy(frame, req->dst_mac, MAC_LEN);
	memcpy(frame + MAC_LEN, req->src_mac, MAC_LEN);
	if (req->vlan) {
		memcpy(frame + len, tag, sizeof(tag));
		len += sizeof(tag);
	}
	memcpy(frame + len, &type, sizeof(type));
	return len + sizeof(type);
}

static size_t put_ipv4(struct flood_config *config, size_t offset, const struct request *req,
		       size_t payload)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons(sizeof(ip) + payload),
		.frag_off = htons(0x4000), /* DF */
		.ttl = 64,
		.protocol = req->kind->protocol,
	};

	memcpy(&ip.daddr, req->dst.bytes, sizeof(ip.daddr));
	memcpy(config->frame.byte + offset, &ip, sizeof(ip));
	config->addr_off = offset + offsetof(struct iphdr, saddr);
	config->addr_words = 1;
	config->ip_csum_off = offset + offsetof(struct iphdr, check);
	config->ip_sum = sum_bytes(&ip, sizeof(ip), 0);
	return offset + sizeof(ip);
}

static size_t put_ipv6(struct flood_config *config, size_t offset, const struct request *req,
		       size_t payload)
{
	struct ipv6hdr ip = {
		.version = 6,
		.payload_len = htons(payload),
		.nexthdr = req->kind->protocol,
		.hop_limit = 64,
	};

	memcpy(&ip.daddr, req->dst.bytes, sizeof(ip.daddr));
	memcpy(config->frame.byte + offset, &ip, sizeof(ip));
	config->addr_off = offset + offsetof(struct ipv6hdr, saddr);
	config->addr_words = 4;
	return offset + sizeof(ip);
}

static void set_source(struct flood_config *config, const struct prefix *src)
{
	uint8_t mask[16] = {0}, base[16] = {0};

	for (size_t i = 0; i < addr_len(&src->addr); i++) {
		unsigned int fixed = src->len > 8 * i ? src->len - 8 * i : 0;

		mask[i] = fixed >= 8 ? 0 : 0xff >> fixed;
		base[i] = src->addr.bytes[i] & ~mask[i];
	}
	memcpy(config->addr_base, base, sizeof(base));
	memcpy(config->addr_random, mask, sizeof(mask));
}

static const uint8_t *options_of(const struct kind *kind, size_t *len)
{
	*len = kind->options == OPTIONS_LINUX	     ? sizeof(linux_options)
	       : kind->options == OPTIONS_TIMESTAMPS ? sizeof(timestamp_options)
						     : 0;
	return kind->options == OPTIONS_LINUX ? linux_options : timestamp_options;
}

static size_t l4_size(const struct kind *kind)
{
	size_t options;

	options_of(kind, &options);
	return kind->protocol == IPPROTO_UDP ? sizeof(struct udphdr)
					     : sizeof(struct tcphdr) + options;
}

static void put_tcp(struct flood_config *config, size_t offset, const struct request *req)
{
	size_t len, before_ts = req->kind->options == OPTIONS_LINUX ? 6 : 2;
	const uint8_t *options = options_of(req->kind, &len);
	struct tcphdr tcp = {
		.dest = htons(req->port),
		.doff = (sizeof(tcp) + len) / 4,
		.window = htons(64240),
	};
	uint8_t *at = config->frame.byte + offset;

	memcpy(at, &tcp, sizeof(tcp));
	at[13] = req->kind->flags;
	memcpy(at + sizeof(tcp), options, len);
	config->seq_off = offset + offsetof(struct tcphdr, seq);
	config->ack_off = req->kind->random_ack ? offset + offsetof(struct tcphdr, ack_seq) : 0;
	config->ts_off = len ? offset + sizeof(tcp) + before_ts + 2 : 0;
	config->random_tsecr = !!(req->kind->flags & ACK);
	config->l4_csum_off = offset + offsetof(struct tcphdr, check);
}

static void put_udp(struct flood_config *config, size_t offset, const struct request *req)
{
	struct udphdr udp = {.dest = htons(req->port), .len = htons(sizeof(udp))};

	memcpy(config->frame.byte + offset, &udp, sizeof(udp));
	config->l4_csum_off = offset + offsetof(struct udphdr, check);
}

static void make_config(struct flood_config *config, const struct request *req)
{
	struct addr nobody = {.family = req->dst.family};
	size_t payload = l4_size(req->kind);
	size_t at = put_ethernet(config->frame.byte, req);

	at = req->dst.family == AF_INET ? put_ipv4(config, at, req, payload)
					: put_ipv6(config, at, req, payload);
	if (req->kind->protocol == IPPROTO_UDP)
		put_udp(config, at, req);
	else
		put_tcp(config, at, req);
	config->l4_off = at;
	config->frame_len = at + payload;
	config->l4_sum = sum_bytes(config->frame.byte + at, payload,
				   sum_pseudo(&nobody, &req->dst, req->kind->protocol, payload));
	set_source(config, &req->src);
	config->port_base = FIRST_PORT;
	config->port_span = 65536 - FIRST_PORT;
	config->rate = req->rate;
	config->burst = BURST;
	config->count = req->count;
}

/* Ends the run in time, whatever the program does with its frames. */
static void *watch(void *arg)
{
	const struct request *req = arg;
	uint64_t deadline = now_ns() + req->seconds * NSEC_PER_SEC;
	const struct timespec tick = {.tv_nsec = 5000000};

	while (!over && now_ns() < deadline &&
	       !(req->count && *(volatile __u64 *)&skel->bss->sent >= req->count))
		nanosleep(&tick, NULL);
	over = true;
	/* Once is not enough: the signal may come just before the call it is to interrupt. */
	for (;;) {
		pthread_kill(runner, SIGUSR2);
		nanosleep(&tick, NULL);
	}
	return NULL;
}

static void run(const struct flood_config *config, const struct request *req)
{
	struct xdp_md ctx = {.data_end = config->frame_len, .ingress_ifindex = req->ifindex};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = config->frame.byte,
		    .data_size_in = config->frame_len, .ctx_in = &ctx, .ctx_size_in = sizeof(ctx),
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .repeat = REPEAT, .batch_size = BURST);
	pthread_t watcher;
	int err;

	runner = pthread_self();
	if (pthread_create(&watcher, NULL, watch, (void *)req))
		die("cannot start a thread");
	while (!over) {
		err = bpf_prog_test_run_opts(bpf_program__fd(skel->progs.flood), &opts);
		if (err && err != -EINTR)
			die("BPF_PROG_TEST_RUN on %s: %s", req->ifname, strerror(-err));
	}
}

static void report(const struct request *req, double seconds)
{
	unsigned long long sent = skel->bss->sent;

	if (req->json)
		printf("{\"kind\":\"%s\",\"sent\":%llu,\"seconds\":%.3f,\"rate\":%.0f}\n",
		       req->kind->name, sent, seconds, sent / seconds);
	else
		printf("%llu %s packets in %.2f s: %.0f per second\n", sent, req->kind->name,
		       seconds, sent / seconds);
}

int main(int argc, char **argv)
{
	struct sigaction on_wake = {.sa_handler = wake};
	struct sigaction on_stop = {.sa_handler = interrupted};
	struct flood_config config = {0};
	struct request req = {0};
	uint64_t started;

	parse_request(&req, argc, argv);
	make_config(&config, &req);

	skel = flood__open();
	if (!skel)
		die("cannot open the BPF object: %m");
	memcpy((void *)&skel->rodata->cfg, &config, sizeof(config));
	skel->bss->seed = req.seed;
	if (flood__load(skel))
		die("cannot load the BPF object: %m");

	sigaction(SIGUSR2, &on_wake, NULL);
	sigaction(SIGINT, &on_stop, NULL);
	sigaction(SIGTERM, &on_stop, NULL);
	alarm(req.seconds + 5); /* should the watcher fail: the default action ends the process */
	started = now_ns();
	run(&config, &req);
	report(&req, (now_ns() - started) / (double)NSEC_PER_SEC);
	return 0;
}
