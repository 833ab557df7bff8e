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
	X(fragment, "IP fragment: the kernel reassembles it first")                                \
	X(not_local, "not for an address of this host")                                            \
	X(other_station, "frame not addressed to this interface's MAC")                            \
	X(vlan_offload, "VLAN tag was stripped before XDP: turn rx VLAN offload off")              \
	X(off, "mode is off for this interface or port")                                           \
	X(beyond_reach, "headers reach past what XDP can see at once")                             \
	/* malformed */                                                                            \
	X(bad_ip, "IP header or length is wrong")                                                  \
	X(martian, "source address no host may use, or source equals destination")                 \
	X(bad_tcp, "TCP header length is wrong or overruns the packet")                            \
	X(bad_options, "a TCP option's length is wrong or overruns the header")                    \
	X(bad_flags, "flags no TCP sends: none, SYN+FIN, SYN+RST, Xmas")                           \
	X(port_zero, "TCP port 0")                                                                 \
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
	X(no_listener, "nothing listens on this port: the kernel decides")                         \
	X(table_full, "no room for the listener: left to the kernel")                              \
	X(no_key, "no cookie key yet: left to the kernel")                                         \
	X(reply_failed, "the SYN-ACK could not be built: left to the kernel")                      \
	/* ACK, data, FIN, RST */                                                                  \
	X(tracked, "belongs to a tracked connection")                                              \
	X(cookie_ok, "brings back a valid cookie: handshake complete")                             \
	X(kernel_cookie_ok, "brings back a valid cookie that the kernel made")                     \
	X(adopted, "the kernel has a connection that was not tracked yet")                         \
	X(bad_cookie, "no connection, and no valid cookie")                                        \
	X(unknown_rst, "RST for no connection")                                                    \
	X(no_connection, "no connection, and no cookies are out: the kernel decides")              \
	/* TC ingress */                                                                           \
	X(accepted, "proven handshake handed to the listener")                                     \
	X(backlog_full, "the listener's accept queue is full: the client will try again")          \
	X(accept_failed, "proven, but the kernel refused to take it over")

enum synshield_reason {
#define X(name, text) SYNSHIELD_REASON_##name,
	SYNSHIELD_REASONS(X)
#undef X
		SYNSHIELD_REASON_MAX
};

#endif
