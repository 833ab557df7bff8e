/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#define CLIENT_IPV4 "192.0.2.9"
#define CLIENT_IPV6 "2001:db8:9::9"
#define SERVER_IPV4 "198.51.100.1"
#define SERVER_IPV6 "2001:db8:1::1"
#define NOBODY_IPV4 "192.0.2.2"
#define NOBODY_IPV6 "2001:db8:2::2"
#define ANSWER_MS 200

static int wire;

void net_run(const char *fmt, ...)
{
	char command[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	if (system(command))
		bail_out("%s", command);
}

void net_sysctl(const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		bail_out("%s = %s", path, value);
	close(fd);
}

int net_sysctl_read(const char *name, int field)
{
	char path[128];
	int value = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	f = fopen(path, "r");
	while (f && field-- >= 0)
		if (fscanf(f, "%d", &value) != 1)
			bail_out("%s", path);
	if (f)
		fclose(f);
	return value;
}

void net_set_mtu(int mtu)
{
	net_run("ip link set server0 mtu %d && ip link set wire0 mtu %d", mtu, mtu);
}

static void open_wire(void)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};

	at.sll_ifindex = if_nametoindex("wire0");
	wire = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	if (wire < 0 || bind(wire, (void *)&at, sizeof(at)))
		bail_out("raw socket on wire0");
}

void net_enter(void)
{
	if (unshare(CLONE_NEWNET))
		bail_out("no network namespace of its own: run as root");
	net_run("ip link set lo up");
	net_run("ip link add server0 address 02:00:00:00:00:01 type veth peer name wire0");
	net_sysctl("ipv6/conf/wire0/disable_ipv6", "1");
	net_sysctl("ipv6/conf/server0/accept_dad", "0");
	net_run("ip link set server0 arp off up && ip link set wire0 up");
	net_run("ip addr add " CLIENT_IPV4 "/32 dev lo; ip addr add " CLIENT_IPV6
		"/128 dev lo nodad");
	for (int i = 1; i <= 2; i++)
		net_run("ip addr add 198.51.100.%d/32 dev server0 && "
			"ip addr add 2001:db8:1::%d/128 dev server0 nodad",
			i, i);
	net_run("ip route add default dev server0 && ip -6 route add default dev server0");
	open_wire();
}

bool net_address(const char *text, __u8 addr[16])
{
	memset(addr, 0, 16);
	if (inet_pton(AF_INET6, text, addr) == 1)
		return true;
	memset(addr + 10, 0xff, 2);
	if (inet_pton(AF_INET, text, addr + 12) != 1)
		bail_out("no address: %s", text);
	return false;
}

static socklen_t any_address(bool ipv6, __u16 port, struct sockaddr_storage *ss)
{
	struct sockaddr_in6 *in6 = (void *)ss;
	struct sockaddr_in *in = (void *)ss;

	memset(ss, 0, sizeof(*ss));
	ss->ss_family = ipv6 ? AF_INET6 : AF_INET;
	if (ipv6)
		in6->sin6_port = htons(port);
	else
		in->sin_port = htons(port);
	return ipv6 ? sizeof(*in6) : sizeof(*in);
}

static int set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

static int set_md5_key(int fd, bool ipv6)
{
	struct tcp_md5sig md5 = {.tcpm_keylen = 3, .tcpm_key = "key"};
	__u8 addr[16];

	any_address(ipv6, 0, (void *)&md5.tcpm_addr);
	net_address(ipv6 ? "2001:db8:2::2" : "192.0.2.2", addr);
	if (ipv6)
		memcpy(&((struct sockaddr_in6 *)&md5.tcpm_addr)->sin6_addr, addr, 16);
	else
		memcpy(&((struct sockaddr_in *)&md5.tcpm_addr)->sin_addr, addr + 12, 4);
	return setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &md5, sizeof(md5));
}

static int set_kind(int fd, bool ipv6, enum listener_kind kind)
{
	switch (kind) {
	case LISTENER_RCVBUF:
		return set_int(fd, SOL_SOCKET, SO_RCVBUF, 20000);
	case LISTENER_CLAMP:
		return set_int(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, 10000);
	case LISTENER_MAXSEG:
		return set_int(fd, IPPROTO_TCP, TCP_MAXSEG, 1300);
	case LISTENER_MD5:
		return set_md5_key(fd, ipv6);
	default:
		return 0;
	}
}

