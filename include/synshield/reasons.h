/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef SYNSHIELD_REASONS_H
#define SYNSHIELD_REASONS_H

/*
 * Why a packet left the way it did: the one list.  X(name, text) becomes
 * `enum synshield_reason`, the fields of `struct synshield_counts` (and so what
 * bpftool prints), the keys of `synshield stats --json` and its text.
 *
 * A name stands for one cause whatever was done about it: the action counted
 * with it (pass, drop, reply) is the other half of the verdict.
 */
#define SYNSHIELD_REASONS(X)                                                                       \
	/* not the shield's business */                                                            \
	X(not_tcp, "not TCP over IPv4 or IPv6")                                                    \
	X(fragment, "IP fragment: the kernel puts them together first")                            \
	X(not_local, "not for an address of this host")                                            \
	X(other_station, "frame not addressed to this interface's MAC")                            \
	X(vlan_offload, "VLAN tag was stripped before XDP: turn rx VLAN offload off")              \
	X(off, "mode is off for this interface or port")                                           \
	/* the operator's lists */                                                                 \
	X(allowed, "its source is on the allow list")                                              \
	X(denied, "its source is on the deny list")                                                \
	/* malformed */                                                                            \
	X(bad_ip, "IP header or length is wrong")                                                  \
	X(martian, "source address no host may use, or source equals destination")                 \
	X(beyond_reach, "headers reach past what XDP can see at once, as no sender's do")          \
	X(bad_tcp, "TCP header length is wrong or overruns the packet")                            \
	X(bad_options, "a TCP option's length is wrong or overruns the header")                    \
	X(bad_flags, "flags no TCP sends: none, SYN+FIN, SYN+RST, Xmas")                           \
	X(port_zero, "TCP port 0")                                                                 \
	X(bad_fragment, "first fragment without a whole TCP header, or of a SYN")                  \
	/* SYN */                                                                                  \
	X(cookie, "SYN answered with a cookie")                                                    \
	X(kernel_cookie, "SYN answered with a cookie that the kernel made")                        \
	X(small_mss,                                                                               \
	  "SYN with an MSS too small for a cookie: left to the kernel while it has room")          \
	X(cookie_not_due, "SYN left to the kernel, whose own cookies are not due yet")             \
	X(calm, "SYN left to the kernel: its port is not under attack")                            \
	X(known_tuple, "SYN on a tuple that the kernel still holds: it decides")                   \
	X(tuple_rate, "SYN repeated too often on a tuple that the kernel holds")                   \
	X(signed_syn, "SYN with TCP-MD5 or TCP-AO for a listener that has keys")                   \
	X(unsigned_listener, "SYN with TCP-MD5 or TCP-AO for a listener without keys")             \
	X(closed_port, "SYN for a port on which nothing listens")                                  \
	X(reply_cap, "SYN from a prefix where too many answers are unanswered already")            \
	X(source_conns, "its source has as many connections as it may")                            \
	X(source_rate, "its source opens connections faster than it may")                          \
	X(table_full, "no room for the listener: left to the kernel")                              \
	X(no_key, "no cookie key yet: left to the kernel")                                         \
	X(reply_failed, "the SYN-ACK could not be built: left to the kernel")                      \
	/* ACK, data, FIN, RST */                                                                  \
	X(tracked, "belongs to a tracked connection")                                              \
	X(cookie_ok, "brings back a valid cookie: handshake complete")                             \
	X(kernel_cookie_ok, "brings back a valid cookie that the kernel made")                     \
	X(adopted, "the kernel has a connection that was not tracked yet")                         \
	X(conntracked, "netfilter tracks this connection: there may be NAT")                       \
	X(blind_rst, "RST outside the window of its connection")                                   \
	X(unknown_ack, "ACK for no connection")                                                    \
	X(unknown_data, "data for no connection")                                                  \
	X(unknown_fin, "FIN for no connection")                                                    \
	X(unknown_synack, "SYN-ACK that answers no SYN of this host")                              \
	X(unknown_rst, "RST for no connection")                                                    \
	X(unproven, "may be ahead of the segment that bears its cookie: a RST has to wait")        \
	/* TC ingress */                                                                           \
	X(accepted, "proven handshake handed to the listener")                                     \
	X(bad_cookie, "no socket yet, and not the segment that bears the cookie")                  \
	X(backlog_full, "the listener's accept queue is full: the client will try again")          \
	X(accept_failed, "proven, but the kernel refused to take it over")

enum synshield_reason {
#define X(name, text) SYNSHIELD_REASON_##name,
	SYNSHIELD_REASONS(X)
#undef X
		SYNSHIELD_REASON_MAX
};

#endif
