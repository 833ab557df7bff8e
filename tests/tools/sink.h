/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What sink shares with its BPF program. Both sides include it after their own integer types. */
#ifndef TOOLS_SINK_H
#define TOOLS_SINK_H

#define SINK_PREFIXES 4

enum sink_mode { SINK_ABSORB, SINK_PASS, SINK_SWAP, SINK_DROP };

enum sink_counter {
	SINK_PACKETS, /* all that came */
	SINK_BYTES,
	SINK_ABSORBED, /* counted below and dropped */
	SINK_SYNACK,
	SINK_RST,
	SINK_OTHER,
	SINK_COUNTERS,
};

/* IPv4 is kept in the first word. */
struct sink_prefix {
	__u32 family; /* 0 ends the list */
	__u32 addr[4];
	__u32 mask[4];
};

#endif
