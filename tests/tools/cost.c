/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What an XDP program takes for a SYN, in ns: many in one BPF_PROG_TEST_RUN, from random sources of
 * a prefix, less what it takes to make them. The least of several rounds counts: whatever else runs
 * on the machine only adds to it. The program works on its own maps, as if they had come in.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <string.h>

#include "common.h"
#include "cost.h"
#include "tools/cost.skel.h"

#define ROUNDS 5
#define RUNS 200000

static const uint8_t options[] = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, 7};

static void fill_frame(uint8_t frame[COST_FRAME], const char *ifname, const struct addr *dst,
		       uint16_t port)
{
	struct iphdr ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP};
	struct tcphdr tcp = {.source = htons(1025), .dest = htons(port), .doff = 10, .syn = 1};
	struct ethhdr eth = {.h_source = {2, 0, 0, 0, 0, 1}, .h_proto = htons(ETH_P_IP)};

	interface_mac(ifname, eth.h_dest);
	ip.tot_len = htons(COST_FRAME - sizeof(eth));
	ip.frag_off = htons(0x4000);
	memcpy(&ip.daddr, dst->bytes, 4);
	tcp.window = htons(64240);
	memcpy(frame, &eth, sizeof(eth));
	memcpy(frame + sizeof(eth), &ip, sizeof(ip));
	memcpy(frame + sizeof(eth) + sizeof(ip), &tcp, sizeof(tcp));
	memcpy(frame + sizeof(eth) + sizeof(ip) + sizeof(tcp), options, sizeof(options));
}

/* ns per run; *retval what the last one returned */
static double measure(const struct bpf_program *prog, unsigned int ifindex,
		      const uint8_t frame[COST_FRAME], unsigned int *retval)
{
	struct xdp_md ctx = {.data_end = COST_FRAME, .ingress_ifindex = ifindex};
	uint8_t out[2 * COST_FRAME];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = COST_FRAME,
		    .data_out = out, .data_size_out = sizeof(out), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = RUNS);

	if (bpf_prog_test_run_opts(bpf_program__fd(prog), &opts))
		die("cannot run %s: %m", bpf_program__name(prog));
	if (opts.retval == XDP_ABORTED)
		die("%s was aborted", bpf_program__name(prog));
	*retval = opts.retval;
	return opts.duration;
}

static struct cost *load(const char *pin)
{
	struct cost *skel = cost__open_and_load();
	int fd = bpf_obj_get(pin);
	uint32_t zero = 0;

	if (!skel)
		die("cannot load the BPF object: %m");
	if (fd < 0)
		die("cannot open %s: %m", pin);
	if (bpf_map_update_elem(bpf_map__fd(skel->maps.subject), &zero, &fd, BPF_ANY))
		die("cannot call %s: %m", pin);
	return skel;
}

int main(int argc, char **argv)
{
	double with = 1e9, without = 1e9, ns;
	unsigned int ifindex, retval, i;
	struct prefix sources;
	struct addr dst;
	struct cost *skel;

	if (argc != 6)
		die("usage: cost IFACE PINNED-PROGRAM DST PORT SOURCES\n"
		    "ns per SYN from random IPv4 SOURCES; IFACE is a veth of this namespace");
	ifindex = guarded_ifindex(argv[1]);
	dst = parse_addr(argv[3]);
	sources = parse_prefix(argv[5]);
	if (dst.family != AF_INET || sources.addr.family != AF_INET)
		usage_error("IPv4 only");
	skel = load(argv[2]);
	fill_frame(skel->bss->frame, argv[1], &dst, parse_number(argv[4], 1, 65535, "port"));
	memcpy(&skel->bss->source_base, sources.addr.bytes, 4);
	skel->bss->source_random = htonl(sources.len ? 0xffffffffU >> sources.len : 0xffffffff);
	if (sources.len == 32)
		skel->bss->source_random = 0;
	for (i = 0; i < ROUNDS; i++) {
		ns = measure(skel->progs.alone, ifindex, skel->bss->frame, &retval);
		without = ns < without ? ns : without;
		ns = measure(skel->progs.with_subject, ifindex, skel->bss->frame, &retval);
		with = ns < with ? ns : with;
	}
	printf("{\"ns\":%.0f,\"frame_ns\":%.0f,\"last\":%u}\n", with - without, without, retval);
	cost__destroy(skel);
	return 0;
}
