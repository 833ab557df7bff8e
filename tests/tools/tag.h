/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* tag shares nothing but its VLAN with its BPF program. */
#ifndef TOOLS_TAG_H
#define TOOLS_TAG_H

#define TAG_VLAN_MASK 0xfff

#endif
