/* SPDX-License-Identifier: GPL-2.0-only */
/* What one run of a program works with: the configuration, the host, the hour. */
#ifndef SHIELD_H
#define SHIELD_H

#include "cookie.h"
#include "verdict.h"
#include <synshield/bloom.h>

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

/*
 * The parts that most packets do not come to are global functions: the verifier sees
 * each once, whatever the way to it.  They cannot be handed a struct shield, whose
 * pointers it would forget, and begin anew.
 */
#define SHIELD_AGAIN(s, otherwise)                                                                 \
	struct shield s##_;                                                                        \
	const struct shield *s = &s##_;                                                            \
	if (!shield_begin(&s##_))                                                                  \
	return otherwise

static __always_inline __u64 keyed_hash(const struct shield *s, __u64 value)
{
	return synshield_keyed_hash(value, s->host->seed);
}

/* Are all of the kernel's sockets in `conns`, so that a miss there is a miss in the kernel too? */
static __always_inline bool sockets_are_learned(const struct shield *s)
{
	const struct synshield_tracking *t;
	__u32 zero = 0;

	t = bpf_map_lookup_elem(&tracking, &zero);
	return s->host->learned == s->settings->generation && t && t->made < s->host->learned_until;
}

static __always_inline __be32 prefix_mask(__u32 bits)
{
	return bits ? bpf_htonl(~0u << ((32 - bits) & 31)) : 0;
}

/* Of a prefix, those bits that lie in the 32-bit word that begins at bit `at`. */
static __always_inline __u32 bits_in_word(__u32 prefix, __u32 at)
{
	if (prefix <= at)
		return 0;
	return prefix - at > 32 ? 32 : prefix - at;
}

static __always_inline const struct synshield_local *find_local(const __u8 addr[16])
{
	struct synshield_local_key key = {.prefixlen = 128};

	memcpy(key.addr, addr, sizeof(key.addr));
	return bpf_map_lookup_elem(&locals, &key);
}

/* Fills in what the kernel's look-ups want; how much of it counts. */
static __always_inline __u32 socket_tuple(const struct packet *p, struct bpf_sock_tuple *t)
{
	if (p->ipv6) {
		memcpy(t->ipv6.saddr, p->tuple.remote, 16);
		memcpy(t->ipv6.daddr, p->tuple.local, 16);
		t->ipv6.sport = bpf_htons(p->tuple.remote_port);
		t->ipv6.dport = bpf_htons(p->tuple.local_port);
		return sizeof(t->ipv6);
	}
	t->ipv4.saddr = mapped_ipv4(p->tuple.remote);
	t->ipv4.daddr = mapped_ipv4(p->tuple.local);
	t->ipv4.sport = bpf_htons(p->tuple.remote_port);
	t->ipv4.dport = bpf_htons(p->tuple.local_port);
	return sizeof(t->ipv4);
}

/* The kernel's socket for a received packet, or NULL.  To be released. */
#define find_socket(ctx, p)                                                                        \
	({                                                                                         \
		struct bpf_sock_tuple tuple_ = {};                                                 \
		__u32 size_ = socket_tuple(p, &tuple_);                                            \
		bpf_skc_lookup_tcp(ctx, &tuple_, size_, BPF_F_CURRENT_NETNS, 0);                   \
	})

/* Mode of a port for which no listener is known. */
static __always_inline enum synshield_mode port_mode(const struct shield *s, __u32 port)
{
	const struct synshield_policy *own = bpf_map_lookup_elem(&policy, &port);

	return own && own->mode ? own->mode : s->settings->mode;
}

/* What a segment to this port gets that belongs to nothing. */
static __always_inline enum synshield_reset port_reset(const struct shield *s, __u32 port)
{
	const struct synshield_policy *own = bpf_map_lookup_elem(&policy, &port);

	return own && own->reset ? own->reset : s->settings->reset;
}

#endif
