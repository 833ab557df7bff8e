/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * synshield's ABI: the keys and values of the pinned maps, shared by the BPF
 * programs, the daemon, and any outside tool that reads the maps.
 *
 * Unless a field says otherwise numbers are in host byte order, ports included.
 * Addresses are 16 bytes in network order; IPv4 as ::ffff:a.b.c.d (RFC 4291
 * section 2.5.5.2).  Times named *_jiffies count ticks of 1/hz second since
 * boot (bpf_jiffies64(); hz is in struct synshield_host).
 *
 * bpf code includes vmlinux.h before this header, user space <linux/types.h>.
 */
#ifndef SYNSHIELD_H
#define SYNSHIELD_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif
#include "reasons.h"
#include "states.h"

/* Raised when a key, value or meaning below changes. */
#define SYNSHIELD_ABI 6

#define SYNSHIELD_PIN_ROOT "/sys/fs/bpf/synshield"

#define SYNSHIELD_KEYS 4 /* cookie keys kept, one per epoch; the epoch's low bits select */
#define SYNSHIELD_LISTENERS_MAX 16384
#define SYNSHIELD_POLICIES_MAX 4096
#define SYNSHIELD_LOCALS_MAX 65536
#define SYNSHIELD_LISTS_MAX 1048576
#define SYNSHIELD_SOURCES_MAX 65536
#define SYNSHIELD_PREFIXES 16384 /* a power of 2 */
#define SYNSHIELD_DOUBTS 4096	 /* a power of 2 */
#define SYNSHIELD_NO_LIMIT 0xffffffff

/* What the shield does with SYNs for an interface or a port. */
enum synshield_mode {
	SYNSHIELD_MODE_INHERIT, /* a port's only: what the interface says */
	SYNSHIELD_MODE_OFF,	/* pass everything */
	SYNSHIELD_MODE_OBSERVE, /* count what another mode would do, change nothing */
	SYNSHIELD_MODE_AUTO,	/* cookies while a listener is under attack */
	SYNSHIELD_MODE_ALWAYS,	/* cookies for every SYN */
	SYNSHIELD_MODE_MAX
};

/* What a segment gets that belongs to no connection and no listener. */
enum synshield_reset {
	SYNSHIELD_RESET_INHERIT, /* a port's only: what the interface says */
	SYNSHIELD_RESET_REPLY,	 /* a RST, within the budget; else nothing */
	SYNSHIELD_RESET_DROP,	 /* nothing */
	SYNSHIELD_RESET_PASS,	 /* what the kernel gives it */
	SYNSHIELD_RESET_MAX
};

/*
 * Map `settings`, one element: what the operator asked for.  Written by `run`,
 * `set`, `allow` and `deny` only, whole; generation is raised when more than listed changes.
 */
struct synshield_settings {
	__u32 abi;		    /* SYNSHIELD_ABI */
	__u32 generation;	    /* never 0 once written */
	enum synshield_mode mode;   /* never INHERIT */
	enum synshield_mode counts; /* AUTO or ALWAYS: what OBSERVE counts */
	__u32 syn_rate;		    /* SYNs per second and listener that start an attack */
	__u32 half_open;	    /* half-open requests of one listener that start an attack */
	__u32 quiet;		    /* seconds of calm that end it */
	__u32 epoch;		    /* seconds that a cookie key is current */
	enum synshield_reset reset; /* never INHERIT */
	__u32 reset_rate;	    /* RSTs per second at most */
	__u32 reply_rate;	    /* SYN-ACKs and RSTs per second to one prefix that nobody
				     * there has answered */
	__u32 source_conns;	    /* connections of one source to one port; 0: no limit */
	__u32 source_rate;	    /* new ones per second; 0: no limit */
	__u32 source_prefix;	    /* bits of an IPv4 address that make a source */
	__u32 source_prefix6;	    /* bits of an IPv6 address that do */
	__u32 listed;		    /* prefixes in `lists` */
	/* seconds, the daemon's: see user/options.c */
	__u32 msl; /* TIME_WAIT lasts twice that */
	__u32 syn_sent_timeout;
	__u32 syn_received_timeout;
	__u32 established_timeout;
	__u32 fin_wait_timeout;
	__u32 close_wait_timeout;
	__u32 last_ack_timeout;
	__u32 keepalive; /* idle seconds after which the other end is probed; 0: never */
	__u32 keepalive_interval;
	__u32 keepalive_close;	 /* 1: the sockets of dead connections, too */
	__u32 half_open_timeout; /* of a listener that is short of room; 0: the kernel's own */
	__u32 max_syn_backlog;	 /* at least, of the kernel's; 0: as it is */
};
_Static_assert(sizeof(struct synshield_settings) == 112, "ABI");

