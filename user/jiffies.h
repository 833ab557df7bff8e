/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef JIFFIES_H
#define JIFFIES_H

#include <linux/types.h>

/* Ticks per second. */
__u32 jiffies_hz(void);
/* The kernel's jiffies64, within a few ticks. */
__u64 jiffies_now(void);
/* Reads the kernel's own count where it shows it; otherwise up to 0.1 s off. */
void jiffies_calibrate(void);

#endif
