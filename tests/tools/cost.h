/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What cost shares with its BPF program. */
#ifndef TOOLS_COST_H
#define TOOLS_COST_H

#define COST_FRAME 74 /* Ethernet, IPv4, TCP with 20 bytes of options */
#define COST_SOURCE 26
#define COST_PORT 34
#define COST_SEQ 38

#endif
