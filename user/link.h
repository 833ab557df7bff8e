/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef LINK_H
#define LINK_H

#include <linux/types.h>
#include <stdbool.h>

/* BPF links, where this libbpf knows no more of them than their numbers. */

/* Attaches; a descriptor or -errno.  type: enum bpf_attach_type */
int link_attach(int prog_fd, int ifindex, int type, __u32 flags);
/* Puts the program into a pinned link: 0, -ENOENT if not pinned or dead. */
int link_replace(const char *ifname, const char *what, int prog_fd);
/* Detaches a pinned link, at once and whoever holds it, and unpins it. */
int link_detach(const char *ifname, const char *what);
/* Interface that a pinned link is attached to; 0: dead; -ENOENT: not pinned. */
int link_ifindex(const char *ifname, const char *what);
/* It is pinned, but this user may only look: see readers.h */
bool link_hidden(const char *ifname, const char *what);
/* id of a program; 0 on failure */
__u32 link_prog_id(int prog_fd);
/* id of the program pinned under that name; 0: none */
__u32 link_pinned_id(const char *ifname, const char *what);
/*
 * Whether a program works with the maps that are pinned, be it pinned itself or not: a start that
 * was killed attaches what it has not pinned. Without CAP_SYS_ADMIN the kernel does not tell:
 * false.
 */
bool link_prog_ours(const char *ifname, __u32 prog_id);

#endif
