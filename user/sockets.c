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

union answer {
	struct nlmsghdr head;
	char bytes[2048];
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

static void ask(struct question *q, int ifindex, const struct synshield_tuple *tuple)
{
	bool ipv4 = address_is_ipv4(tuple->local);
	size_t from = ipv4 ? 12 : 0;

	*q = (struct question){
		.head = {.nlmsg_len = sizeof(*q),
			 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			 .nlmsg_flags = NLM_F_REQUEST},
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

/* The question's answer; what is not it belongs to one that was given up before. */
static int talk(int fd, struct question *q, union answer *answer)
{
	static __u32 seq;
	ssize_t n;

	q->head.nlmsg_seq = ++seq;
	if (send(fd, q, sizeof(*q), 0) != sizeof(*q))
		return -errno;
	do {
		n = recv(fd, answer, sizeof(*answer), 0);
		if (n < 0)
			return -errno;
		if (n < (ssize_t)sizeof(answer->head) || answer->head.nlmsg_len > (size_t)n)
			return -EPROTO;
	} while (answer->head.nlmsg_seq != seq);
	return 0;
}

int sockets_ask(int fd, int ifindex, const struct synshield_tuple *tuple)
{
	union answer answer;
	struct question q;
	int err;

	ask(&q, ifindex, tuple);
	err = talk(fd, &q, &answer);
	return err ? err : understand(&answer.head);
}

/* An error of 0 acknowledges. */
static int error_of(const struct nlmsghdr *answer)
{
	const struct nlmsgerr *error = (const void *)(answer + 1);

	if (answer->nlmsg_type != NLMSG_ERROR || answer->nlmsg_len < NLMSG_LENGTH(sizeof(*error)))
		return -EPROTO;
	return error->error;
}

/*
 * The cookie names the very socket that was seen: without one the kernel would take the
 * listener where the connection has just gone.
 */
int sockets_end(int fd, int ifindex, const struct synshield_tuple *tuple, __u32 states)
{
	const struct inet_diag_msg *m;
	union answer answer;
	struct question q;
	int err;

	ask(&q, ifindex, tuple);
	err = talk(fd, &q, &answer);
	if (!err)
		err = understand(&answer.head);
	if (err < 0)
		return err;
	m = (const void *)(&answer.head + 1);
	if (err == SOCKET_NONE || !(states & 1U << m->idiag_state))
		return -ENOENT;
	q.head.nlmsg_type = SOCK_DESTROY;
	q.head.nlmsg_flags |= NLM_F_ACK;
	memcpy(q.body.id.idiag_cookie, m->id.idiag_cookie, sizeof(q.body.id.idiag_cookie));
	err = talk(fd, &q, &answer);
	if (!err)
		err = error_of(&answer.head);
	return err == -ESTALE ? -ENOENT : err;
}

/* Asks to end what cannot be there: a connection of port 0. */
int sockets_can_end(int fd)
{
	static const struct synshield_tuple nobody;
	union answer answer;
	struct question q;
	int err;

	ask(&q, 0, &nobody);
	q.head.nlmsg_type = SOCK_DESTROY;
	q.head.nlmsg_flags |= NLM_F_ACK;
	q.body.id.idiag_cookie[0] = q.body.id.idiag_cookie[1] = 0;
	err = talk(fd, &q, &answer);
	if (!err)
		err = error_of(&answer.head);
	return err == -ENOENT || err == -ESTALE ? 0 : err;
}