int net_listen(bool ipv6, __u16 port, int backlog, enum listener_kind kind)
{
	struct sockaddr_storage ss;
	socklen_t len = any_address(ipv6, port, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC,
			kind == LISTENER_MPTCP ? IPPROTO_MPTCP : 0);

	if (fd < 0 || set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1) ||
	    (ipv6 && set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, kind != LISTENER_DUAL)) ||
	    set_kind(fd, ipv6, kind) || bind(fd, (void *)&ss, len) || listen(fd, backlog))
		bail_out("listener on port %d", port);
	return fd;
}

static socklen_t named_address(bool ipv6, const char *text, __u16 port, struct sockaddr_storage *ss)
{
	socklen_t len = any_address(ipv6, port, ss);
	__u8 addr[16];

	net_address(text, addr);
	if (ipv6)
		memcpy(&((struct sockaddr_in6 *)ss)->sin6_addr, addr, 16);
	else
		memcpy(&((struct sockaddr_in *)ss)->sin_addr, addr + 12, 4);
	return len;
}

int net_dial(bool ipv6, __u16 port)
{
	int fd;
	struct sockaddr_storage from, to;
	socklen_t len = named_address(ipv6, ipv6 ? CLIENT_IPV6 : CLIENT_IPV4, 0, &from);

	named_address(ipv6, ipv6 ? SERVER_IPV6 : SERVER_IPV4, port, &to);
	fd = socket(from.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (void *)&from, len) || connect(fd, (void *)&to, len))
		bail_out("connection to port %d", port);
	return fd;
}

int net_dial_nobody(bool ipv6, __u16 port)
{
	int fd;
	struct sockaddr_storage from, to;
	socklen_t len = named_address(ipv6, ipv6 ? SERVER_IPV6 : SERVER_IPV4, 0, &from);

	named_address(ipv6, ipv6 ? NOBODY_IPV6 : NOBODY_IPV4, port, &to);
	fd = socket(from.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (void *)&from, len) ||
	    (connect(fd, (void *)&to, len) && errno != EINPROGRESS))
		bail_out("connection to nobody");
	return fd;
}

void net_connect(int listener, bool ipv6, __u16 port, int *client, int *server)
{
	*client = net_dial(ipv6, port);
	*server = accept(listener, NULL, NULL);
	if (*server < 0)
		bail_out("accept on port %d", port);
}

__u16 net_local_port(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (void *)&ss, &len))
		bail_out("getsockname");
	return ntohs(((struct sockaddr_in *)&ss)->sin_port);
}

void net_send(const struct frame *f)
{
	if (send(wire, f->byte, f->len, 0) != (ssize_t)f->len)
		bail_out("sending on wire0");
}

/* Has it these flags, and goes back the way? */
static bool is_answer(const struct frame *syn, __u8 flags, struct frame *f)
{
	bool ipv6 = get16(f->byte + 12) == 0x86dd;
	const __u8 *tcp;

	if (f->len < 54 || get16(f->byte + 12) != get16(syn->byte + 12))
		return false;
	f->l3 = 14;
	f->l4 = ipv6 ? 54 : 14 + (f->byte[14] & 0xf) * 4;
	tcp = f->byte + f->l4;
	return f->byte[f->l3 + (ipv6 ? 6 : 9)] == IPPROTO_TCP &&
	       get16(tcp) == get16(syn->byte + syn->l4 + 2) &&
	       get16(tcp + 2) == get16(syn->byte + syn->l4) && (tcp[13] & flags) == flags;
}

static bool answer_with(const struct frame *syn, __u8 flags, struct frame *synack)
{
	struct pollfd p = {.fd = wire, .events = POLLIN};

	while (recv(wire, synack->byte, FRAME_MAX, MSG_DONTWAIT) > 0)
		;
	net_send(syn);
	while (poll(&p, 1, ANSWER_MS) > 0) {
		ssize_t len = recv(wire, synack->byte, FRAME_MAX, MSG_DONTWAIT);

		if (len <= 0)
			continue;
		synack->len = len;
		if (is_answer(syn, flags, synack))
			return true;
	}
	return false;
}

bool net_kernel_answer(const struct frame *syn, struct frame *synack)
{
	return answer_with(syn, TCP_SYN | TCP_ACK, synack);
}

bool net_kernel_reset(const struct frame *f, struct frame *rst)
{
	return answer_with(f, TCP_RST, rst);
}
