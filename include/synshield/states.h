/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef SYNSHIELD_STATES_H
#define SYNSHIELD_STATES_H

/*
 * The states of one end of a connection, RFC 9293 section 3.3.2: the one list.
 * X(name) becomes `enum synshield_tcp_state` and the names that are printed.
 */
#define SYNSHIELD_TCP_STATES(X)                                                                    \
	X(CLOSED)                                                                                  \
	X(LISTEN)                                                                                  \
	X(SYN_SENT)                                                                                \
	X(SYN_RECEIVED)                                                                            \
	X(ESTABLISHED)                                                                             \
	X(FIN_WAIT_1)                                                                              \
	X(FIN_WAIT_2)                                                                              \
	X(CLOSE_WAIT)                                                                              \
	X(CLOSING)                                                                                 \
	X(LAST_ACK)                                                                                \
	X(TIME_WAIT)

enum synshield_tcp_state {
#define X(name) SYNSHIELD_TCP_##name,
	SYNSHIELD_TCP_STATES(X)
#undef X
} __attribute__((packed));
#define SYNSHIELD_TCP_STATES_MAX 11

#endif
