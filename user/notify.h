/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <linux/types.h>

/* What systemd is told: see sd_notify(3).  Nothing happens where nobody asks for it. */

/* Lines of KEY=value. */
void notify_manager(const char *text);
/* The line that `systemctl status` shows; sent only when it has changed. */
void notify_status(const char *text);
/* Within how many ns WATCHDOG=1 is expected, again and again; 0: not at all */
__u64 notify_watchdog_ns(void);

#endif