/*
 * Map `policy`, key __u32 port: a port's own settings; 0 (INHERIT) where the
 * interface's apply.  Written like `settings`, before its generation is raised.
 */
struct synshield_policy {
	enum synshield_mode mode;
	__u32 syn_rate;
	__u32 half_open;
	enum synshield_reset reset;
	__u32 source_conns; /* SYNSHIELD_NO_LIMIT: none here */
	__u32 source_rate;  /* the same */
};
_Static_assert(sizeof(struct synshield_policy) == 24, "ABI");

/* struct synshield_host, flags: what this kernel would answer, and can do */
#define SYNSHIELD_HOST_TIMESTAMPS 0x01 /* net.ipv4.tcp_timestamps */
#define SYNSHIELD_HOST_SACK 0x02       /* net.ipv4.tcp_sack */
#define SYNSHIELD_HOST_WSCALE 0x04     /* net.ipv4.tcp_window_scaling */
#define SYNSHIELD_HOST_ECN 0x08	       /* net.ipv4.tcp_ecn accepts it */
#define SYNSHIELD_HOST_SYNCOOKIES 0x10 /* net.ipv4.tcp_syncookies is not 0 */
#define SYNSHIELD_HOST_REQSK 0x20      /* bpf_sk_assign_tcp_reqsk() exists */
#define SYNSHIELD_HOST_CONNTRACK 0x40  /* netfilter tracks connections here */
/* NAT, IPVS, or sockets bound to other devices may take what no socket is found for: */
#define SYNSHIELD_HOST_OTHER_LISTENERS 0x80 /* SYNs */
#define SYNSHIELD_HOST_OTHER_CONNS 0x100    /* other segments, which conntrack cannot tell */

/*
 * Map `host`, one element: facts of this machine.  Written by the daemon only.
 */
struct synshield_host {
	__u64 learned_until;   /* learned holds while tracking.made is below this: nothing
				* can have been evicted yet */
	__u32 learned;	       /* the settings' generation at which every TCP socket of
				* this host was put into `conns`; 0: not done */
	__u32 hz;	       /* jiffies per second */
	__u32 flags;	       /* SYNSHIELD_HOST_* */
	__u32 mtu;	       /* bytes, of the interface */
	__u32 rmem_max;	       /* bytes: the larger of tcp_rmem[2] and core.rmem_max */
	__s32 adv_win_scale;   /* net.ipv4.tcp_adv_win_scale (kernels before 6.6) */
	__u32 max_syn_backlog; /* net.ipv4.tcp_max_syn_backlog */
	__u8 mac[6];	       /* of the interface */
	__u8 ttl;	       /* net.ipv4.ip_default_ttl */
	__u8 hop_limit;	       /* net.ipv6.conf.IFACE.hop_limit */
	/* Of the half of `bloom` that is asked, and of the other one: */
	__u32 bloom_words, bloom_other_words; /* in use, a power of 2; 0: no filter */
	__u32 bloom_at, bloom_other_at;	      /* the element of the map with which it begins */
	__u32 pad;
	__u64 seed; /* random, chosen once: places prefixes in `replies`, tuples in `doubts`
		     * and `bloom` */
};
_Static_assert(sizeof(struct synshield_host) == 72, "ABI");

