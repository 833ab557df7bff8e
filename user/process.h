/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What this process uses. */
#ifndef PROCESS_H
#define PROCESS_H

#include <linux/types.h>

double process_start(void);   /* Unix time, s */
double process_cpu(void);     /* s, user and system */
__u64 process_resident(void); /* bytes */

#endif
