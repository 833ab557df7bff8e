/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Has the same conversations with two servers at once, and tells whether it saw the same of both.
 * Each plan is made from a seed; many go on at a time, in ticks that leave the servers time to
 * answer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_ether.h>
#include <linux/icmp.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/types.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"

#define FRAME_MAX 2048
#define TICKS_MAX 20000
#define BARRIER_MS 1000

struct settings {
	const char *ifname[SERVERS];
	struct addr src[2], dst[2]; /* IPv4, IPv6 */
	uint8_t src_mac[SERVERS][MAC_LEN], dst_mac[MAC_LEN];
	uint16_t dport;
	uint64_t seed;
	unsigned int count, parallel, tick_ms, pause_at;
	bool trace, once;
};

static struct settings settings = {
	.count = 1,
	.parallel = 100,
	.tick_ms = 1,
};

static int fds[SERVERS];
static uint16_t echoed[SERVERS]; /* the last echo that came back */
static struct talk **by_port[2]; /* IPv4, IPv6 */

static const char help[] =
	"usage: peer IFACE1 IFACE2 --src A --dst B [--src A6 --dst B6] --dport P --dst-mac MAC\n"
	"Has the same conversations with a server behind either interface. The addresses A are "
	"nobody's,\n"
	"and both servers have a route to them. Prints one line for each conversation:\n"
	"  SEED A PORT strict|lenient same|different settled|unsettled\n"
	"lenient: a RST came into a handshake, which a cookie does not remember.\n"
	"  --seed N, --count N   seeds N and following (1)\n"
	"  --parallel N          conversations at a time (100)\n"
	"  --tick MS             from one segment to the next at least (1)\n"
	"  --pause-at TICK       of each batch: say 'paused', and wait for a line on standard "
	"input\n"
	"  --one-syn             no SYN is repeated while the handshake goes on\n"
	"  --trace               print plans, segments, and what was seen, on standard error\n";

enum long_only {
	ARG_SRC = 256,
	ARG_DST,
	ARG_DPORT,
	ARG_DST_MAC,
	ARG_SEED,
	ARG_COUNT,
	ARG_PARALLEL,
	ARG_TICK,
	ARG_PAUSE_AT,
	ARG_TRACE,
	ARG_ONCE,
	ARG_HELP,
};

static const struct option long_options[] = {
	{"src", required_argument, NULL, ARG_SRC},
	{"dst", required_argument, NULL, ARG_DST},
	{"dport", required_argument, NULL, ARG_DPORT},
	{"dst-mac", required_argument, NULL, ARG_DST_MAC},
	{"seed", required_argument, NULL, ARG_SEED},
	{"count", required_argument, NULL, ARG_COUNT},
	{"parallel", required_argument, NULL, ARG_PARALLEL},
	{"tick", required_argument, NULL, ARG_TICK},
	{"pause-at", required_argument, NULL, ARG_PAUSE_AT},
	{"trace", no_argument, NULL, ARG_TRACE},
	{"one-syn", no_argument, NULL, ARG_ONCE},
	{"help", no_argument, NULL, ARG_HELP},
	{0},
};

static void parse_number_option(int option)
{
	switch (option) {
	case ARG_DPORT:
		settings.dport = parse_number(optarg, 1, 65535, "port");
		break;
	case ARG_SEED:
		settings.seed = parse_number(optarg, 0, UINT64_MAX - 100000, "seed");
		break;
	case ARG_COUNT:
		settings.count = parse_number(optarg, 1, 60000, "count");
		break;
	case ARG_PARALLEL:
		settings.parallel = parse_number(optarg, 1, 10000, "number of conversations");
		break;
	case ARG_TICK:
		settings.tick_ms = parse_number(optarg, 1, 1000, "tick");
		break;
	case ARG_PAUSE_AT:
		settings.pause_at = parse_number(optarg, 1, TICKS_MAX, "tick");
		break;
	default:
		usage_error("wrong option");
	}
}

static void parse_option(int option)
{
	struct addr addr;

	switch (option) {
	case ARG_SRC:
		addr = parse_addr(optarg);
		settings.src[addr.family == AF_INET6] = addr;
		break;
	case ARG_DST:
		addr = parse_addr(optarg);
		settings.dst[addr.family == AF_INET6] = addr;
		break;
	case ARG_DST_MAC:
		parse_mac(optarg, settings.dst_mac);
		break;
	case ARG_ONCE:
		settings.once = true;
		break;
	case ARG_TRACE:
		settings.trace = true;
		break;
	case ARG_HELP:
		fputs(help, stdout);
		exit(0);
	default:
		parse_number_option(option);
	}
}

