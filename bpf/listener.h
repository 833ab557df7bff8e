/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Listeners, and whether they are under attack.  An entry is read from the
 * kernel's socket, so that a SYN-ACK says what the kernel's own would say.
 */
#ifndef LISTENER_H
#define LISTENER_H

#include "shield.h"

#define WINDOWS_PER_SECOND 8 /* in which SYNs are counted while all is calm */
#define EXACT_SYNS 1024	     /* in one window; then a sample is counted */
#define SYNS_SAMPLE 64
#define SYNS_TO_JUDGE 16 /* fewer say nothing about how many are completed */
#define TIMESTAMP_LEN 12 /* bytes, with its padding */

/* Where IPv4's and IPv6's MSS begin: dst_entry's advmss. */
#define ADVMSS_MIN_IPV4 256
#define ADVMSS_MIN_IPV6 1220

struct tcp_sock___ao {
	void *ao_info;
} __attribute__((preserve_access_index));

static __always_inline void listener_key(const struct packet *p, struct synshield_listener_key *key)
{
	memcpy(key->addr, p->tuple.local, sizeof(key->addr));
	*(__u32 *)&key->port = PAIR_OF_16(p->tuple.local_port, 0);
}

static __always_inline struct synshield_listener *find_listener(const struct packet *p)
{
	struct synshield_listener_key key ALIGNED_8;

	listener_key(p, &key);
	return bpf_map_lookup_elem(&listeners, &key);
}

static __always_inline void forget_listener(const struct packet *p)
{
	struct synshield_listener_key key ALIGNED_8;

	listener_key(p, &key);
	bpf_map_delete_elem(&listeners, &key);
}

/* Valid also while the entry is older than the settings. */
static __always_inline enum synshield_mode mode_of(const struct shield *s,
						   const struct synshield_listener *l, __u32 port)
{
	return likely(l->generation == s->settings->generation) ? l->mode : port_mode(s, port);
}

static __always_inline bool is_fresh(const struct shield *s, const struct synshield_listener *l)
{
	return l->generation == s->settings->generation && l->checked_jiffies &&
	       s->now - l->checked_jiffies < s->host->hz;
}

/* Bytes of window that a receive buffer is worth: the kernel's tcp_win_from_space(). */
static __always_inline __u32 window_of_space(const struct shield *s, struct tcp_sock *tp,
					     __u32 space)
{
	__s32 scale = s->host->adv_win_scale;

	if (bpf_core_field_exists(tp->scaling_ratio))
		return (__u64)space * tp->scaling_ratio >> 8;
	return scale <= 0 ? space >> (-scale & 31) : space - (space >> (scale & 31));
}

static __always_inline __u8 window_scale(const struct shield *s, __u32 space, __u32 clamp)
{
	__u8 shift = 0;

	if (!(s->host->flags & SYNSHIELD_HOST_WSCALE))
		return 0;
	if (space < s->host->rmem_max)
		space = s->host->rmem_max;
	if (space > clamp)
		space = clamp;
	while (shift < WSCALE_MAX && space >> 16 >> shift)
		shift++;
	return shift;
}

static __always_inline __u16 first_window(__u32 space, __u32 mss)
{
	if (mss && space > mss)
		space -= space % mss;
	return space > 0xffff ? 0xffff : space;
}

/* The kernel's tcp_select_initial_window() for a listener. */
static __always_inline void read_window(const struct shield *s, struct tcp_sock *tp,
					struct synshield_listener *l)
{
	struct sock *sk = &tp->inet_conn.icsk_inet.sk;
	__u32 space = window_of_space(s, tp, sk->sk_rcvbuf);
	__u32 clamp = tp->window_clamp;

	if (BPF_CORE_READ_BITFIELD(sk, sk_userlocks) & SOCK_RCVBUF_LOCK &&
	    (!clamp || clamp > space))
		clamp = space;
	if (!clamp)
		clamp = 0xffffu << WSCALE_MAX;
	l->wscale = window_scale(s, space, clamp);
	if (space > clamp)
		space = clamp;
	l->window[0] = first_window(space, l->mss);
	l->window[1] = first_window(space, l->mss - TIMESTAMP_LEN);
}