/*
 * Map `keys`, one element, root only: the cookie keys.  Written by the daemon
 * through a mapping of the map: first the next epoch's slot, then epoch, which
 * is one aligned store.  Slot = epoch & (SYNSHIELD_KEYS - 1).
 */
struct synshield_keys {
	__u64 key[SYNSHIELD_KEYS][2]; /* SipHash keys, from getrandom(2) */
	__u32 epoch;		      /* 0: no key yet, nothing is answered */
	__u32 pad;
	__u64 rotated; /* CLOCK_BOOTTIME in ns when epoch was raised last */
};
_Static_assert(sizeof(struct synshield_keys) == 80, "ABI");

/*
 * Map `locals`, longest-prefix match: addresses that this host takes packets
 * for, from the kernel's local routing table.  Written by the daemon.
 */
struct synshield_local_key {
	__u32 prefixlen; /* of addr: 96 + n for IPv4 */
	__u8 addr[16];
};
_Static_assert(sizeof(struct synshield_local_key) == 20, "ABI");

struct synshield_local {
	__u16 vlan; /* the address lives on this VLAN of the interface; 0: not on a VLAN */
	__u16 pad;
	__u32 mtu; /* bytes, of that VLAN's device; 0: the interface's own */
};
_Static_assert(sizeof(struct synshield_local) == 8, "ABI");

/*
 * Map `lists`, longest-prefix match: sources that the operator allows or denies;
 * the longest prefix decides.  Written by `allow` and `deny`.
 */
struct synshield_list_key {
	__u32 prefixlen; /* of addr: 96 + n for IPv4 */
	__u8 addr[16];
};
_Static_assert(sizeof(struct synshield_list_key) == 20, "ABI");

/* NONE: of 0.0.0.0/0, where a list has ::/0 or another that would hold it, but means IPv6. */
enum synshield_list {
	SYNSHIELD_LIST_NONE,
	SYNSHIELD_LIST_ALLOW,
	SYNSHIELD_LIST_DENY,
};

/* Map `listeners`, LRU: who takes connections, and how it fares. */
struct synshield_listener_key {
	__u8 addr[16]; /* a local address, never a wildcard */
	__u16 port;
	__u16 pad;
};
_Static_assert(sizeof(struct synshield_listener_key) == 20, "ABI");

/* struct synshield_listener, flags */
#define SYNSHIELD_LISTENER_KERNEL_COOKIE 0x01 /* takes only the kernel's own cookies (MPTCP) */
#define SYNSHIELD_LISTENER_KEYED 0x02	      /* has TCP-MD5 or TCP-AO keys */
#define SYNSHIELD_LISTENER_VLAN 0x04	      /* frames for its address bear a VLAN tag */

/*
 * Made by the BPF program from the kernel's socket at a listener's first SYN,
 * or by the daemon (with checked_jiffies 0: to be read at the first SYN), and
 * read anew from the socket every second that SYNs come, and when the settings'
 * generation changes.
 */
