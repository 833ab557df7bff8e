/* SPDX-License-Identifier: GPL-2.0-only */
/* What one run of a program works with: the configuration, the host, the hour. */
#ifndef SHIELD_H
#define SHIELD_H

#include "cookie.h"
#include "verdict.h"

struct shield {
	const struct synshield_settings *settings;
	const struct synshield_host *host;
	const struct synshield_keys *keys;
	__u64 now; /* jiffies */
};

/* False until the daemon has filled the maps: then everything passes. */
static __always_inline bool shield_begin(struct shield *s)
{
	__u32 zero = 0;

	s->settings = bpf_map_lookup_elem(&settings, &zero);
	s->host = bpf_map_lookup_elem(&host, &zero);
	s->keys = bpf_map_lookup_elem(&keys, &zero);
	s->now = bpf_jiffies64();
	return s->settings && s->host && s->keys && s->settings->generation && s->host->hz;
}

/* Are all of the kernel's sockets in `conns`, so that a miss there is a miss in the kernel too? */
static __always_inline bool sockets_are_learned(const struct shield *s)
{
	const struct synshield_tracking *t;
	__u32 zero = 0;

	t = bpf_map_lookup_elem(&tracking, &zero);
	return s->host->learned == s->settings->generation && t && t->made < s->host->learned_until;
}

static __always_inline const struct synshield_local *find_local(const __u8 addr[16])
{
	struct synshield_local_key key = {.prefixlen = 128};

	memcpy(key.addr, addr, sizeof(key.addr));
	return bpf_map_lookup_elem(&locals, &key);
}

/* The kernel's socket for a received packet, or NULL.  To be released. */
#define find_socket(ctx, p)                                                                        \
	({                                                                                         \
		struct bpf_sock_tuple tuple_ = {};                                                 \
		__u32 size_;                                                                       \
		if ((p)->ipv6) {                                                                   \
			memcpy(tuple_.ipv6.saddr, (p)->tuple.remote, 16);                          \
			memcpy(tuple_.ipv6.daddr, (p)->tuple.local, 16);                           \
			tuple_.ipv6.sport = bpf_htons((p)->tuple.remote_port);                     \
			tuple_.ipv6.dport = bpf_htons((p)->tuple.local_port);                      \
			size_ = sizeof(tuple_.ipv6);                                               \
		} else {                                                                           \
			tuple_.ipv4.saddr = mapped_ipv4((p)->tuple.remote);                        \
			tuple_.ipv4.daddr = mapped_ipv4((p)->tuple.local);                         \
			tuple_.ipv4.sport = bpf_htons((p)->tuple.remote_port);                     \
			tuple_.ipv4.dport = bpf_htons((p)->tuple.local_port);                      \
			size_ = sizeof(tuple_.ipv4);                                               \
		}                                                                                  \
		bpf_skc_lookup_tcp(ctx, &tuple_, size_, BPF_F_CURRENT_NETNS, 0);                   \
	})

/* Mode of a port for which no listener is known. */
static __always_inline enum synshield_mode port_mode(const struct shield *s, __u32 port)
{
	const struct synshield_policy *own = bpf_map_lookup_elem(&policy, &port);

	return own && own->mode ? own->mode : s->settings->mode;
}

#endif
