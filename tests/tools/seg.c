/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sends one crafted TCP segment out of an interface and prints what comes back to its tuple, so
 * that a test drives a handshake by hand. The source should be an address that this host does not
 * own, or its kernel answers the replies with a RST of its own; for the replies to arrive, the test
 * gives the other host a static neighbour:  ip neigh add SRC lladdr MAC-OF-IFACE dev DEV
 */
#include <errno.h>
#include <getopt.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/types.h>
#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

#define FRAME_MAX 2048
#define MAX_OPTIONS 40

/* In the order of their bits. */
static const char flag_letters[] = "FSRPAUEC";

enum option_kind {
	OPT_END = 0,
	OPT_NOP = 1,
	OPT_MSS = 2,
	OPT_WSCALE = 3,
	OPT_SACK_OK = 4,
	OPT_SACK = 5,
	OPT_TS = 8,
	OPT_MD5 = 19,
	OPT_AO = 29,
	OPT_MPTCP = 30,
	OPT_FASTOPEN = 34,
};

struct request {
	const char *ifname;
	unsigned int ifindex;
	struct addr src, dst;
	uint16_t sport, dport;
	uint8_t flags;
	uint32_t seq, ack;
	uint16_t window, urgent;
	uint8_t options[MAX_OPTIONS];
	size_t options_len;
	const char *data;
	uint16_t vlan, outer_vlan;
	bool no_df, ip_options, extension, bad_csum;
	uint8_t ttl, tos;
	int doff; /* -1: what the options need */
	uint8_t dst_mac[MAC_LEN], src_mac[MAC_LEN];
	bool have_dst_mac, have_src_mac;
	unsigned int wait_ms, replies, repeat;
	uint8_t until; /* flags */
};

struct frame {
	uint8_t byte[FRAME_MAX];
	size_t len;
};

static const char help[] =
	"usage: seg IFACE --src IP --dst IP --sport P --dport P [options]\n"
	"Sends one TCP segment from a test's own network namespace; prints each reply to its tuple "
	"as\n"
	"one JSON line. The source must not be this host's; give the other host a static neighbour "
	"for it.\n"
	"  --flags LETTERS      of S A F R P U E C (default S); '-' for none\n"
	"  --seq N, --ack N, --window N (64240), --urgent N\n"
	"  --opts LIST          in this order: mss=N, sack, ts=VAL:ECR, ws=N, nop, eol, "
	"fastopen[=HEX],\n"
	"                       mptcp, md5, ao, raw=HEX; padded with NOPs before, as given after "
	"that\n"
	"  --data TEXT          payload\n"
	"  --vlan ID            802.1Q tag; --outer-vlan ID an 802.1ad one around it\n"
	"  --no-df              IPv4 without DF, and with an ID\n"
	"  --ipopts             IPv4 options (NOPs)\n"
	"  --ext                an IPv6 destination-options header\n"
	"  --ttl N, --tos N     --tos is the traffic class for IPv6\n"
	"  --doff N             lie about the header's length (in words)\n"
	"  --bad-csum           a wrong TCP checksum\n"
	"  --dst-mac, --src-mac default: the neighbour table, the interface's own\n"
	"  --repeat N           send it N times\n"
	"  --wait MS            how long to wait for replies (1000)\n"
	"  --replies N          stop after N (default: wait the time out)\n"
	"  --until LETTERS      stop after one with these flags\n";

enum long_only {
	ARG_SRC = 256,
	ARG_DST,
	ARG_SPORT,
	ARG_DPORT,
	ARG_FLAGS,
	ARG_SEQ,
	ARG_ACK,
	ARG_WINDOW,
	ARG_URGENT,
	ARG_OPTS,
	ARG_DATA,
	ARG_VLAN,
	ARG_OUTER_VLAN,
	ARG_NO_DF,
	ARG_IPOPTS,
	ARG_EXT,
	ARG_TTL,
	ARG_TOS,
	ARG_DOFF,
	ARG_BAD_CSUM,
	ARG_DST_MAC,
	ARG_SRC_MAC,
	ARG_REPEAT,
	ARG_WAIT,
	ARG_REPLIES,
	ARG_UNTIL,
	ARG_HELP,
};

