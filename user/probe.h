/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef PROBE_H
#define PROBE_H

#include <stdbool.h>

/* What this kernel can do, found by doing it where that costs nothing. */

/*
 * Programs may replace functions of others: what libxdp's dispatcher needs.  changes: also such
 * that change packets may replace those that do not (before Linux 6.13, and its stable 6.12).
 */
bool probe_freplace(bool changes);
/* bpf_sk_assign_tcp_reqsk() exists: the kernel accepts our cookies, unless tcp_syncookies is 0 */
bool probe_reqsk(void);
/*
 * bpf_xdp_ct_lookup() exists: netfilter's connections can be asked for.  Stays what it
 * was at the first call, like the programs that were loaded then.
 */
bool probe_ct_lookup(void);
bool probe_btf(void);
/* TC programs can be attached by links (Linux 6.6) */
bool probe_tcx(void);
/* What the driver says of XDP (Linux 6.3), or -errno: nobody tells. */
#define PROBE_XDP_BASIC 1  /* native: PASS, DROP, ABORTED, TX */
#define PROBE_XDP_FRAGS 32 /* frames of several buffers */
int probe_xdp_features(int ifindex);

#endif
