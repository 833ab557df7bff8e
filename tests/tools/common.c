/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

void die(const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

void usage_error(const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, " (see %s --help)\n", program_invocation_short_name);
	exit(2);
}

/* Sysctls that the kernel shows in every network namespace, and in the initial one only. */
#define SYSCTL_EVERYWHERE "/proc/sys/net/core/somaxconn"
#define SYSCTL_INITIAL_ONLY "/proc/sys/net/core/netdev_max_backlog"

/* Where the kernel numbers the initial network namespace itself (Linux 6.18), this is it. */
#define INITIAL_NETNS_INODE 0xeffffff9U

static void refuse_initial_namespace(void)
{
	struct stat self;

	if (stat("/proc/self/ns/net", &self) || access(SYSCTL_EVERYWHERE, F_OK))
		die("refused: /proc does not tell which network namespace this is");
	if (self.st_ino == INITIAL_NETNS_INODE || !access(SYSCTL_INITIAL_ONLY, F_OK))
		die("refused: this is the initial network namespace; run it inside one made for "
		    "the test (nsenter --net=/run/netns/NAME)");
}

static void interface_ioctl(const char *ifname, unsigned long request, struct ifreq *ifr)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket: %m");
	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", ifname);
	if (ioctl(fd, request, ifr))
		die("refused: cannot tell what kind of interface %s is: %m", ifname);
	close(fd);
}

unsigned int guarded_ifindex(const char *ifname)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq ifr = {.ifr_data = (void *)&info};
	unsigned int ifindex;

	refuse_initial_namespace();
	ifindex = if_nametoindex(ifname);
	if (!ifindex)
		die("no interface %s in this network namespace", ifname);
	interface_ioctl(ifname, SIOCETHTOOL, &ifr);
	if (strcmp(info.driver, "veth"))
		die("refused: %s is a %s, not a veth", ifname, info.driver);
	return ifindex;
}

void interface_mac(const char *ifname, uint8_t mac[MAC_LEN])
{
	struct ifreq ifr = {0};

	interface_ioctl(ifname, SIOCGIFHWADDR, &ifr);
	memcpy(mac, ifr.ifr_hwaddr.sa_data, MAC_LEN);
}

struct neighbour_query {
	unsigned int ifindex;
	const struct addr *ip;
	uint8_t *mac;
	bool found;
};

static int match_neighbour(const struct nlmsghdr *nlh, void *data)
{
	struct neighbour_query *query = data;
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr, *dst = NULL, *lladdr = NULL;

	mnl_attr_for_each(attr, nlh, sizeof(*ndm))
	{
		if (mnl_attr_get_type(attr) == NDA_DST)
			dst = attr;
		else if (mnl_attr_get_type(attr) == NDA_LLADDR)
			lladdr = attr;
	}
	if ((unsigned int)ndm->ndm_ifindex != query->ifindex || !dst || !lladdr ||
	    mnl_attr_get_payload_len(lladdr) != MAC_LEN ||
	    mnl_attr_get_payload_len(dst) != addr_len(query->ip) ||
	    memcmp(mnl_attr_get_payload(dst), query->ip->bytes, addr_len(query->ip)))
		return MNL_CB_OK;
	memcpy(query->mac, mnl_attr_get_payload(lladdr), MAC_LEN);
	query->found = true;
	return MNL_CB_OK;
}

bool neighbour_mac(unsigned int ifindex, const struct addr *ip, uint8_t mac[MAC_LEN])
{
	struct neighbour_query query = {ifindex, ip, mac, false};
	uint8_t buf[8192];
	struct mnl_socket *nl = mnl_socket_open(NETLINK_ROUTE);
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ndmsg *ndm;
	ssize_t len;

	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID))
		die("rtnetlink: %m");
	nlh->nlmsg_type = RTM_GETNEIGH;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));
	ndm->ndm_family = ip->family;
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		die("rtnetlink: %m");
	do
		len = mnl_socket_recvfrom(nl, buf, sizeof(buf));
	while (len > 0 && mnl_cb_run(buf, len, 0, 0, match_neighbour, &query) > MNL_CB_STOP);
	mnl_socket_close(nl);
	return query.found;
}

struct addr parse_addr(const char *text)
{
	struct addr addr = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};

	if (inet_pton(addr.family, text, addr.bytes) != 1)
		usage_error("'%s' is not an address", text);
	return addr;
}

struct prefix parse_prefix(const char *text)
{
	char copy[INET6_ADDRSTRLEN + 8];
	struct prefix prefix;
	char *slash;

	snprintf(copy, sizeof(copy), "%s", text);
	slash = strchr(copy, '/');
	if (slash)
		*slash = '\0';
	prefix.addr = parse_addr(copy);
	prefix.len = 8 * addr_len(&prefix.addr);
	if (slash)
		prefix.len = parse_number(slash + 1, 0, prefix.len, "prefix length");
	return prefix;
}

void parse_mac(const char *text, uint8_t mac[MAC_LEN])
{
	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3],
		   &mac[4], &mac[5]) != MAC_LEN)
		usage_error("'%s' is not a MAC address", text);
}

uint64_t parse_number(const char *text, uint64_t min, uint64_t max, const char *what)
{
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (end == text || *end || errno || *text == '-' || value < min || value > max)
		usage_error("%s '%s' is not a number from %llu to %llu", what, text,
			    (unsigned long long)min, (unsigned long long)max);
	return value;
}

void parse_range(const char *text, uint64_t max, const char *what, unsigned int *lo,
		 unsigned int *hi)
{
	char copy[64];
	char *dash;

	snprintf(copy, sizeof(copy), "%s", text);
	dash = strchr(copy, '-');
	if (dash)
		*dash = '\0';
	*lo = parse_number(copy, 1, max, what);
	*hi = dash ? parse_number(dash + 1, *lo, max, what) : *lo;
}

