/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the test tools share: the guard against real interfaces, addresses, samples, streams. */
#ifndef TOOLS_COMMON_H
#define TOOLS_COMMON_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define NSEC_PER_SEC 1000000000ULL
#define MAC_LEN 6

struct addr {
	int family;
	uint8_t bytes[16]; /* network order; IPv4 uses the first four */
};

struct prefix {
	struct addr addr;
	unsigned int len;
};

/* Durations in milliseconds, kept whole so that percentiles are exact. */
struct samples {
	double *value;
	size_t count;
	size_t room;
};

/* A reproducible byte stream: both ends know what comes at every offset. */
struct stream {
	uint64_t seed;
	uint64_t offset;
	uint64_t checksum;
};

_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void usage_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * These tools forge packets, so they work on nothing but a veth outside the initial network
 * namespace. Returns the interface's index, or ends the process with the reason.
 */
unsigned int guarded_ifindex(const char *ifname);
void interface_mac(const char *ifname, uint8_t mac[MAC_LEN]);
/* The neighbour table's link-layer address of @ip on @ifindex. */
bool neighbour_mac(unsigned int ifindex, const struct addr *ip, uint8_t mac[MAC_LEN]);

struct addr parse_addr(const char *text);
struct prefix parse_prefix(const char *text);
void parse_mac(const char *text, uint8_t mac[MAC_LEN]);
uint64_t parse_number(const char *text, uint64_t min, uint64_t max, const char *what);
/* LO-HI, or one number for both. */
void parse_range(const char *text, uint64_t max, const char *what, unsigned int *lo,
		 unsigned int *hi);
size_t addr_len(const struct addr *addr);
const char *addr_text(const struct addr *addr);
/* The @n-th address after @first. */
struct addr addr_plus(const struct addr *first, uint32_t n);
socklen_t addr_to_sockaddr(const struct addr *addr, uint16_t port, struct sockaddr_storage *ss);

/* Internet checksum, in memory order: partial sums may be added, then folded. */
uint64_t sum_bytes(const void *data, size_t len, uint64_t sum);
uint16_t sum_fold(uint64_t sum);
uint64_t sum_pseudo(const struct addr *src, const struct addr *dst, uint8_t protocol, size_t len);

uint64_t now_ns(void);
void samples_add(struct samples *samples, double ms);
/* "name":{"p50":…,"p99":…,"max":…} */
void samples_print(struct samples *samples, const char *name, FILE *out);

void stream_fill(struct stream *stream, uint8_t *buf, size_t len);
/* Returns the number of leading bytes of @buf that are what the stream holds. */
size_t stream_check(struct stream *stream, const uint8_t *buf, size_t len);

/* TCP_INFO as one line of sorted key=value. */
void print_tcp_info(int fd, FILE *out);

#endif