static void parse_settings(int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		parse_option(option);
	if (argc - optind != SERVERS)
		usage_error("%d interfaces are needed", SERVERS);
	for (int i = 0; i < 2; i++)
		if (!settings.src[i].family || !settings.dst[i].family)
			usage_error("--src and --dst of both families are needed");
	if (!settings.dport)
		usage_error("--dport is needed");
	for (int i = 0; i < SERVERS; i++) {
		settings.ifname[i] = argv[optind + i];
		interface_mac(settings.ifname[i], settings.src_mac[i]);
	}
}

/* --- the wire --- */

static int open_wire(const char *ifname)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = guarded_ifindex(ifname),
	};
	int one = 1, room = 8 << 20, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    bind(fd, (struct sockaddr *)&ll, sizeof(ll)))
		die("packet socket on %s: %m", ifname);
	return fd;
}

static void trace(const struct talk *talk, unsigned int server, char way, const struct segment *s)
{
	static const char letters[] = "FSRPAUEC";
	const struct life *life = &talk->plan.life[talk->life];
	const struct client *client = &talk->client[server];
	uint32_t theirs = way == '>' ? s->ack : s->seq, ours = way == '>' ? s->seq : s->ack;

	if (!settings.trace)
		return;
	fprintf(stderr, "%llu step %u server %u %c ", (unsigned long long)talk->plan.seed,
		talk->step, server + 1, way);
	for (int bit = 0; letters[bit]; bit++)
		if (s->flags & 1 << bit)
			fputc(letters[bit], stderr);
	fprintf(stderr, " ours %d theirs %d len %u win %u\n", (int32_t)(ours - life->isn),
		(int32_t)(theirs - client->server_isn), s->len, s->window);
}

static uint8_t *put_ethernet(uint8_t *at, unsigned int server, uint16_t type)
{
	memcpy(at, settings.dst_mac, MAC_LEN);
	memcpy(at + MAC_LEN, settings.src_mac[server], MAC_LEN);
	type = htons(type);
	memcpy(at + 2 * MAC_LEN, &type, sizeof(type));
	return at + 2 * MAC_LEN + sizeof(type);
}

static uint8_t *put_ip(uint8_t *at, bool ipv6, uint8_t protocol, size_t payload)
{
	struct iphdr ip4 = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons(sizeof(ip4) + payload),
		.frag_off = htons(0x4000),
		.ttl = 64,
		.protocol = protocol,
	};
	struct ipv6hdr ip6 = {
		.version = 6,
		.payload_len = htons(payload),
		.nexthdr = protocol,
		.hop_limit = 64,
	};

	if (ipv6) {
		memcpy(&ip6.saddr, settings.src[1].bytes, 16);
		memcpy(&ip6.daddr, settings.dst[1].bytes, 16);
		memcpy(at, &ip6, sizeof(ip6));
		return at + sizeof(ip6);
	}
	memcpy(&ip4.saddr, settings.src[0].bytes, 4);
	memcpy(&ip4.daddr, settings.dst[0].bytes, 4);
	ip4.check = sum_fold(sum_bytes(&ip4, sizeof(ip4), 0));
	memcpy(at, &ip4, sizeof(ip4));
	return at + sizeof(ip4);
}

