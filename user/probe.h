/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef PROBE_H
#define PROBE_H

#include <stdbool.h>

/* What this kernel can do, found by doing it where that costs nothing. */

/* Programs may replace functions of others: what libxdp's dispatcher needs. */
bool probe_freplace(void);
/* bpf_sk_assign_tcp_reqsk() exists: cookies are accepted without a sysctl */
bool probe_reqsk(void);
/*
 * bpf_xdp_ct_lookup() exists: netfilter's connections can be asked for.  Stays what it
 * was at the first call, like the programs that were loaded then.
 */
bool probe_ct_lookup(void);
bool probe_btf(void);
/* TC programs can be attached by links (Linux 6.6) */
bool probe_tcx(void);
/* 1: the driver says it has native XDP, 0: it has none, -errno: nobody tells */
int probe_native_xdp(int ifindex);

#endif
