/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The numbers of pcapng (draft-ietf-opsawg-pcapng). */
#ifndef PCAPNG_H
#define PCAPNG_H

/* blocks */
#define PCAPNG_SECTION 0x0a0d0d0a
#define PCAPNG_INTERFACE 1
#define PCAPNG_SIMPLE 3
#define PCAPNG_STATISTICS 5
#define PCAPNG_PACKET 6

#define PCAPNG_ORDER 0x1a2b3c4d /* of bytes, in a section's header */
#define PCAPNG_LINK_ETHERNET 1

/* options: of every block, */
#define PCAPNG_END 0
#define PCAPNG_COMMENT 1
/* a section, */
#define PCAPNG_HARDWARE 2
#define PCAPNG_OS 3
#define PCAPNG_APPLICATION 4
/* an interface, */
#define PCAPNG_NAME 2
#define PCAPNG_TSRESOL 9
/* its statistics, */
#define PCAPNG_START 2
#define PCAPNG_STOP 3
#define PCAPNG_RECEIVED 4
#define PCAPNG_DROPPED 5
/* a packet */
#define PCAPNG_FLAGS 2
#define PCAPNG_INBOUND 1
#define PCAPNG_VERDICT 7
#define PCAPNG_VERDICT_TC 1 /* what an eBPF program returned there */
#define PCAPNG_VERDICT_XDP 2

#endif