static __always_inline void read_mss(const struct shield *s, struct tcp_sock *tp,
				     const struct synshield_local *local, bool ipv6,
				     struct synshield_listener *l)
{
	__u32 mtu = local->mtu ?: s->host->mtu;
	__u32 headers = ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	__u32 least = ipv6 ? ADVMSS_MIN_IPV6 : ADVMSS_MIN_IPV4;
	__u32 mss;

	if (mtu > 0xffff)
		mtu = 0xffff;
	headers += sizeof(struct tcphdr);
	mss = mtu > headers + least ? mtu - headers : least;
	l->user_mss = tp->rx_opt.user_mss;
	l->mss = l->user_mss && l->user_mss < mss ? l->user_mss : mss;
}

static __always_inline __u8 read_flags(const struct shield *s, struct tcp_sock *tp,
				       const struct synshield_local *local)
{
	struct tcp_sock___ao *ao = (void *)tp;
	__u8 flags = 0;

	/* With tcp_syncookies=0 the kernel accepts no cookie, ours neither, and makes none. */
	if (!(s->host->flags & SYNSHIELD_HOST_REQSK) ||
	    !(s->host->flags & SYNSHIELD_HOST_SYNCOOKIES))
		flags |= SYNSHIELD_LISTENER_KERNEL_COOKIE;
	if (bpf_core_field_exists(tp->is_mptcp) && BPF_CORE_READ_BITFIELD(tp, is_mptcp))
		flags |= SYNSHIELD_LISTENER_KERNEL_COOKIE;
	if (bpf_core_field_exists(tp->md5sig_info) && tp->md5sig_info)
		flags |= SYNSHIELD_LISTENER_KEYED;
	if (bpf_core_field_exists(ao->ao_info) && ao->ao_info)
		flags |= SYNSHIELD_LISTENER_KEYED;
	if (local->vlan)
		flags |= SYNSHIELD_LISTENER_VLAN;
	return flags;
}

/* Half-open requests at which the kernel is not yet short of room. */
static __always_inline __u32 half_open_limit(const struct shield *s, __u32 asked, __u32 backlog)
{
	__u32 room = backlog - backlog / 4, all = s->host->max_syn_backlog / 2;

	if (all && room > all)
		room = all;
	if (asked > room)
		asked = room;
	return asked ? asked : 1;
}

/* A port's own limit, or the interface's; 0: none. */
static __always_inline __u32 limit(__u32 own, __u32 all)
{
	if (!own)
		return all;
	return own == SYNSHIELD_NO_LIMIT ? 0 : own;
}

static __always_inline void read_limits(const struct shield *s, __u32 port, __u32 backlog,
					struct synshield_listener *l)
{
	const struct synshield_policy *own = bpf_map_lookup_elem(&policy, &port);
	__u32 rate = own && own->syn_rate ? own->syn_rate : s->settings->syn_rate;
	__u32 half_open = own && own->half_open ? own->half_open : s->settings->half_open;

	l->mode = own && own->mode ? own->mode : s->settings->mode;
	l->source_conns = limit(own ? own->source_conns : 0, s->settings->source_conns);
	l->source_rate = limit(own ? own->source_rate : 0, s->settings->source_rate);
	l->syn_limit = rate / WINDOWS_PER_SECOND ?: 1;
	l->half_open_limit = half_open_limit(s, half_open, backlog);
	l->generation = s->settings->generation;
}

static __always_inline void read_half_open(struct tcp_sock *tp, struct synshield_listener *l)
{
	l->half_open = tp->inet_conn.icsk_accept_queue.qlen.counter;
}

/* The kernel, too, drops SYNs then, and segments that complete a handshake. */
static __always_inline bool accept_queue_is_full(const struct sock *sk)
{
	return sk->sk_ack_backlog > sk->sk_max_ack_backlog;
}

/* Take everything anew from a socket in state LISTEN. */
static __always_inline void read_listener(const struct shield *s, const struct packet *p,
					  struct tcp_sock *tp, const struct synshield_local *local,
					  struct synshield_listener *l)
{
	read_mss(s, tp, local, p->ipv6, l);
	read_window(s, tp, l);
	read_half_open(tp, l);
	read_limits(s, p->tuple.local_port, tp->inet_conn.icsk_inet.sk.sk_max_ack_backlog, l);
	l->flags = read_flags(s, tp, local);
	l->checked_jiffies = s->now;
}

