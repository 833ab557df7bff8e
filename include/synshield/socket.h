/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What bpf/socket.bpf.c tells the daemon of the kernel's socket of one connection. */
#ifndef SYNSHIELD_SOCKET_H
#define SYNSHIELD_SOCKET_H

#define SYNSHIELD_SOCKET_BUSY 0x01	 /* has data, or a FIN, that is not acknowledged */
#define SYNSHIELD_SOCKET_SIGNED 0x02	 /* TCP-MD5 or TCP-AO: only the kernel can send */
#define SYNSHIELD_SOCKET_TIMESTAMPS 0x04 /* both ends use them */

struct synshield_socket {
	__u8 state; /* TCP_ESTABLISHED and so on; 0: there is none, or it is no full one */
	__u8 flags; /* SYNSHIELD_SOCKET_* */
	__u8 tos;
	__u8 ttl; /* 0: the host's default */
	__u32 mark;
	__u32 bound; /* to the device of this number; 0: to none */
	__u32 next;  /* SND.NXT */
	__u32 ack;   /* RCV.NXT */
	__u32 tsval; /* what a segment sent now has */
	__u32 tsecr;
	__u32 silent_jiffies; /* since something of the other end was taken */
	__u16 window;	      /* as in the header: scaled */
	__u16 pad;
};

#endif
