/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCTOR_H
#define DOCTOR_H

#include "finding.h"

/* Each looks at one part, and changes nothing. */
void doctor_kernel(struct findings *all);
void doctor_host(struct findings *all);
void doctor_device(struct findings *all, const char *ifname);

#endif
