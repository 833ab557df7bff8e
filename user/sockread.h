/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Asks the kernel's socket of one connection for what it would send now. */
#ifndef SOCKREAD_H
#define SOCKREAD_H

#include <linux/types.h>

#include "synshield/synshield.h"

#include "synshield/socket.h"

struct sockread;

/* 0 or -errno: the kernel does not take the program that asks. */
int sockread_open(struct sockread **r);
void sockread_close(struct sockread *r);

/* ifindex: of the interface that the connection is reached by.  0 or -errno. */
int sockread_ask(struct sockread *r, int ifindex, const struct synshield_tuple *tuple,
		 struct synshield_socket *socket);

#endif