static const struct option long_options[] = {
	{"src", required_argument, NULL, ARG_SRC},
	{"dst", required_argument, NULL, ARG_DST},
	{"sport", required_argument, NULL, ARG_SPORT},
	{"dport", required_argument, NULL, ARG_DPORT},
	{"flags", required_argument, NULL, ARG_FLAGS},
	{"seq", required_argument, NULL, ARG_SEQ},
	{"ack", required_argument, NULL, ARG_ACK},
	{"window", required_argument, NULL, ARG_WINDOW},
	{"urgent", required_argument, NULL, ARG_URGENT},
	{"opts", required_argument, NULL, ARG_OPTS},
	{"data", required_argument, NULL, ARG_DATA},
	{"vlan", required_argument, NULL, ARG_VLAN},
	{"outer-vlan", required_argument, NULL, ARG_OUTER_VLAN},
	{"no-df", no_argument, NULL, ARG_NO_DF},
	{"ipopts", no_argument, NULL, ARG_IPOPTS},
	{"ext", no_argument, NULL, ARG_EXT},
	{"ttl", required_argument, NULL, ARG_TTL},
	{"tos", required_argument, NULL, ARG_TOS},
	{"doff", required_argument, NULL, ARG_DOFF},
	{"bad-csum", no_argument, NULL, ARG_BAD_CSUM},
	{"dst-mac", required_argument, NULL, ARG_DST_MAC},
	{"src-mac", required_argument, NULL, ARG_SRC_MAC},
	{"repeat", required_argument, NULL, ARG_REPEAT},
	{"wait", required_argument, NULL, ARG_WAIT},
	{"replies", required_argument, NULL, ARG_REPLIES},
	{"until", required_argument, NULL, ARG_UNTIL},
	{"help", no_argument, NULL, ARG_HELP},
	{0},
};

static uint8_t parse_flags(const char *text)
{
	uint8_t flags = 0;
	const char *at;

	for (; *text && strcmp(text, "-"); text++) {
		at = strchr(flag_letters, *text);
		if (!at)
			usage_error("'%c' is not a flag of %s", *text, flag_letters);
		flags |= 1 << (at - flag_letters);
	}
	return flags;
}

static void put_option_bytes(struct request *req, const void *bytes, size_t len)
{
	if (req->options_len + len > MAX_OPTIONS)
		usage_error("more than %d bytes of options", MAX_OPTIONS);
	memcpy(req->options + req->options_len, bytes, len);
	req->options_len += len;
}

static void put_option(struct request *req, uint8_t kind, const void *value, size_t len)
{
	uint8_t head[2] = {kind, len + 2};

	put_option_bytes(req, head, sizeof(head));
	put_option_bytes(req, value, len);
}

static size_t parse_hex(const char *text, uint8_t *bytes)
{
	size_t len = 0;

	for (; text && *text; text += 2)
		if (len == MAX_OPTIONS || sscanf(text, "%2hhx", &bytes[len++]) != 1 || !text[1])
			usage_error("'%s' is not hexadecimal", text);
	return len;
}

static void put_timestamps(struct request *req, char *value)
{
	char *colon = value ? strchr(value, ':') : NULL;
	uint32_t ts[2];

	if (!colon)
		usage_error("ts needs VAL:ECR");
	*colon = '\0';
	ts[0] = htonl(parse_number(value, 0, UINT32_MAX, "TSval"));
	ts[1] = htonl(parse_number(colon + 1, 0, UINT32_MAX, "TSecr"));
	put_option(req, OPT_TS, ts, sizeof(ts));
}

static void put_number(struct request *req, uint8_t kind, const char *value, size_t len)
{
	uint64_t max = len == 1 ? UINT8_MAX : UINT16_MAX;
	uint16_t number = htons(parse_number(value ?: "", 0, max, "option's value"));

	put_option(req, kind, (uint8_t *)&number + sizeof(number) - len, len);
}