void wire_send(const struct talk *talk, unsigned int server, const struct segment *s)
{
	bool ipv6 = talk->plan.family == AF_INET6;
	size_t len = sizeof(struct tcphdr) + s->options_len + s->len;
	uint8_t frame[FRAME_MAX], *at;
	struct tcphdr tcp = {
		.source = htons(talk->plan.port),
		.dest = htons(settings.dport),
		.seq = htonl(s->seq),
		.ack_seq = htonl(s->ack),
		.window = htons(s->window),
		.doff = (sizeof(tcp) + s->options_len) / 4,
	};

	trace(talk, server, '>', s);
	at = put_ethernet(frame, server, ipv6 ? ETH_P_IPV6 : ETH_P_IP);
	at = put_ip(at, ipv6, IPPROTO_TCP, len);
	memcpy(at, &tcp, sizeof(tcp));
	at[13] = s->flags;
	memcpy(at + sizeof(tcp), s->options, s->options_len);
	if (s->len)
		memcpy(at + sizeof(tcp) + s->options_len, s->data, s->len);
	tcp.check = sum_fold(sum_bytes(
		at, len, sum_pseudo(&settings.src[ipv6], &settings.dst[ipv6], IPPROTO_TCP, len)));
	memcpy(at + offsetof(struct tcphdr, check), &tcp.check, sizeof(tcp.check));
	len += at - frame;
	if (send(fds[server], frame, len, 0) != (ssize_t)len)
		die("send on %s: %m", settings.ifname[server]);
}

static void send_echo(unsigned int server, uint16_t number)
{
	struct icmphdr icmp = {.type = ICMP_ECHO, .un.echo.sequence = htons(number)};
	uint8_t frame[128], *at;
	size_t len;

	at = put_ethernet(frame, server, ETH_P_IP);
	at = put_ip(at, false, IPPROTO_ICMP, sizeof(icmp));
	icmp.checksum = sum_fold(sum_bytes(&icmp, sizeof(icmp), 0));
	memcpy(at, &icmp, sizeof(icmp));
	len = at + sizeof(icmp) - frame;
	if (send(fds[server], frame, len, 0) != (ssize_t)len)
		die("send on %s: %m", settings.ifname[server]);
}

static void take_echo(unsigned int server, const uint8_t *frame, size_t len)
{
	const struct iphdr *ip = (const void *)(frame + ETH_HLEN);
	const struct icmphdr *icmp = (const void *)(ip + 1);

	if (len >= ETH_HLEN + sizeof(*ip) + sizeof(*icmp) && ip->version == 4 && ip->ihl == 5 &&
	    ip->protocol == IPPROTO_ICMP && icmp->type == ICMP_ECHOREPLY)
		echoed[server] = ntohs(icmp->un.echo.sequence);
}

/* Returns the TCP header, or NULL; its length with all that follows in @len. */
static const uint8_t *find_tcp(const uint8_t *frame, size_t *len, bool *ipv6)
{
	const struct iphdr *ip4 = (const void *)(frame + ETH_HLEN);
	const struct ipv6hdr *ip6 = (const void *)ip4;
	size_t left = *len - ETH_HLEN, header, total;

	if (*len < ETH_HLEN + sizeof(*ip6))
		return NULL;
	*ipv6 = ip4->version == 6;
	header = *ipv6 ? sizeof(*ip6) : ip4->ihl * 4;
	total = *ipv6 ? sizeof(*ip6) + ntohs(ip6->payload_len) : ntohs(ip4->tot_len);
	if ((*ipv6 ? ip6->nexthdr : ip4->protocol) != IPPROTO_TCP || total > left ||
	    total < header + sizeof(struct tcphdr))
		return NULL;
	*len = total - header;
	return frame + ETH_HLEN + header;
}

static void receive(unsigned int server)
{
	static uint8_t frame[65536];
	ssize_t n = recv(fds[server], frame, sizeof(frame), MSG_DONTWAIT);
	size_t len = n, header;
	struct segment s = {0};
	const struct tcphdr *tcp;
	const uint8_t *at;
	struct talk *talk;
	bool ipv6;

	if (n <= 0)
		return;
	take_echo(server, frame, len);
	at = find_tcp(frame, &len, &ipv6);
	if (!at)
		return;
	tcp = (const void *)at;
	header = tcp->doff * 4;
	talk = by_port[ipv6][ntohs(tcp->dest)];
	if (!talk || tcp->source != htons(settings.dport) || header > len)
		return;
	s.flags = at[13];
	s.seq = ntohl(tcp->seq);
	s.ack = ntohl(tcp->ack_seq);
	s.window = ntohs(tcp->window);
	s.options_len = header - sizeof(*tcp);
	memcpy(s.options, at + sizeof(*tcp), s.options_len);
	s.data = at + header;
	s.len = len - header;
	trace(talk, server, '<', &s);
	talk_receive(talk, server, &s);
}

static bool have_echoed(uint16_t number)
{
	for (int i = 0; i < SERVERS; i++)
		if (echoed[i] != number)
			return false;
	return true;
}

