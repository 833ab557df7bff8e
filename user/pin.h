/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef PIN_H
#define PIN_H

#include <limits.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Pins live in ROOT/IFNAME/.  A bpffs takes no dots in names: a dot in an
 * interface's name (eth0.100) is written as ':', which no interface may bear.
 *
 * Locks: ROOT's, exclusive and short, serialises start-up, set and detach; the
 * interface's, exclusive and for the daemon's life, says that a daemon is there.
 */

/*
 * Locks ROOT.  With `create` makes it, and mounts a bpffs at
 * /sys/fs/bpf where ROOT is below it and none is mounted.  Returns a file
 * descriptor; -ENOENT, silently, if there is no ROOT; other errors are said.
 */
int pin_open_root(bool create);

/*
 * What bears the interface's lock, in its directory; -ENOENT silently, other errors are
 * said.  Who may only look cannot lock it.
 */
int pin_open_dir(const char *ifname);
int pin_make_dir(const char *ifname);

/* 0, or -EWOULDBLOCK: a daemon has it */
int pin_lock_dir(int dir_fd);
/* Descriptor that holds it, until it is closed; -EWOULDBLOCK silently: another of that use does. */
int pin_lock_use(const char *ifname, const char *use);
bool pin_dir_locked(int dir_fd);
bool pin_dir_removed(int dir_fd);

void pin_path(char path[PATH_MAX], const char *ifname, const char *what);
/* Descriptor of the pinned object, or -errno silently. */
int pin_get(const char *ifname, const char *what);
int pin_get_to_read(const char *ifname, const char *what);
/* Pins, replacing what bears that name in one step; errors are said. */
int pin_put(int fd, const char *ifname, const char *what);
/* The same in two steps: the second one needs no room on the bpffs, or undoes the first. */
int pin_ready(int fd, const char *ifname, const char *what);
int pin_take(const char *ifname, const char *what);
void pin_drop(const char *ifname, const char *what);
/* Lets the readers open it; errors are said. */
int pin_admit(const char *ifname, const char *what);
void pin_remove(const char *ifname, const char *what);
/* A mark in the directory, which outlives a process that is killed; an error is said. */
int pin_mark(const char *ifname, const char *what);
bool pin_marked(const char *ifname, const char *what);
void pin_unmark(const char *ifname, const char *what);
/* Everything in the directory, and itself. */
int pin_remove_dir(const char *ifname);

/* Interfaces that have a directory, sorted; -ENOENT: there is none. */
int pin_list(char (**names)[IF_NAMESIZE], size_t *count);

/* What the pinned links do not tell; a symbolic link's text. */
struct pin_note {
	uint64_t netns; /* inode of the network namespace */
	int ifindex;
	bool generic;	 /* XDP in the stack, not in the driver */
	bool dispatcher; /* XDP through libxdp's dispatcher: no link_xdp */
	bool clsact;	 /* TC filters: no link_tc_* */
	bool own_qdisc;	 /* the clsact qdisc is ours to remove */
};

int pin_read_note(const char *ifname, struct pin_note *note);
int pin_write_note(const char *ifname, const struct pin_note *note);
uint64_t pin_netns(void);

#endif