/* Returns false if the name is not one of those that take no value of the caller's. */
static bool put_fixed_option(struct request *req, const char *name)
{
	static const struct {
		const char *name;
		size_t len;
		uint8_t bytes[20];
	} fixed[] = {
		{"sack", 2, {OPT_SACK_OK, 2}},
		{"nop", 1, {OPT_NOP}},
		{"eol", 1, {OPT_END}},
		/* MP_CAPABLE, version 1, HMAC-SHA256 */
		{"mptcp", 4, {OPT_MPTCP, 4, 1, 1}},
		{"md5", 18, {OPT_MD5, 18, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
		{"ao", 16, {OPT_AO, 16, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
	};

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		if (strcmp(name, fixed[i].name))
			continue;
		put_option_bytes(req, fixed[i].bytes, fixed[i].len);
		return true;
	}
	return false;
}

static void put_named_option(struct request *req, char *name)
{
	uint8_t hex[MAX_OPTIONS];
	char *value = strchr(name, '=');

	if (value)
		*value++ = '\0';
	if (!strcmp(name, "mss"))
		put_number(req, OPT_MSS, value, 2);
	else if (!strcmp(name, "ws"))
		put_number(req, OPT_WSCALE, value, 1);
	else if (!strcmp(name, "ts"))
		put_timestamps(req, value);
	else if (!strcmp(name, "fastopen"))
		put_option(req, OPT_FASTOPEN, hex, parse_hex(value, hex));
	else if (!strcmp(name, "raw"))
		put_option_bytes(req, hex, parse_hex(value, hex));
	else if (!put_fixed_option(req, name))
		usage_error("unknown option '%s'", name);
}

static void parse_tcp_options(struct request *req, char *list)
{
	static const uint8_t nop = OPT_NOP;
	char *save, *name;

	for (name = strtok_r(list, ",", &save); name; name = strtok_r(NULL, ",", &save))
		put_named_option(req, name);
	while (req->options_len % 4)
		put_option_bytes(req, &nop, 1);
}

static void parse_ip_option(struct request *req, int option)
{
	switch (option) {
	case ARG_SRC:
		req->src = parse_addr(optarg);
		break;
	case ARG_DST:
		req->dst = parse_addr(optarg);
		break;
	case ARG_VLAN:
		req->vlan = parse_number(optarg, 1, 4094, "VLAN");
		break;
	case ARG_OUTER_VLAN:
		req->outer_vlan = parse_number(optarg, 1, 4094, "VLAN");
		break;
	case ARG_NO_DF:
		req->no_df = true;
		break;
	case ARG_IPOPTS:
		req->ip_options = true;
		break;
	case ARG_EXT:
		req->extension = true;
		break;
	case ARG_TTL:
		req->ttl = parse_number(optarg, 1, 255, "TTL");
		break;
	case ARG_TOS:
		req->tos = parse_number(optarg, 0, 255, "TOS");
		break;
	case ARG_DST_MAC:
		parse_mac(optarg, req->dst_mac);
		req->have_dst_mac = true;
		break;
	case ARG_SRC_MAC:
		parse_mac(optarg, req->src_mac);
		req->have_src_mac = true;
		break;
	default:
		usage_error("wrong option");
	}
}

static void parse_tcp_option(struct request *req, int option)
{
	switch (option) {
	case ARG_SPORT:
		req->sport = parse_number(optarg, 0, 65535, "port");
		break;
	case ARG_DPORT:
		req->dport = parse_number(optarg, 0, 65535, "port");
		break;
	case ARG_FLAGS:
		req->flags = parse_flags(optarg);
		break;
	case ARG_SEQ:
		req->seq = parse_number(optarg, 0, UINT32_MAX, "sequence number");
		break;
	case ARG_ACK:
		req->ack = parse_number(optarg, 0, UINT32_MAX, "acknowledgement");
		break;
	case ARG_WINDOW:
		req->window = parse_number(optarg, 0, 65535, "window");
		break;
	case ARG_URGENT:
		req->urgent = parse_number(optarg, 0, 65535, "urgent pointer");
		break;
	case ARG_OPTS:
		parse_tcp_options(req, optarg);
		break;
	case ARG_DATA:
		req->data = optarg;
		break;
	case ARG_DOFF:
		req->doff = parse_number(optarg, 0, 15, "data offset");
		break;
	case ARG_BAD_CSUM:
		req->bad_csum = true;
		break;
	default:
		parse_ip_option(req, option);
	}
}

static void parse_option(struct request *req, int option)
{
	switch (option) {
	case ARG_REPEAT:
		req->repeat = parse_number(optarg, 1, 10000, "repeat");
		break;
	case ARG_WAIT:
		req->wait_ms = parse_number(optarg, 0, 600000, "wait");
		break;
	case ARG_REPLIES:
		req->replies = parse_number(optarg, 1, 10000, "replies");
		break;
	case ARG_UNTIL:
		req->until = parse_flags(optarg);
		break;
	case ARG_HELP:
		fputs(help, stdout);
		exit(0);
	default:
		parse_tcp_option(req, option);
	}
}

static void parse_request(struct request *req, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		parse_option(req, option);
	if (argc - optind != 1)
		usage_error("exactly one interface is needed");
	req->ifname = argv[optind];
	if (!req->src.family || req->src.family != req->dst.family)
		usage_error("--src and --dst are required, of the same family");
	if (strlen(req->data) > 1024)
		usage_error("more than 1024 bytes of data");
	req->ifindex = guarded_ifindex(req->ifname);
	if (!req->have_src_mac)
		interface_mac(req->ifname, req->src_mac);
	if (!req->have_dst_mac && !neighbour_mac(req->ifindex, &req->dst, req->dst_mac))
		die("no neighbour %s on %s: give --dst-mac", addr_text(&req->dst), req->ifname);
}

static void put(struct frame *frame, const void *bytes, size_t len)
{
	memcpy(frame->byte + frame->len, bytes, len);
	frame->len += len;
}

static void put_u16(struct frame *frame, uint16_t value)
{
	value = htons(value);
	put(frame, &value, sizeof(value));
}

static void put_ethernet(struct frame *frame, const struct request *req)
{
	put(frame, req->dst_mac, MAC_LEN);
	put(frame, req->src_mac, MAC_LEN);
	if (req->outer_vlan) {
		put_u16(frame, ETH_P_8021AD);
		put_u16(frame, req->outer_vlan);
	}
	if (req->vlan) {
		put_u16(frame, ETH_P_8021Q);
		put_u16(frame, req->vlan);
	}
	put_u16(frame, req->src.family == AF_INET ? ETH_P_IP : ETH_P_IPV6);
}

static void put_ipv4(struct frame *frame, const struct request *req, size_t payload)
{
	static const uint8_t nops[4] = {1, 1, 1, 1};
	size_t options = req->ip_options ? sizeof(nops) : 0;
	struct iphdr ip = {
		.version = 4,
		.ihl = (sizeof(ip) + options) / 4,
		.tos = req->tos,
		.tot_len = htons(sizeof(ip) + options + payload),
		.id = htons(req->no_df ? 0x1234 : 0),
		.frag_off = htons(req->no_df ? 0 : 0x4000),
		.ttl = req->ttl,
		.protocol = IPPROTO_TCP,
	};

	memcpy(&ip.saddr, req->src.bytes, sizeof(ip.saddr));
	memcpy(&ip.daddr, req->dst.bytes, sizeof(ip.daddr));
	ip.check = sum_fold(sum_bytes(&ip, sizeof(ip), sum_bytes(nops, options, 0)));
	put(frame, &ip, sizeof(ip));
	put(frame, nops, options);
}

static void put_ipv6(struct frame *frame, const struct request *req, size_t payload)
{
	/* eight bytes: next header, length 0, PadN over the rest */
	static const uint8_t extension[8] = {IPPROTO_TCP, 0, 1, 4};
	size_t len = req->extension ? sizeof(extension) : 0;
	struct ipv6hdr ip = {
		.version = 6,
		.priority = req->tos >> 4,
		.flow_lbl = {req->tos << 4},
		.payload_len = htons(len + payload),
		.nexthdr = req->extension ? IPPROTO_DSTOPTS : IPPROTO_TCP,
		.hop_limit = req->ttl,
	};

	memcpy(&ip.saddr, req->src.bytes, sizeof(ip.saddr));
	memcpy(&ip.daddr, req->dst.bytes, sizeof(ip.daddr));
	put(frame, &ip, sizeof(ip));
	put(frame, extension, len);
}

static void build(struct frame *frame, const struct request *req)
{
	size_t data = strlen(req->data), payload = sizeof(struct tcphdr) + req->options_len + data;
	struct tcphdr tcp = {
		.source = htons(req->sport),
		.dest = htons(req->dport),
		.seq = htonl(req->seq),
		.ack_seq = htonl(req->ack),
		.window = htons(req->window),
		.urg_ptr = htons(req->urgent),
		.doff = req->doff >= 0 ? (size_t)req->doff : (sizeof(tcp) + req->options_len) / 4,
	};
	uint8_t *start;

	put_ethernet(frame, req);
	if (req->src.family == AF_INET)
		put_ipv4(frame, req, payload);
	else
		put_ipv6(frame, req, payload);
	start = frame->byte + frame->len;
	put(frame, &tcp, sizeof(tcp));
	start[13] = req->flags;
	put(frame, req->options, req->options_len);
	put(frame, req->data, data);
	tcp.check = sum_fold(
		sum_bytes(start, payload, sum_pseudo(&req->src, &req->dst, IPPROTO_TCP, payload)));
	if (req->bad_csum)
		tcp.check ^= 0x5555;
	memcpy(start + offsetof(struct tcphdr, check), &tcp.check, sizeof(tcp.check));
}

static int open_packet_socket(const struct request *req)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = req->ifindex,
	};
	int one = 1, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&ll, sizeof(ll)))
		die("packet socket on %s: %m", req->ifname);
	return fd;
}