size_t addr_len(const struct addr *addr)
{
	return addr->family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
}

const char *addr_text(const struct addr *addr)
{
	static char text[INET6_ADDRSTRLEN];

	return inet_ntop(addr->family, addr->bytes, text, sizeof(text));
}

struct addr addr_plus(const struct addr *first, uint32_t n)
{
	struct addr addr = *first;
	uint32_t *last = (uint32_t *)(addr.bytes + addr_len(first) - sizeof(*last));

	*last = htonl(ntohl(*last) + n);
	return addr;
}

socklen_t addr_to_sockaddr(const struct addr *addr, uint16_t port, struct sockaddr_storage *ss)
{
	struct sockaddr_in *in4 = (void *)ss;
	struct sockaddr_in6 *in6 = (void *)ss;

	memset(ss, 0, sizeof(*ss));
	ss->ss_family = addr->family;
	if (addr->family == AF_INET) {
		in4->sin_port = htons(port);
		memcpy(&in4->sin_addr, addr->bytes, sizeof(in4->sin_addr));
		return sizeof(*in4);
	}
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, addr->bytes, sizeof(in6->sin6_addr));
	return sizeof(*in6);
}

uint64_t sum_bytes(const void *data, size_t len, uint64_t sum)
{
	const uint8_t *byte = data;
	uint16_t word;

	for (; len > 1; len -= 2, byte += 2) {
		memcpy(&word, byte, sizeof(word));
		sum += word;
	}
	if (len)
		sum += htons(*byte << 8);
	return sum;
}

uint16_t sum_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

uint64_t sum_pseudo(const struct addr *src, const struct addr *dst, uint8_t protocol, size_t len)
{
	return sum_bytes(src->bytes, addr_len(src), 0) + sum_bytes(dst->bytes, addr_len(dst), 0) +
	       htons(protocol) + htons(len);
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

void samples_add(struct samples *samples, double ms)
{
	if (samples->count == samples->room) {
		samples->room = samples->room ? 2 * samples->room : 1024;
		samples->value = realloc(samples->value, samples->room * sizeof(double));
		if (!samples->value)
			die("out of memory");
	}
	samples->value[samples->count++] = ms;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void samples_print(struct samples *samples, const char *name, FILE *out)
{
	size_t n = samples->count;

	if (!n) {
		fprintf(out, "\"%s\":{\"p50\":null,\"p99\":null,\"max\":null}", name);
		return;
	}
	qsort(samples->value, n, sizeof(double), compare_doubles);
	fprintf(out, "\"%s\":{\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f}", name,
		samples->value[(n - 1) / 2], samples->value[(n - 1) * 99 / 100],
		samples->value[n - 1]);
}

static uint8_t stream_byte(const struct stream *stream, uint64_t offset)
{
	uint64_t x = stream->seed + (offset / 8 + 1) * 0x9e3779b97f4a7c15ULL;

	x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93ULL;
	x ^= x >> 32;
	return x >> (8 * (offset % 8));
}

/* FNV-1a: order matters, so that swapped or repeated bytes are seen too. */
static void stream_advance(struct stream *stream, uint8_t byte)
{
	if (!stream->offset)
		stream->checksum = 0xcbf29ce484222325ULL;
	stream->checksum = (stream->checksum ^ byte) * 0x100000001b3ULL;
	stream->offset++;
}

void stream_fill(struct stream *stream, uint8_t *buf, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		buf[i] = stream_byte(stream, stream->offset);
		stream_advance(stream, buf[i]);
	}
}

size_t stream_check(struct stream *stream, const uint8_t *buf, size_t len)
{
	size_t i;

	for (i = 0; i < len && buf[i] == stream_byte(stream, stream->offset); i++)
		stream_advance(stream, buf[i]);
	return i;
}

static void print_options(uint8_t options, FILE *out)
{
	static const struct {
		uint8_t bit;
		const char *name;
	} known[] = {
		{TCPI_OPT_TIMESTAMPS, "ts"},	 {TCPI_OPT_SACK, "sack"},
		{TCPI_OPT_WSCALE, "wscale"},	 {TCPI_OPT_ECN, "ecn"},
		{TCPI_OPT_ECN_SEEN, "ecn_seen"}, {TCPI_OPT_SYN_DATA, "syn_data"},
	};
	const char *separator = "";

	fputs(" options=", out);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!(options & known[i].bit))
			continue;
		fprintf(out, "%s%s", separator, known[i].name);
		separator = ",";
	}
	if (!*separator)
		fputs("none", out);
}

void print_tcp_info(int fd, FILE *out)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		die("TCP_INFO: %m");
	fprintf(out, "advmss=%u", info.tcpi_advmss);
	print_options(info.tcpi_options, out);
	fprintf(out, " pmtu=%u rcv_mss=%u rcv_wscale=%u", info.tcpi_pmtu, info.tcpi_rcv_mss,
		info.tcpi_options & TCPI_OPT_WSCALE ? info.tcpi_rcv_wscale : 0);
	fprintf(out, " snd_cwnd=%u snd_mss=%u", info.tcpi_snd_cwnd, info.tcpi_snd_mss);
	if (len >= offsetof(struct tcp_info, tcpi_snd_wnd) + sizeof(info.tcpi_snd_wnd))
		fprintf(out, " snd_wnd=%u", info.tcpi_snd_wnd);
	fprintf(out, " snd_wscale=%u state=%u\n",
		info.tcpi_options & TCPI_OPT_WSCALE ? info.tcpi_snd_wscale : 0, info.tcpi_state);
	fflush(out);
}
