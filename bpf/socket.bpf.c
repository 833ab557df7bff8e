// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel's socket of a connection would send now, and when it last heard
 * something.  Attached nowhere: the daemon runs it (BPF_PROG_TEST_RUN) for one tuple
 * at a time.  Nothing else tells of a connection's timestamp clock but the
 * application's own descriptor.
 */
#include "bpf.h"
#include <synshield/socket.h>

char LICENSE[] SEC("license") = "GPL";

struct synshield_tuple tuple; /* asked for */
struct synshield_socket answer;

#define NS_PER_MS 1000000
#define NS_PER_US 1000

struct tcp_sock___ao {
	void *ao_info;
} __attribute__((preserve_access_index));

/* Before 6.7 the clock is one of milliseconds everywhere. */
struct tcp_sock___usec {
	__u8 tcp_usec_ts : 1;
} __attribute__((preserve_access_index));

static __always_inline bool is_ipv4(const __u8 addr[16])
{
	const __u32 *a = (const __u32 *)addr;

	return !a[0] && !a[1] && a[2] == bpf_htonl(0xffff);
}

static __always_inline __u32 lookup_tuple(struct bpf_sock_tuple *t)
{
	if (!is_ipv4(tuple.local)) {
		memcpy(t->ipv6.saddr, tuple.remote, 16);
		memcpy(t->ipv6.daddr, tuple.local, 16);
		t->ipv6.sport = bpf_htons(tuple.remote_port);
		t->ipv6.dport = bpf_htons(tuple.local_port);
		return sizeof(t->ipv6);
	}
	memcpy(&t->ipv4.saddr, tuple.remote + 12, 4);
	memcpy(&t->ipv4.daddr, tuple.local + 12, 4);
	t->ipv4.sport = bpf_htons(tuple.remote_port);
	t->ipv4.dport = bpf_htons(tuple.local_port);
	return sizeof(t->ipv4);
}

static __always_inline __u8 read_flags(struct tcp_sock *tp)
{
	struct tcp_sock___ao *ao = (void *)tp;
	__u8 flags = 0;

	if (tp->snd_una != tp->write_seq)
		flags |= SYNSHIELD_SOCKET_BUSY;
	if (bpf_core_field_exists(tp->md5sig_info) && tp->md5sig_info)
		flags |= SYNSHIELD_SOCKET_SIGNED;
	if (bpf_core_field_exists(ao->ao_info) && ao->ao_info)
		flags |= SYNSHIELD_SOCKET_SIGNED;
	if (BPF_CORE_READ_BITFIELD(tp, rx_opt.tstamp_ok))
		flags |= SYNSHIELD_SOCKET_TIMESTAMPS;
	return flags;
}

/* The kernel's tcp_time_stamp_ts() with a clock that was read just now. */
static __always_inline __u32 read_tsval(struct tcp_sock *tp)
{
	struct tcp_sock___usec *usec = (void *)tp;
	__u64 now = bpf_ktime_get_ns();

	if (bpf_core_field_exists(usec->tcp_usec_ts) && BPF_CORE_READ_BITFIELD(usec, tcp_usec_ts))
		return now / NS_PER_US + tp->tsoffset;
	return now / NS_PER_MS + tp->tsoffset;
}

/* What the kernel last offered, less what has come since. */
static __always_inline __u16 read_window(struct tcp_sock *tp)
{
	__s32 left = tp->rcv_wup + tp->rcv_wnd - tp->rcv_nxt;

	if (left < 0)
		left = 0;
	return (__u32)left >> BPF_CORE_READ_BITFIELD(tp, rx_opt.rcv_wscale);
}

static __always_inline __u32 read_silence(struct tcp_sock *tp)
{
	__u32 now = bpf_jiffies64(), acks = now - tp->rcv_tstamp,
	      data = now - tp->inet_conn.icsk_ack.lrcvtime;

	return acks < data ? acks : data;
}

/* How its packets are marked, routed and limited: a peer may want a TTL of 255. */
static __always_inline void read_network(struct tcp_sock *tp)
{
	struct inet_sock *inet = &tp->inet_conn.icsk_inet;
	__s32 ttl;

	answer.mark = inet->sk.sk_mark;
	answer.bound = inet->sk.__sk_common.skc_bound_dev_if;
	if (is_ipv4(tuple.local)) {
		ttl = inet->uc_ttl;
		answer.tos = inet->tos;
	} else {
		struct ipv6_pinfo *ipv6 = inet->pinet6;

		if (!ipv6)
			return;
		ttl = (__s16)BPF_CORE_READ_BITFIELD(ipv6, hop_limit);
		answer.tos = ipv6->tclass;
	}
	answer.ttl = ttl > 0 ? ttl : 0;
}

static __always_inline void read_socket(struct tcp_sock *tp)
{
	answer.state = tp->inet_conn.icsk_inet.sk.__sk_common.skc_state;
	answer.flags = read_flags(tp);
	answer.next = tp->snd_nxt;
	answer.ack = tp->rcv_nxt;
	answer.window = read_window(tp);
	answer.tsval = read_tsval(tp);
	answer.tsecr = tp->rx_opt.ts_recent;
	answer.silent_jiffies = read_silence(tp);
	read_network(tp);
}

SEC("tc")
int synshield_socket(struct __sk_buff *skb)
{
	struct bpf_sock_tuple t = {};
	struct tcp_sock *tp;
	struct bpf_sock *sk;

	memset(&answer, 0, sizeof(answer));
	sk = bpf_skc_lookup_tcp(skb, &t, lookup_tuple(&t), BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (tp)
		read_socket(tp);
	bpf_sk_release(sk);
	return 0;
}
