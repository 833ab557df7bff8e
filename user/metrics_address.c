/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "metrics_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

#define BACKLOG 16
#define TEXT_BYTES 80

static int add(struct metrics_address *a, const char *host, const char *port)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
				       .ai_socktype = SOCK_STREAM};
	struct addrinfo *ai;

	if (getaddrinfo(host, port, &hints, &ai))
		return -EINVAL;
	memcpy(&a->at[a->count], ai->ai_addr, ai->ai_addrlen);
	a->len[a->count++] = ai->ai_addrlen;
	freeaddrinfo(ai);
	return 0;
}

static bool is_port(const char *text)
{
	unsigned long n = strtoul(text, NULL, 10);

	return *text && strspn(text, "0123456789") == strlen(text) && n && n <= 65535;
}

int metrics_address_parse(struct metrics_address *a, const char *text)
{
	const char *colon = strrchr(text, ':');
	char host[TEXT_BYTES];
	size_t len;

	*a = (struct metrics_address){.count = 0};
	if (!colon) {
		if (!is_port(text) || add(a, "127.0.0.1", text))
			return -EINVAL;
		return add(a, "::1", text);
	}
	len = colon - text;
	if (!is_port(colon + 1) || len >= sizeof(host))
		return -EINVAL;
	if (text[0] == '[') {
		if (len < 2 || text[len - 1] != ']')
			return -EINVAL;
		text++;
		len -= 2;
	} else if (memchr(text, ':', len)) {
		return -EINVAL;
	}
	memcpy(host, text, len);
	host[len] = 0;
	return add(a, host, colon + 1);
}

static const char *write_text(const struct metrics_address *a, int i, char text[TEXT_BYTES])
{
	const struct sockaddr *sa = (const struct sockaddr *)&a->at[i];
	char host[TEXT_BYTES / 2], port[8];

	if (getnameinfo(sa, a->len[i], host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV))
		return "?";
	snprintf(text, TEXT_BYTES, sa->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
	return text;
}

static bool is_loopback(const struct metrics_address *a, int i)
{
	const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)&a->at[i];
	const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)&a->at[i];

	if (a->at[i].ss_family == AF_INET)
		return ntohl(ipv4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(&ipv6->sin6_addr);
}

static int bind_and_listen(const struct metrics_address *a, int i)
{
	const int on = 1;
	int err, fd;

	fd = socket(a->at[i].ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a->at[i].ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (!bind(fd, (const struct sockaddr *)&a->at[i], a->len[i]) && !listen(fd, BACKLOG))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int metrics_address_listen(const struct metrics_address *a, int i)
{
	int fd = bind_and_listen(a, i);
	char text[TEXT_BYTES];

	if (i > 0 && (fd == -EADDRNOTAVAIL || fd == -EAFNOSUPPORT))
		return -EAFNOSUPPORT;
	if (fd == -EADDRINUSE)
		log_line("cannot serve metrics on %s: something listens there already ('ss -ltnp' "
			 "tells what): give --metrics another port",
			 write_text(a, i, text));
	else if (fd < 0)
		log_errno(fd, "cannot serve metrics on %s", write_text(a, i, text));
	else if (!is_loopback(a, i))
		log_line("warning: whoever reaches %s can read the metrics: there is no password",
			 write_text(a, i, text));
	return fd;
}
