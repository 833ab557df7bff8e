/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef CONNFILTER_H
#define CONNFILTER_H

#include "cidr.h"
#include "connview.h"

#define CONN_FILTERS_MAX 64

/* What a rule looks at, and at whose. */
enum conn_filter_what { FILTER_STATE, FILTER_PORT, FILTER_PREFIX };
enum conn_filter_end { FILTER_LOCAL, FILTER_REMOTE, FILTER_EITHER };

struct conn_filter_rule {
	enum conn_filter_what what;
	enum conn_filter_end end;
	enum synshield_tcp_state state;
	__u16 port;
	struct synshield_list_key prefix;
};

/* Rules of one kind are alternatives; of each kind that there is, one has to hold. */
struct conn_filter {
	struct conn_filter_rule rules[CONN_FILTERS_MAX];
	unsigned int count;
};

/*
 * STATE, :PORT, CIDR, with "local:" or "remote:" in front for one end; a bare STATE is the
 * local end's.  1: added; 0: it is none of these; -EINVAL: why says what is wrong with it.
 */
int conn_filter_add(struct conn_filter *f, const char *word, char why[CIDR_WHY]);
bool conn_filter_takes(const struct conn_filter *f, const struct conn_view *v);
/* Does any rule ask for ends in this state? */
bool conn_filter_wants(const struct conn_filter *f, enum synshield_tcp_state state);

#endif