struct synshield_listener {
	__u64 cookies_until_jiffies; /* under attack until then */
	__u64 cookie_sent_jiffies;   /* when a cookie was sent last; 0: never */
	__u64 checked_jiffies;	     /* when the socket was read last */
	__u64 window_jiffies;	     /* start of the running count */
	__u32 window_syns;	     /* SYNs since then (estimated under flood) */
	__u32 window_acks;	     /* handshakes completed since then */
	__u64 attack_syns;	     /* of the last attack: SYNs, */
	__u64 attack_acks;	     /* handshakes completed, */
	__u32 attack_peak;	     /* SYNs per second in its busiest window */
	__u32 attacks;		     /* attacks so far */
	__u32 generation;	     /* settings' generation that the next five are from */
	enum synshield_mode mode;    /* never INHERIT */
	__u32 syn_limit;	     /* SYNs in 1/8 s that start an attack */
	__u32 half_open_limit;	     /* half-open requests that start an attack */
	__u32 source_conns;	     /* connections of one source; 0: no limit */
	__u32 source_rate;	     /* new ones per second; 0: no limit */
	__u32 half_open;	     /* the kernel's, when last read */
	__u16 window[2];	     /* first window, bytes: [0] plain, [1] with timestamps */
	__u16 mss;		     /* to announce, bytes */
	__u16 user_mss;		     /* bytes, upper bound of the peer's; 0: none */
	__u8 wscale;		     /* ours, 0-14 */
	__u8 flags;		     /* SYNSHIELD_LISTENER_* */
	__u8 full;		     /* 1: its accept queue had no room when last seen */
	__u8 pad;
	__u32 accept_queue; /* connections in it when last seen, */
	__u32 handed;	    /* and those handed over since, perhaps still on their way to it */
	__u32 handed_us;    /* low 32 bits, of 1024 ns: when the last of these was */
	__u32 pad2;
	__u64 attack_jiffies; /* when the last attack began */
	__u64 syns;	      /* before window_jiffies: SYNs, */
	__u64 acks;	      /* and cookies that came back */
};
_Static_assert(sizeof(struct synshield_listener) == 144, "ABI");

/*
 * Map `conns`, LRU: the connections of this host, those that it opens and those
 * that it takes.  What is not here is asked of the kernel's sockets.
 */
struct synshield_tuple {
	__u8 remote[16];
	__u8 local[16];
	__u16 remote_port;
	__u16 local_port;
};
_Static_assert(sizeof(struct synshield_tuple) == 36, "ABI");

/* The handshake as far as the shield has seen it (RFC 9293 section 3.3.2). */
enum synshield_conn_state {
	SYNSHIELD_CONN_SYN_SENT,     /* this host sent a SYN */
	SYNSHIELD_CONN_SYN_RECEIVED, /* a SYN was left to the kernel */
	SYNSHIELD_CONN_PROVEN,	     /* cookie came back; kernel's socket not seen yet */
	SYNSHIELD_CONN_ESTABLISHED,  /* the kernel has, or had, its socket */
} __attribute__((packed));

/* What one end has sent so far; each stays once it is set. */
struct synshield_sent {
	__u8 syn : 1;	    /* a SYN that opens */
	__u8 fin : 1;	    /* a FIN */
	__u8 fin_first : 1; /* so, before it acknowledged a FIN of the other end */
	__u8 fin_acked : 1; /* the acknowledgement of the other end's FIN */
	__u8 rst : 1;	    /* a RST */
	__u8 syn_acked : 1; /* the acknowledgement of the other end's SYN */
};

/*
 * remote, remote_next and remote_segments are written on the way in, the same of
 * local on the way out; state by both.
 */
struct synshield_conn {
	enum synshield_conn_state state;
	__u8 syns; /* SYNs passed since the last other segment */
	struct synshield_sent remote, local;
	__u32 last_seen_jiffies; /* low 32 bits; of either end's last segment */
	__u32 remote_next;	 /* sequence number after all that it has sent (SND.NXT) */
	__u32 local_next;
	__u32 remote_segments;
	union {
		__u32 local_segments;
		__u32 handed_jiffies; /* PROVEN: when it went to the listener; 0: not yet */
	};
};
_Static_assert(sizeof(struct synshield_conn) == 24, "ABI: with key and links 128 bytes");

/* Map `tracking`, one element, written by the BPF programs. */
struct synshield_tracking {
	__u64 made;	   /* entries made in `conns` so far */
	__u64 resets;	   /* token bucket of the RSTs: see bpf/budget.h */
	__u64 events_lost; /* for which `events` had no room */
	__u64 traces_lost; /* for which `traces` had none */
};
_Static_assert(sizeof(struct synshield_tracking) == 32, "ABI");

/* Connections, by the state of one of their ends. */
struct synshield_state_counts {
#define X(name) __u32 name;
	SYNSHIELD_TCP_STATES(X)
#undef X
	__u32 pad;
};

