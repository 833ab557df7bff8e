/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "bareack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "locals.h"

#define TIMESTAMPS_BYTES 12 /* two NOPs in front, as everybody sends them */

static __u32 sum_of(const void *bytes, size_t len, __u32 sum)
{
	const __u8 *p = bytes;
	size_t i;

	for (i = 0; i < len; i += 2)
		sum += p[i] << 8 | p[i + 1];
	return sum;
}

static __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static void put_timestamps(__u8 *to, const struct synshield_socket *socket)
{
	__u32 tsval = htonl(socket->tsval), tsecr = htonl(socket->tsecr);

	to[0] = to[1] = TCPOPT_NOP;
	to[2] = TCPOPT_TIMESTAMP;
	to[3] = TCPOLEN_TIMESTAMP;
	memcpy(to + 4, &tsval, sizeof(tsval));
	memcpy(to + 8, &tsecr, sizeof(tsecr));
}

/* Its length, without the checksum. */
static size_t put_tcp(__u8 *to, const struct synshield_tuple *tuple,
		      const struct synshield_socket *socket)
{
	bool timestamps = socket->flags & SYNSHIELD_SOCKET_TIMESTAMPS;
	size_t len = sizeof(struct tcphdr) + (timestamps ? TIMESTAMPS_BYTES : 0);
	struct tcphdr tcp = {
		.th_sport = htons(tuple->local_port),
		.th_dport = htons(tuple->remote_port),
		.th_seq = htonl(socket->next - 1),
		.th_ack = htonl(socket->ack),
		.th_off = len / 4,
		.th_flags = TH_ACK,
		.th_win = htons(socket->window),
	};

	memcpy(to, &tcp, sizeof(tcp));
	if (timestamps)
		put_timestamps(to + sizeof(tcp), socket);
	return len;
}

/* Length, identification and checksum are the kernel's to fill in. */
static size_t put_ipv4(__u8 *to, const struct synshield_tuple *tuple,
		       const struct synshield_socket *socket, __u8 ttl)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tos = socket->tos,
		.frag_off = htons(IP_DF),
		.ttl = ttl,
		.protocol = IPPROTO_TCP,
	};

	memcpy(&ip.saddr, tuple->local + 12, 4);
	memcpy(&ip.daddr, tuple->remote + 12, 4);
	memcpy(to, &ip, sizeof(ip));
	return sizeof(ip);
}

static size_t put_ipv6(__u8 *to, const struct synshield_tuple *tuple,
		       const struct synshield_socket *socket, __u8 ttl, size_t len)
{
	struct ip6_hdr ip = {
		.ip6_flow = htonl(6U << 28 | (__u32)socket->tos << 20),
		.ip6_plen = htons(len),
		.ip6_nxt = IPPROTO_TCP,
		.ip6_hlim = ttl,
	};

	memcpy(&ip.ip6_src, tuple->local, 16);
	memcpy(&ip.ip6_dst, tuple->remote, 16);
	memcpy(to, &ip, sizeof(ip));
	return sizeof(ip);
}

size_t bareack_build(__u8 packet[BAREACK_MAX], const struct synshield_tuple *tuple,
		     const struct synshield_socket *socket, __u8 ttl)
{
	bool ipv4 = address_is_ipv4(tuple->local);
	size_t from = ipv4 ? 12 : 0, len, ip;
	__u8 tcp[BAREACK_MAX];
	__u32 sum;
	__u16 check;

	if (socket->ttl)
		ttl = socket->ttl;
	len = put_tcp(tcp, tuple, socket);
	sum = sum_of(tuple->local + from, 16 - from, IPPROTO_TCP + len);
	sum = sum_of(tuple->remote + from, 16 - from, sum);
	check = htons(fold(sum_of(tcp, len, sum)));
	memcpy(tcp + offsetof(struct tcphdr, th_sum), &check, sizeof(check));
	ip = ipv4 ? put_ipv4(packet, tuple, socket, ttl)
		  : put_ipv6(packet, tuple, socket, ttl, len);
	memcpy(packet + ip, tcp, len);
	return ip + len;
}

/* Mark and device decide the way that its packets take. */
static int open_like(bool ipv4, const struct synshield_socket *socket_is)
{
	int fd = socket(ipv4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			IPPROTO_RAW);
	char name[IF_NAMESIZE];
	int err;

	if (fd < 0)
		return -errno;
	if (socket_is->mark &&
	    setsockopt(fd, SOL_SOCKET, SO_MARK, &socket_is->mark, sizeof(socket_is->mark)))
		goto fail;
	if (socket_is->bound && (!if_indextoname(socket_is->bound, name) ||
				 setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, strlen(name))))
		goto fail;
	return fd;
fail:
	err = -errno;
	close(fd);
	return err;
}

int bareack_send(const struct synshield_tuple *tuple, const struct synshield_socket *socket_is,
		 __u8 ttl, int ifindex)
{
	bool ipv4 = address_is_ipv4(tuple->local);
	union {
		struct sockaddr any;
		struct sockaddr_in ipv4;
		struct sockaddr_in6 ipv6;
	} to = {0};
	__u8 packet[BAREACK_MAX];
	size_t len = bareack_build(packet, tuple, socket_is, ttl);
	int fd = open_like(ipv4, socket_is), err = 0;

	if (fd < 0)
		return fd;
	to.any.sa_family = ipv4 ? AF_INET : AF_INET6;
	if (ipv4)
		memcpy(&to.ipv4.sin_addr, tuple->remote + 12, 4);
	else
		memcpy(&to.ipv6.sin6_addr, tuple->remote, 16);
	if (!ipv4 && IN6_IS_ADDR_LINKLOCAL(&to.ipv6.sin6_addr))
		to.ipv6.sin6_scope_id = ifindex;
	if (sendto(fd, packet, len, 0, &to.any, ipv4 ? sizeof(to.ipv4) : sizeof(to.ipv6)) < 0)
		err = -errno;
	close(fd);
	return err;
}
