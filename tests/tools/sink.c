/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Attaches a small XDP program to a veth for as long as this process lives: the counting sink for a
 * flood's fake sources, or one of the trivial programs that benchmarks compare with. It doubles as
 * what a veth needs for its peer's XDP_TX to arrive.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_link.h>
#include <linux/types.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <poll.h>
#include <unistd.h>

#include "common.h"
#include "sink.h"
#include "tools/sink.skel.h"

static const char *const mode_names[] = {
	[SINK_ABSORB] = "absorb",
	[SINK_PASS] = "pass",
	[SINK_SWAP] = "swap",
	[SINK_DROP] = "drop",
};

static const char *const counter_names[] = {
	[SINK_PACKETS] = "packets", [SINK_BYTES] = "bytes", [SINK_ABSORBED] = "absorbed",
	[SINK_SYNACK] = "synack",   [SINK_RST] = "rst",	    [SINK_OTHER] = "other",
};

struct request {
	const char *ifname;
	enum sink_mode mode;
	struct prefix prefix[SINK_PREFIXES];
	unsigned int prefixes;
	unsigned int seconds;
	bool frags;
};

static const char help[] =
	"usage: sink IFACE [--mode absorb|pass|swap|drop] [--prefix PREFIX]... [--seconds S]\n"
	"Runs an XDP program on a veth of a test's own network namespace until SIGTERM or S "
	"seconds,\n"
	"then prints its counters as JSON; on SIGUSR1 it prints them at once.\n"
	"  absorb   drop and count what is sent to the prefixes (up to 4), pass the rest\n"
	"  pass     XDP_PASS (default)\n"
	"  swap     XDP_TX with the MAC addresses exchanged\n"
	"  drop     XDP_DROP\n"
	"  --frags  accept frames beyond one page, for jumbo MTUs\n"
	"Prints 'ready' once attached.\n";

static const struct option long_options[] = {
	{"mode", required_argument, NULL, 'm'},	   {"prefix", required_argument, NULL, 'p'},
	{"seconds", required_argument, NULL, 't'}, {"frags", no_argument, NULL, 'f'},
	{"help", no_argument, NULL, 'h'},	   {0},
};

static enum sink_mode find_mode(const char *name)
{
	for (size_t i = 0; i < sizeof(mode_names) / sizeof(mode_names[0]); i++)
		if (!strcmp(mode_names[i], name))
			return i;
	usage_error("unknown mode '%s'", name);
}

static void parse_option(struct request *req, int option)
{
	switch (option) {
	case 'm':
		req->mode = find_mode(optarg);
		break;
	case 'p':
		if (req->prefixes == SINK_PREFIXES)
			usage_error("at most %d prefixes", SINK_PREFIXES);
		req->prefix[req->prefixes++] = parse_prefix(optarg);
		break;
	case 't':
		req->seconds = parse_number(optarg, 1, 86400, "seconds");
		break;
	case 'f':
		req->frags = true;
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

	req->mode = SINK_PASS;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		parse_option(req, option);
	if (argc - optind != 1)
		usage_error("exactly one interface is needed");
	req->ifname = argv[optind];
	if (req->mode == SINK_ABSORB && !req->prefixes)
		usage_error("absorb needs a --prefix");
}

static void set_prefix(struct sink_prefix *to, const struct prefix *from)
{
	uint8_t mask[16] = {0}, base[16] = {0};

	for (size_t i = 0; i < addr_len(&from->addr); i++) {
		unsigned int fixed = from->len > 8 * i ? from->len - 8 * i : 0;

		mask[i] = fixed >= 8 ? 0xff : ~(0xff >> fixed);
		base[i] = from->addr.bytes[i] & mask[i];
	}
	memcpy(to->mask, mask, sizeof(mask));
	memcpy(to->addr, base, sizeof(base));
	to->family = from->addr.family;
}

static void print_counters(const struct sink *skel)
{
	int cpus = libbpf_num_possible_cpus();
	__u64 values[cpus > 0 ? cpus : 1];
	__u32 key;

	for (key = 0; key < SINK_COUNTERS; key++) {
		unsigned long long total = 0;

		if (bpf_map_lookup_elem(bpf_map__fd(skel->maps.counters), &key, values))
			die("cannot read the counters: %m");
		for (int cpu = 0; cpu < cpus; cpu++)
			total += values[cpu];
		printf("%s\"%s\":%llu", key ? "," : "{", counter_names[key], total);
	}
	printf("}\n");
	fflush(stdout);
}

static void wait_for_the_end(const struct sink *skel, int signals, unsigned int seconds)
{
	uint64_t deadline = now_ns() + seconds * NSEC_PER_SEC;
	struct pollfd fd = {.fd = signals, .events = POLLIN};
	struct signalfd_siginfo info;
	int64_t left;

	for (;;) {
		left = seconds ? (int64_t)(deadline - now_ns()) / 1000000 : -1;
		if (seconds && left <= 0)
			return;
		if (poll(&fd, 1, left) <= 0)
			continue;
		if (read(signals, &info, sizeof(info)) == sizeof(info) && info.ssi_signo != SIGUSR1)
			return;
		print_counters(skel);
	}
}

static int block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

int main(int argc, char **argv)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	struct request req = {0};
	struct sink *skel;
	unsigned int ifindex;
	int signals, link;

	parse_request(&req, argc, argv);
	ifindex = guarded_ifindex(req.ifname);
	signals = block_signals();

	skel = sink__open();
	if (!skel)
		die("cannot open the BPF object: %m");
	skel->rodata->mode = req.mode;
	for (unsigned int i = 0; i < req.prefixes; i++)
		set_prefix((struct sink_prefix *)&skel->rodata->prefixes[i], &req.prefix[i]);
	if (req.frags)
		bpf_program__set_flags(skel->progs.sink, BPF_F_XDP_HAS_FRAGS);
	if (sink__load(skel))
		die("cannot load the BPF object: %m");
	/* A link, so that the program goes with the process however that ends. */
	link = bpf_link_create(bpf_program__fd(skel->progs.sink), ifindex, BPF_XDP, &opts);
	if (link < 0)
		die("cannot attach to %s: %s", req.ifname, strerror(-link));
	puts("ready");
	fflush(stdout);

	wait_for_the_end(skel, signals, req.seconds);
	print_counters(skel);
	close(link);
	sink__destroy(skel);
	return 0;
}
