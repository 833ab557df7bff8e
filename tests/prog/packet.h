/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Builds frames byte by byte, from the RFCs and with nothing of the shield's. */
#ifndef TESTS_PACKET_H
#define TESTS_PACKET_H

#include <linux/types.h>
#include <stdbool.h>

#define FRAME_MAX 9216
#define FRAME_MIN 60 /* on the wire, without its checksum */

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_ACK 0x10
#define TCP_URG 0x20
#define TCP_ECE 0x40
#define TCP_CWR 0x80

#define IPV4_DF 0x4000
#define IPV4_MF 0x2000

#define IPV6_FRAGMENT_HEADER 44
#define IPV6_MORE 1

struct frame {
	__u32 len;
	__u32 l3, l4; /* where the IP and the TCP header begin */
	__u8 byte[FRAME_MAX];
};

/* What a segment's TCP options say. */
struct offer {
	int mss, wscale; /* -1: absent */
	bool sack, timestamp;
};

struct vlan_tag {
	__u16 proto, tci;
};

struct extension {
	__u8 kind; /* IPv6 next header number */
	__u16 len; /* bytes: a multiple of 8 */
};

/* What a frame is to say, host byte order; addresses as in the ABI. */
struct segment {
	__u8 to[6], from[6];
	struct vlan_tag vlan[2];
	int vlans;
	bool ipv6;
	__u8 source[16], target[16];
	__u8 tos, hops;
	__u16 id, fragment;
	__u16 ipv6_fragment; /* of a fragment header: offset in bytes, and IPV6_MORE */
	__u8 ip_options[40];
	int ip_options_len;
	struct extension extension[10];
	int extensions;
	__u16 source_port, target_port;
	__u32 seq, ack;
	__u8 flags;
	__u16 window;
	__u32 tsval, tsecr;
	char options[128]; /* see segment_options() */
	const char *payload;
	int payload_len;
	int pad_to; /* bytes of the frame, with Ethernet padding */
};

/*
 * TCP options in words: mss N, ws N, sack, ts (the segment's tsval and tsecr),
 * nop, eol, tfo (cookie asked for), tfo8 (cookie of 8 bytes), mpc (MP_CAPABLE),
 * md5, ao, unknown N (N bytes long), raw N (one byte).  Padded with zeroes.
 */
#define NO_OPTIONS " "
void segment_options(struct segment *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Writes the options to out[40]; returns their length. */
int options_encode(const struct segment *s, __u8 *out, struct offer *offer);
void frame_build(const struct segment *s, struct frame *f);
/* The frame's TCP checksum, anew. */
void frame_seal(struct frame *f);
__u32 frame_wire_len(const struct frame *f);

void put16(__u8 *at, __u16 v);
void put32(__u8 *at, __u32 v);
__u16 get16(const __u8 *at);
__u32 get32(const __u8 *at);

#endif