/*
 * Map `daemon`, one element: what the daemons of this interface have done so far; and how
 * it is now, as long as one runs.
 */
struct synshield_daemon {
	__u64 probes;	       /* of keepalive, sent */
	__u64 probes_answered; /* idle connections whose other end answered one */
	__u64 dead;	       /* connections whose other end answered none */
	__u64 dead_closed;     /* and whose socket was closed */
	__u64 half_open_ended; /* handshakes older than half_open_timeout */
	__u64 attacks;	       /* begun while a daemon ran */
	__u32 backlog_before;  /* net.ipv4.tcp_max_syn_backlog, to be restored; */
	__u32 backlog_set;     /* what it was set to, or 0 */
	/* now: */
	__u64 started_ns;			     /* CLOCK_BOOTTIME: since when it runs */
	__u64 followed;				     /* connections, those that have ended too */
	__u64 timers;				     /* deadlines that are set */
	struct synshield_state_counts remote, local; /* of those that are in `closing` */
};
_Static_assert(sizeof(struct synshield_daemon) == 176, "ABI");

enum synshield_end {
	SYNSHIELD_REMOTE,
	SYNSHIELD_LOCAL,
} __attribute__((packed));

enum synshield_event_kind {
	SYNSHIELD_EVENT_SEGMENT,
	SYNSHIELD_EVENT_PROVEN,	 /* brought back a cookie: both ends are ESTABLISHED */
	SYNSHIELD_EVENT_ADOPTED, /* the kernel had this connection before it was tracked */
} __attribute__((packed));

/*
 * Map `events`, ring buffer for the daemon: the segments that move a connection's
 * state (SYN, SYN-ACK, first ACK, FIN, ACK of a FIN, RST) and were passed or sent;
 * never data as such.  Map `traces`, ring buffer for `trace`: every segment that the
 * map `trace` asks for, with its verdict.
 */
struct synshield_event {
	__u64 time_ns; /* CLOCK_BOOTTIME */
	struct synshield_tuple tuple;
	__u32 seq, ack;
	__u16 payload;		/* bytes */
	__u8 flags;		/* byte 13 of the TCP header */
	enum synshield_end end; /* who sent it */
	enum synshield_event_kind kind;
	__u8 pad[3];
	__u32 verdict; /* of traces, of what was received: action << 16 | reason */
};
_Static_assert(sizeof(struct synshield_event) == 64, "ABI");

/*
 * Map `closing`, key struct synshield_tuple: the states of both ends of every connection,
 * written by the daemon from `events`, or from the flags in `conns` after it was away.
 */
struct synshield_closing {
	enum synshield_tcp_state remote, local;
	__u8 pad[6];
	__u64 since_ns;	   /* CLOCK_BOOTTIME: when it was opened, or first seen */
	__u64 moved_ns;	   /* when a state changed last */
	__u64 deadline_ns; /* when the local state ends, unless something is heard; ~0: never */
};
_Static_assert(sizeof(struct synshield_closing) == 32, "ABI");

/* Map `trace`, one element, written by `trace`: which segments go to `traces`. */
struct synshield_trace {
	__u64 until_jiffies; /* none from then on */
	__u8 remote[16];
	__u8 local[16];
	__u8 remote_bits, local_bits;  /* prefix of the address that counts; 0: any */
	__u16 remote_port, local_port; /* 0: any */
	__u16 pad;
};
_Static_assert(sizeof(struct synshield_trace) == 48, "ABI");

/*
 * Map `capture`, one element that `capture` maps into its memory: which packets go to
 * `captures`.  It writes until_jiffies alone while a capture runs, and the rest before.
 */