const __u8 listener_unread[sizeof(struct synshield_listener)];

static __always_inline struct synshield_listener *make_listener(const struct packet *p)
{
	struct synshield_listener_key key ALIGNED_8;

	listener_key(p, &key);
	bpf_map_update_elem(&listeners, &key, &listener_unread, BPF_NOEXIST);
	return bpf_map_lookup_elem(&listeners, &key);
}

/* --- attacks --- */

static __always_inline bool under_attack(const struct shield *s, const struct synshield_listener *l)
{
	return s->now < l->cookies_until_jiffies;
}

static __always_inline bool wants_cookie(const struct shield *s, const struct synshield_listener *l)
{
	enum synshield_mode mode = l->mode;

	if (mode == SYNSHIELD_MODE_OBSERVE)
		mode = s->settings->counts;
	return mode == SYNSHIELD_MODE_ALWAYS || under_attack(s, l);
}

/*
 * In the second that has passed, did the attack go on?  It ends by itself when
 * no window says so for `quiet` seconds: half of the rate that began it, or
 * hardly anyone completing the handshake.
 */
static __always_inline bool was_hot(const struct synshield_listener *l, __u32 syns, __u32 acks,
				    __u64 windows)
{
	if (syns > (__u64)l->syn_limit * windows / 2)
		return true;
	return syns >= SYNS_TO_JUDGE && acks < syns / 4;
}

/* Close the running count.  One CPU wins and does it. */
static __always_inline void end_window(const struct shield *s, struct synshield_listener *l,
				       __u64 start)
{
	__u64 passed = s->now - start;
	__u32 syns, acks, rate;

	if (__sync_val_compare_and_swap(&l->window_jiffies, start, s->now) != start)
		return;
	syns = l->window_syns;
	acks = l->window_acks;
	l->window_syns = 0;
	l->window_acks = 0;
	l->syns += syns;
	l->acks += acks;
	if (!start || !under_attack(s, l))
		return;
	l->attack_syns += syns;
	l->attack_acks += acks;
	rate = (__u64)syns * s->host->hz / passed;
	if (rate > l->attack_peak)
		l->attack_peak = rate;
	if (was_hot(l, syns, acks, passed * WINDOWS_PER_SECOND / s->host->hz ?: 1))
		l->cookies_until_jiffies = s->now + (__u64)s->settings->quiet * s->host->hz;
}

static __always_inline void begin_attack(const struct shield *s, struct synshield_listener *l)
{
	__u64 until = l->cookies_until_jiffies;
	__u64 quiet = (__u64)s->settings->quiet * s->host->hz;

	if (__sync_val_compare_and_swap(&l->cookies_until_jiffies, until, s->now + quiet) != until)
		return;
	l->attacks++;
	l->attack_jiffies = s->now;
	l->attack_syns = 0;
	l->attack_acks = 0;
	l->attack_peak = 0;
}

/* A sample is counted; `chance` is random, and no attacker can foresee it. */
static __always_inline __u32 syns_sampled(const struct synshield_listener *l, __u32 chance)
{
	if (l->window_syns < EXACT_SYNS)
		return 1;
	return chance % SYNS_SAMPLE ? 0 : SYNS_SAMPLE;
}

/* One more SYN, which has been sampled before if it `stands_for` more. */
static __always_inline void count_syn(const struct shield *s, struct synshield_listener *l,
				      __u32 chance, __u32 stands_for)
{
	__u64 window = s->host->hz / WINDOWS_PER_SECOND, start = l->window_jiffies;
	bool attack = under_attack(s, l);

	if (attack)
		window = s->host->hz;
	if (s->now - start >= window)
		end_window(s, l, start);
	if (stands_for == 1)
		stands_for = syns_sampled(l, chance);
	if (stands_for)
		__sync_fetch_and_add(&l->window_syns, stands_for);
	if (!attack && (l->window_syns > l->syn_limit || l->half_open >= l->half_open_limit))
		begin_attack(s, l);
}

#endif