/* What a reply is printed from. */
struct reply {
	const uint8_t *ip;
	const uint8_t *tcp;
	size_t ip_len; /* by the header, without link-layer padding */
	size_t tcp_len;
	int vlan; /* -1: none */
	bool csum_known;
};

static bool find_ipv4(struct reply *reply, const uint8_t *at, size_t len, const struct request *req)
{
	const struct iphdr *ip = (const void *)at;

	if (len < sizeof(*ip) || ip->protocol != IPPROTO_TCP || ntohs(ip->tot_len) > len ||
	    memcmp(&ip->saddr, req->dst.bytes, 4) || memcmp(&ip->daddr, req->src.bytes, 4))
		return false;
	reply->ip = at;
	reply->tcp = at + ip->ihl * 4;
	reply->ip_len = ntohs(ip->tot_len);
	reply->tcp_len = reply->ip_len - ip->ihl * 4;
	return true;
}

static bool find_ipv6(struct reply *reply, const uint8_t *at, size_t len, const struct request *req)
{
	const struct ipv6hdr *ip = (const void *)at;

	if (len < sizeof(*ip) || ip->nexthdr != IPPROTO_TCP ||
	    ntohs(ip->payload_len) + sizeof(*ip) > len || memcmp(&ip->saddr, req->dst.bytes, 16) ||
	    memcmp(&ip->daddr, req->src.bytes, 16))
		return false;
	reply->ip = at;
	reply->tcp = at + sizeof(*ip);
	reply->tcp_len = ntohs(ip->payload_len);
	reply->ip_len = reply->tcp_len + sizeof(*ip);
	return true;
}

