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
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common.h"
#include "flood_frame.h"
#include "tools/flood.skel.h"

#define MAX_SECONDS 120
#define MAX_RATE 100000000ULL
#define REPEAT (1U << 30)
#define FIRST_PORT 1024
/* Frames per flush, and all that a late flood makes up for: a veth's ring holds 256. */
#define BURST 64

struct request {
	const char *ifname;
	unsigned int ifindex;
	const struct kind *kind;
	struct flood_target target;
	struct prefix src;
	bool have_src;
	unsigned int sport_lo, sport_hi;
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
	"  --sport LO-HI           source ports, or one; default 1024-65535\n"
	"  --dst-mac, --src-mac    default: the neighbour table, the interface's own\n"
	"  --kind KIND             syn (default), bare-syn, ack, ack-ts, data, synack, rst, fin,\n"
	"                          fin-only, xmas, null, udp; fragments of segments that never "
	"come\n"
	"                          whole: first-fragment, later-fragment, and of SYNs\n"
	"                          syn-first-fragment, tiny-fragment, overlap-fragment; at random "
	"of\n"
	"                          these: fragment, syn-fragment; of whole segments: mix\n"
	"  --rate PPS              packets per second; default: as fast as it goes\n"
	"  --seconds S             required, at most 120\n"
	"  --count N               stop after N packets\n"
	"  --vlan ID               802.1Q tag\n"
	"  --seed N                repeat the same packets\n"
	"  --json                  result as JSON\n";

static const struct option long_options[] = {
	{"dst", required_argument, NULL, 'd'},
	{"port", required_argument, NULL, 'p'},
	{"src", required_argument, NULL, 's'},
	{"sport", required_argument, NULL, 'o'},
	{"dst-mac", required_argument, NULL, 'D'},
	{"src-mac", required_argument, NULL, 'S'},
	{"kind", required_argument, NULL, 'k'},
	{"rate", required_argument, NULL, 'r'},
	{"seconds", required_argument, NULL, 't'},
	{"count", required_argument, NULL, 'n'},
	{"vlan", required_argument, NULL, 'v'},
	{"seed", required_argument, NULL, 'e'},
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static void parse_option(struct request *req, int option)
{
	switch (option) {
	case 'd':
		req->target.dst = parse_addr(optarg);
		break;
	case 'p':
		req->target.port = parse_number(optarg, 1, 65535, "port");
		break;
	case 's':
		req->src = parse_prefix(optarg);
		req->have_src = true;
		break;
	case 'o':
		parse_range(optarg, 65535, "source port", &req->sport_lo, &req->sport_hi);
		break;
	case 'D':
		parse_mac(optarg, req->target.dst_mac);
		req->have_dst_mac = true;
		break;
	case 'S':
		parse_mac(optarg, req->target.src_mac);
		req->have_src_mac = true;
		break;
	case 'k':
		req->kind = find_kind(optarg);
		if (!req->kind)
			usage_error("unknown kind '%s'", optarg);
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
		req->target.vlan = parse_number(optarg, 1, 4094, "VLAN");
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

	req->kind = find_kind("syn");
	req->sport_lo = FIRST_PORT;
	req->sport_hi = 65535;
	req->seed = now_ns() ^ (uint64_t)getpid() << 40;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		parse_option(req, option);
	if (argc - optind != 1)
		usage_error("exactly one interface is needed");
	req->ifname = argv[optind];
	if (!req->target.dst.family || !req->target.port || !req->have_src || !req->seconds)
		usage_error("--dst, --port, --src and --seconds are required");
	if (req->src.addr.family != req->target.dst.family)
		usage_error("--src and --dst are of different families");

	req->ifindex = guarded_ifindex(req->ifname);
	if (!req->have_src_mac)
		interface_mac(req->ifname, req->target.src_mac);
	if (!req->have_dst_mac &&
	    !neighbour_mac(req->ifindex, &req->target.dst, req->target.dst_mac))
		die("no neighbour %s on %s: give --dst-mac", addr_text(&req->target.dst),
		    req->ifname);
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

static void make_config(struct flood_config *config, const struct request *req)
{
	const struct kind *parts[FLOOD_PARTS_MAX];

	config->parts = kind_parts(req->kind, parts);
	for (unsigned int i = 0; i < config->parts; i++) {
		make_template(&config->part[i], parts[i], &req->target);
		if (config->part[i].frame_len >= config->frame_len)
			config->frame_len = config->part[i].frame_len + 1;
	}
	set_source(config, &req->src);
	config->port_base = req->sport_lo;
	config->port_span = req->sport_hi - req->sport_lo + 1;
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
	static const uint8_t frame[FLOOD_FRAME_MAX];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = config->frame_len,
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
		    .repeat = REPEAT, .batch_size = BURST);
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

/* How many of each part of a mix. */
static void report_parts(const struct request *req)
{
	const struct kind *parts[FLOOD_PARTS_MAX];
	unsigned int n = kind_parts(req->kind, parts);

	printf(",\"of\":{");
	for (unsigned int i = 0; i < n; i++)
		printf("%s\"%s\":%llu", i ? "," : "", kind_name(parts[i]),
		       (unsigned long long)skel->bss->sent_of[i]);
	putchar('}');
}

static void report(const struct request *req, double seconds)
{
	unsigned long long sent = skel->bss->sent;

	if (!req->json) {
		printf("%llu %s packets in %.2f s: %.0f per second\n", sent, kind_name(req->kind),
		       seconds, sent / seconds);
		return;
	}
	printf("{\"kind\":\"%s\",\"sent\":%llu,\"seconds\":%.3f,\"rate\":%.0f",
	       kind_name(req->kind), sent, seconds, sent / seconds);
	report_parts(req);
	puts("}");
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