struct synshield_capture {
	__u64 until_jiffies; /* none from then on */
	__u64 bucket;	     /* token bucket of the records, BPF's: see bpf/budget.h */
	__u64 recorded;	     /* records written, BPF's; */
	__u64 limit;	     /* and at most; 0: any number */
	__u64 reasons;	     /* a bit for each that is wanted */
	__u32 actions;	     /* so */
	__u32 rate;	     /* records per second; 0: any number */
	__u32 snaplen;	     /* bytes of a packet, 1 to SYNSHIELD_SNAPLEN_MAX */
	__u16 local_port;    /* 0: any */
	__u8 remote_bits;    /* prefix of the address that counts; 0: any */
	__u8 pad;
	__u8 remote[16];
};
_Static_assert(sizeof(struct synshield_capture) == 72, "ABI");
_Static_assert(SYNSHIELD_REASON_MAX <= 64, "a bit of synshield_capture.reasons for each");

#define SYNSHIELD_SNAPLEN_MAX 16384

/* Map `captured`, one element per CPU: packets that `capture` asked for and did not get. */
struct synshield_captured {
	__u64 over_rate; /* there were more than its rate */
	__u64 no_room;	 /* `captures` was full */
};
_Static_assert(sizeof(struct synshield_captured) == 16, "ABI");

/* Map `captures`, ring buffer: packets as they came in, with their verdicts. */
struct synshield_record {
	__u64 time_ns;	/* CLOCK_BOOTTIME */
	__u32 verdict;	/* action << 16 | reason */
	__u32 len;	/* bytes, of the packet */
	__u32 recorded; /* bytes, of data */
	__u16 tag_tpid; /* the VLAN tag that was taken off before TC; 0: none */
	__u16 tag_tci;
	__u8 observed; /* 1: the verdict is what would have been */
	__u8 tc;       /* 1: at TC ingress, not XDP */
	__u8 pad[6];
	__u8 data[];
};
_Static_assert(sizeof(struct synshield_record) == 32, "ABI");

/*
 * Map `sources`, LRU: who has connections to a port that limits them.  Made and
 * counted for proven clients only (a cookie, or a handshake, completed).
 */
struct synshield_source_key {
	__u8 addr[16]; /* cut to source_prefix, source_prefix6 */
	__u16 port;    /* local */
	__u16 pad;
};
_Static_assert(sizeof(struct synshield_source_key) == 20, "ABI");

struct synshield_source {
	__u32 conns;	       /* open now */
	__u32 counted_jiffies; /* low 32 bits: when the daemon counted conns anew, or the entry
				* was made; after a minute conns limits nothing */
	__u64 opened;	       /* token bucket of new ones: see bpf/budget.h */
};
_Static_assert(sizeof(struct synshield_source) == 16, "ABI");

/* The time of a token bucket: 2^20 to a jiffy. */
#define SYNSHIELD_BUCKET_SHIFT 20

/*
 * Map `replies`, __u64 each: token buckets of the answers to a prefix (/24, /64),
 * by a keyed hash of it.  Map `doubts`: segments that may be ahead of the one
 * that bears their cookie, by a keyed hash of tuple and sequence number.
 */
struct synshield_doubt {
	__u32 tag;   /* the rest of the hash */
	__u32 times; /* seen */
};
_Static_assert(sizeof(struct synshield_doubt) == 8, "ABI");

/* Map `stats`, one element per CPU: packets by what was done and why. */
struct synshield_counts {
#define X(name, text) __u64 name;
	SYNSHIELD_REASONS(X)
#undef X
};

enum synshield_action {
	SYNSHIELD_PASS,	 /* on to the kernel */
	SYNSHIELD_DROP,	 /* gone */
	SYNSHIELD_REPLY, /* answered from the driver (XDP_TX) */
	SYNSHIELD_ACTION_MAX
};

/* pass, drop, reply: what happened; would_*: what would have, in mode observe. */
struct synshield_stats {
	struct synshield_counts pass, drop, reply;
	struct synshield_counts would_pass, would_drop, would_reply;
};
_Static_assert(sizeof(struct synshield_stats) ==
		       2 * SYNSHIELD_ACTION_MAX * SYNSHIELD_REASON_MAX * sizeof(__u64),
	       "ABI");

#endif