static bool find_reply(struct reply *reply, const uint8_t *frame, size_t len,
		       const struct request *req)
{
	const struct tcphdr *tcp;
	size_t at = 2 * MAC_LEN;
	uint16_t type;

	for (;; at += 4) {
		if (len < at + 2)
			return false;
		type = frame[at] << 8 | frame[at + 1];
		if ((type != ETH_P_8021Q && type != ETH_P_8021AD) || len < at + 4)
			break;
		reply->vlan = (frame[at + 2] << 8 | frame[at + 3]) & 0xfff;
	}
	at += 2;
	if (type == ETH_P_IP ? !find_ipv4(reply, frame + at, len - at, req)
			     : type != ETH_P_IPV6 || !find_ipv6(reply, frame + at, len - at, req))
		return false;
	tcp = (const void *)reply->tcp;
	return reply->tcp_len >= sizeof(*tcp) && tcp->source == htons(req->dport) &&
	       tcp->dest == htons(req->sport);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

static void print_hex(const uint8_t *bytes, size_t len)
{
	while (len--)
		printf("%02x", *bytes++);
}

static void print_option(const uint8_t *at, size_t len)
{
	switch (at[0]) {
	case OPT_MSS:
		printf("\"mss=%u\"", at[2] << 8 | at[3]);
		break;
	case OPT_WSCALE:
		printf("\"ws=%u\"", at[2]);
		break;
	case OPT_SACK_OK:
		printf("\"sack\"");
		break;
	case OPT_TS:
		printf("\"ts=%u:%u\"", get32(at + 2), get32(at + 6));
		break;
	default:
		printf("\"%u=", at[0]);
		print_hex(at + 2, len - 2);
		putchar('"');
	}
}

/* The least length each option that is printed by value must have. */
static size_t least_length(uint8_t kind)
{
	switch (kind) {
	case OPT_MSS:
		return 4;
	case OPT_WSCALE:
		return 3;
	case OPT_TS:
		return 10;
	default:
		return 2;
	}
}

static void print_options(const uint8_t *at, const uint8_t *end)
{
	const char *separator = "";
	size_t len;

	fputs(",\"opts\":[", stdout);
	for (; at < end; at += len, separator = ",") {
		fputs(separator, stdout);
		len = 1;
		if (*at == OPT_NOP || *at == OPT_END) {
			printf("\"%s\"", *at == OPT_NOP ? "nop" : "eol");
			continue;
		}
		if (end - at >= 2)
			len = at[1];
		if (end - at < 2 || len < least_length(*at) || at + len > end) {
			printf("\"malformed\"");
			break;
		}
		print_option(at, len);
	}
	putchar(']');
}

static void print_ip(const struct reply *reply, const struct request *req)
{
	const struct iphdr *ip4 = (const void *)reply->ip;
	const struct ipv6hdr *ip6 = (const void *)reply->ip;
	unsigned int tos;

	if (req->src.family == AF_INET) {
		printf(",\"ttl\":%u,\"df\":%s,\"id\":%u", ip4->ttl,
		       ntohs(ip4->frag_off) & 0x4000 ? "true" : "false", ntohs(ip4->id));
		printf(",\"ip_csum\":\"%s\"",
		       sum_fold(sum_bytes(ip4, ip4->ihl * 4, 0)) ? "bad" : "good");
		tos = ip4->tos;
	} else {
		printf(",\"ttl\":%u", ip6->hop_limit);
		tos = ip6->priority << 4 | ip6->flow_lbl[0] >> 4;
	}
	printf(",\"dscp\":%u,\"ecn\":%u,\"ip_len\":%zu", tos >> 2, tos & 3, reply->ip_len);
}

static void print_reply(const struct reply *reply, const struct request *req)
{
	const struct tcphdr *tcp = (const void *)reply->tcp;
	size_t header = tcp->doff * 4;
	bool good =
		!sum_fold(sum_bytes(tcp, reply->tcp_len,
				    sum_pseudo(&req->src, &req->dst, IPPROTO_TCP, reply->tcp_len)));

	fputs("{\"flags\":\"", stdout);
	for (int bit = 0; flag_letters[bit]; bit++)
		if (reply->tcp[13] & 1 << bit)
			putchar(flag_letters[bit]);
	printf("\",\"seq\":%u,\"ack\":%u,\"window\":%u", ntohl(tcp->seq), ntohl(tcp->ack_seq),
	       ntohs(tcp->window));
	if (header < sizeof(*tcp) || header > reply->tcp_len)
		header = reply->tcp_len;
	print_options(reply->tcp + sizeof(*tcp), reply->tcp + header);
	print_ip(reply, req);
	printf(",\"tcp_csum\":\"%s\"", good ? "good" : reply->csum_known ? "bad" : "offloaded");
	if (reply->vlan >= 0)
		printf(",\"vlan\":%d", reply->vlan);
	printf(",\"data_len\":%zu,\"data\":\"", reply->tcp_len - header);
	print_hex(reply->tcp + header, reply->tcp_len - header);
	puts("\"}");
	fflush(stdout);
}

/* Returns 1 for a reply, and sets *last if it is the one that is waited for. */
static unsigned int receive(int fd, const struct request *req, bool *last)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	} control;
	static uint8_t frame[65536];
	struct iovec iov = {frame, sizeof(frame)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	struct reply reply = {.vlan = -1, .csum_known = true};
	ssize_t len = recvmsg(fd, &msg, 0);
	struct cmsghdr *cmsg;

	if (len < 0)
		die("recvmsg: %m");
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		struct tpacket_auxdata *aux = (void *)CMSG_DATA(cmsg);

		if (cmsg->cmsg_type != PACKET_AUXDATA)
			continue;
		if (aux->tp_status & TP_STATUS_VLAN_VALID)
			reply.vlan = aux->tp_vlan_tci & 0xfff;
		reply.csum_known = !(aux->tp_status & TP_STATUS_CSUMNOTREADY);
	}
	if (!find_reply(&reply, frame, len, req))
		return 0;
	print_reply(&reply, req);
	*last = req->until && (reply.tcp[13] & req->until) == req->until;
	return 1;
}

int main(int argc, char **argv)
{
	struct request req = {
		.flags = 1 << 1, /* SYN */
		.window = 64240,
		.data = "",
		.ttl = 64,
		.doff = -1,
		.wait_ms = 1000,
		.repeat = 1,
	};
	struct frame frame = {0};
	struct pollfd pfd = {.events = POLLIN};
	unsigned int replies = 0;
	uint64_t deadline;
	int64_t left;
	bool last = false;

	parse_request(&req, argc, argv);
	build(&frame, &req);
	pfd.fd = open_packet_socket(&req);
	for (unsigned int i = 0; i < req.repeat; i++)
		if (send(pfd.fd, frame.byte, frame.len, 0) != (ssize_t)frame.len)
			die("send on %s: %m", req.ifname);
	deadline = now_ns() + req.wait_ms * 1000000ULL;
	while ((left = deadline - now_ns()) > 0 && (!req.replies || replies < req.replies) && !last)
		if (poll(&pfd, 1, left / 1000000 + 1) > 0)
			replies += receive(pfd.fd, &req, &last);
	return 0;
}
