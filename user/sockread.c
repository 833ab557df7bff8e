/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "sockread.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>

#include "socket.skel.h"

struct sockread {
	struct socket *skel;
};

int sockread_open(struct sockread **made)
{
	struct sockread *r = calloc(1, sizeof(*r));
	int err;

	*made = NULL;
	if (!r)
		return -ENOMEM;
	r->skel = socket__open_and_load();
	if (!r->skel) {
		err = -errno;
		free(r);
		return err;
	}
	*made = r;
	return 0;
}

void sockread_close(struct sockread *r)
{
	if (!r)
		return;
	socket__destroy(r->skel);
	free(r);
}

int sockread_ask(struct sockread *r, int ifindex, const struct synshield_tuple *tuple,
		 struct synshield_socket *socket)
{
	struct __sk_buff ctx = {.ifindex = ifindex};
	char frame[64] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx));

	r->skel->bss->tuple = *tuple;
	if (bpf_prog_test_run_opts(bpf_program__fd(r->skel->progs.synshield_socket), &opts))
		return -errno;
	*socket = r->skel->bss->answer;
	return 0;
}
