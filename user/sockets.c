/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "locals.h"

struct question {
	struct nlmsghdr head;
	struct inet_diag_req_v2 body;
};

int sockets_open(void)
{
	const struct timeval patience = {.tv_sec = 1};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	if (fd < 0)
		return -errno;
	/* the kernel answers before send() returns; should it ever not, the daemon goes on */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

static void ask(struct question *q, __u32 seq, int ifindex, const struct synshield_tuple *tuple)
{
	bool ipv4 = address_is_ipv4(tuple->local);
	size_t from = ipv4 ? 12 : 0;

	*q = (struct question){
		.head = {.nlmsg_len = sizeof(*q),
			 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			 .nlmsg_flags = NLM_F_REQUEST,
			 .nlmsg_seq = seq},
		.body = {.sdiag_family = ipv4 ? AF_INET : AF_INET6,
			 .sdiag_protocol = IPPROTO_TCP,
			 .idiag_states = ~0U,
			 .id = {.idiag_sport = htons(tuple->local_port),
				.idiag_dport = htons(tuple->remote_port),
				.idiag_if = ifindex,
				.idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
	};
	memcpy(q->body.id.idiag_src, tuple->local + from, 16 - from);
	memcpy(q->body.id.idiag_dst, tuple->remote + from, 16 - from);
}

/* Where no connection has the tuple the kernel tells of the listener. */
static int understand(const struct nlmsghdr *answer)
{
	const struct inet_diag_msg *m = (const void *)(answer + 1);
	const struct nlmsgerr *error = (const void *)(answer + 1);

	if (answer->nlmsg_type == NLMSG_ERROR) {
		if (answer->nlmsg_len < NLMSG_LENGTH(sizeof(*error)))
			return -EPROTO;
		return error->error == -ENOENT ? SOCKET_NONE : error->error;
	}
	if (answer->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    answer->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
		return -EPROTO;
	if (m->idiag_state == TCP_LISTEN || m->idiag_state == TCP_CLOSE)
		return SOCKET_NONE;
	return m->idiag_inode ? SOCKET_HELD : SOCKET_ORPHAN;
}

int sockets_ask(int fd, int ifindex, const struct synshield_tuple *tuple)
{
	static __u32 seq;
	union {
		struct nlmsghdr head;
		char bytes[2048];
	} answer;
	struct question q;
	ssize_t n;

	ask(&q, ++seq, ifindex, tuple);
	if (send(fd, &q, sizeof(q), 0) != sizeof(q))
		return -errno;
	do {
		n = recv(fd, &answer, sizeof(answer), 0);
		if (n < 0)
			return -errno;
		if (n < (ssize_t)sizeof(answer.head) || answer.head.nlmsg_len > (size_t)n)
			return -EPROTO;
	} while (answer.head.nlmsg_seq != seq); /* of a question given up before */
	return understand(&answer.head);
}
