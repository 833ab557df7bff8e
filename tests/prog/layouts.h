/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How the stacks in use lay out the options of their SYNs, and how none of them does. */
#ifndef LAYOUTS_H
#define LAYOUTS_H

struct layout {
	const char *name, *options;
};

static const struct layout layouts[] = {
	{"Linux", "mss 1460 sack ts nop ws 7"},
	{"Linux, no timestamps", "mss 1460 nop nop sack nop ws 7"},
	{"Linux, no SACK", "mss 1460 nop nop ts nop ws 7"},
	{"Linux, no window scaling", "mss 1460 sack ts"},
	{"Linux, MSS and window scale only", "mss 1460 nop ws 7"},
	{"Linux, MSS and SACK only", "mss 1460 nop nop sack"},
	{"Linux, MSS and timestamps only", "mss 1460 nop nop ts"},
	{"Windows 10 and 11", "mss 1460 nop ws 8 nop nop sack"},
	{"Windows 10 and 11, timestamps on", "mss 1460 nop ws 8 sack ts"},
	{"macOS and iOS", "mss 1460 nop ws 6 nop nop ts sack eol eol"},
	{"FreeBSD", "mss 1460 nop ws 6 sack ts"},
	{"OpenBSD", "mss 1460 nop nop sack nop ws 6 nop nop ts"},
	{"NetBSD", "mss 1460 nop ws 3 sack nop nop nop nop ts"},
	{"Solaris", "sack ts mss 1460 nop ws 2"},
	{"lwIP", "mss 1460"},
	{"lwIP, SACK last", "mss 1460 sack nop nop"},
	{"bare, no options", ""},
	{"timestamps and no MSS", "nop nop ts"},
	{"MSS 0", "mss 0 sack ts nop ws 7"},
	{"MSS 1220", "mss 1220 sack ts nop ws 7"},
	{"MSS 1380, no timestamps", "mss 1380 nop nop sack nop ws 7"},
	{"MSS 8960", "mss 8960 sack ts nop ws 7"},
	{"MSS 8960, no timestamps", "mss 8960 nop ws 7"},
	{"MSS 16383", "mss 16383 sack ts nop ws 7"},
	{"MSS 16384", "mss 16384 sack ts nop ws 7"},
	{"MSS 65495", "mss 65495 sack ts nop ws 7"},
	{"window scale 15", "mss 1460 sack ts nop ws 15"},
	{"window scale 255, no timestamps", "mss 1460 nop ws 255"},
	{"Fast Open, cookie asked for", "mss 1460 sack ts nop ws 7 tfo nop nop"},
	{"Fast Open, with cookie", "mss 1460 sack ts nop ws 7 nop nop tfo8"},
	{"MP_CAPABLE", "mss 1460 sack ts nop ws 7 mpc"},
	{"MSS then end of list", "mss 1460 eol"},
	{"end of list, then rubbish", "mss 1460 nop ws 7 eol raw 2 raw 0 raw 255"},
	{"rubbish in the end-of-list word only", "mss 1460 sack eol raw 3"},
	{"unknown kind first", "unknown 6 mss 1460 sack ts nop ws 7"},
	{"unknown kind last", "mss 1460 sack ts nop ws 7 unknown 4"},
	{"unknown kind that is empty", "mss 1460 unknown 2 nop nop sack ts"},
	{"nothing aligned", "ws 7 sack mss 1460 ts"},
	{"one NOP first", "nop mss 1460 sack nop ts ws 7"},
	{"NOPs everywhere", "nop nop nop nop mss 1460 nop nop nop nop nop sack nop ws 7"},
	{"40 bytes, all there is", "mss 1460 sack ts nop ws 7 unknown 20"},
	{"an option that ends with the header", "mss 1460 sack ts nop ws 7 nop unknown 3"},
};

#define LAYOUTS (sizeof(layouts) / sizeof(*layouts))

#endif