/*
 * All that was sent has been through the servers' kernels when an echo sent behind it comes back:
 * in this order it came into their queues.
 */
static void await_answers(uint16_t tick)
{
	uint64_t least = now_ns() + settings.tick_ms * 1000000ULL;
	uint64_t most = least + BARRIER_MS * 1000000ULL, now;
	struct timespec wait = {.tv_nsec = 200000};
	struct pollfd pfd[SERVERS];

	for (int i = 0; i < SERVERS; i++) {
		pfd[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
		send_echo(i, tick);
	}
	while ((now = now_ns()) < least || !have_echoed(tick)) {
		if (now > most)
			die("no echo from the servers");
		if (ppoll(pfd, SERVERS, &wait, NULL) <= 0)
			continue;
		for (int i = 0; i < SERVERS; i++)
			if (pfd[i].revents)
				receive(i);
	}
}

/* --- conversations --- */

static struct talk *begin(uint64_t seed)
{
	struct talk *talk = calloc(1, sizeof(*talk)), **slot;

	if (!talk)
		die("out of memory");
	plan_make(&talk->plan, seed, settings.once);
	talk->clock = seed * 2654435761u;
	slot = &by_port[talk->plan.family == AF_INET6][talk->plan.port];
	if (*slot)
		die("seeds %llu and %llu share a port", (unsigned long long)seed,
		    (unsigned long long)(*slot)->plan.seed);
	*slot = talk;
	if (settings.trace)
		plan_print(&talk->plan, stderr);
	return talk;
}

static void end(struct talk *talk)
{
	bool ipv6 = talk->plan.family == AF_INET6;

	printf("%llu %s %u %s %s %s\n", (unsigned long long)talk->plan.seed,
	       addr_text(&settings.src[ipv6]), talk->plan.port,
	       talk->plan.lenient ? "lenient" : "strict", talk_is_same(talk) ? "same" : "different",
	       talk->unsettled ? "unsettled" : "settled");
	if (settings.trace || !talk_is_same(talk) || talk->unsettled)
		talk_print(talk, stderr);
	by_port[ipv6][talk->plan.port] = NULL;
	free(talk);
}

static void await_signal(void)
{
	sigset_t signals;
	int signal;

	fputs("paused\n", stderr);
	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	sigwait(&signals, &signal);
}

static void block_signal(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	sigprocmask(SIG_BLOCK, &signals, NULL);
}

/* No conversation's time passes meanwhile. */
static void pause_all(struct talk **talks, unsigned int count)
{
	uint64_t began = now_ns(), passed;

	await_signal();
	passed = now_ns() - began;
	for (unsigned int i = 0; i < count; i++) {
		talks[i]->since += passed;
		talks[i]->syn_sent += passed;
	}
}

static void run_batch(uint64_t seed, unsigned int count)
{
	struct talk **talks = calloc(count, sizeof(struct talk *));
	bool *over = calloc(count, sizeof(bool));
	unsigned int open = count;

	if (!talks || !over)
		die("out of memory");
	for (unsigned int i = 0; i < count; i++)
		talks[i] = begin(seed + i);
	for (unsigned int tick = 1; open && tick <= TICKS_MAX; tick++) {
		if (tick == settings.pause_at)
			pause_all(talks, count);
		for (unsigned int i = 0; i < count; i++) {
			if (over[i] || talk_tick(talks[i]))
				continue;
			over[i] = true;
			open--;
		}
		await_answers(tick);
	}
	if (settings.pause_at)
		await_signal();
	for (unsigned int i = 0; i < count; i++)
		end(talks[i]);
	free(talks);
	free(over);
}

int main(int argc, char **argv)
{
	unsigned int done, n;

	parse_settings(argc, argv);
	block_signal();
	for (int i = 0; i < SERVERS; i++)
		fds[i] = open_wire(settings.ifname[i]);
	for (int i = 0; i < 2; i++)
		by_port[i] = calloc(65536, sizeof(struct talk *));
	if (!by_port[0] || !by_port[1])
		die("out of memory");
	for (done = 0; done < settings.count; done += n) {
		n = settings.count - done < settings.parallel ? settings.count - done
							      : settings.parallel;
		run_batch(settings.seed + done, n);
		fflush(stdout);
	}
	return 0;
}
