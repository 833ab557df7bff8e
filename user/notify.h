/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef NOTIFY_H
#define NOTIFY_H

/* Tells the service manager, if there is one: see sd_notify(3). */
void notify_manager(const char *text);

#endif
