/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The shield's own programs on a stage: loaded, their maps filled as the daemon would,
 * in a network namespace with nothing in it, and run on one frame at a time.
 */
#ifndef STAGE_H
#define STAGE_H

#include "frame.h"
#include "loader.h"

struct stage {
	struct loader loader;
	struct maps maps;
	struct synshield_settings settings;
	struct synshield_host host;
	struct ring_buffer *ring;
	struct synshield_event event;
	bool has_event;
	int *listeners;
	size_t listener_count;
};

/*
 * Moves this process into a network namespace of its own, for good: the sockets of this
 * machine have no part in it.  conns: room wanted.  Errors are said.
 */
int stage_open(struct stage *s, enum synshield_mode mode, __u32 conns);
void stage_close(struct stage *s);

int stage_local(struct stage *s, const struct synshield_list_key *prefix);
/* A socket that listens on the port, of every address. */
int stage_listen(struct stage *s, __u16 port);

/*
 * As received, or sent, by the host.  0 with s->event; 1 if the program had nothing to say
 * of it.  A received frame that was answered becomes its answer.
 */
int stage_receive(struct stage *s, struct frame *f);
int stage_send(struct stage *s, struct frame *f);

/* `conns`: what the kernel's socket would have made the shield know. */
int stage_get_conn(const struct stage *s, const struct synshield_tuple *t,
		   struct synshield_conn *conn);
int stage_put_conn(const struct stage *s, const struct synshield_tuple *t,
		   const struct synshield_conn *conn);
/* While it is on, nothing is refused for want of a socket, and no RST is blind. */
int stage_leave_to_kernel(struct stage *s, bool on);

#endif
