/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DURATION_H
#define DURATION_H

#include <linux/types.h>

#define DURATION_TEXT 24
/* "0.4s", "59s", "2m05s", "3h10m", "4d07h"; cut, not rounded */
const char *duration_text(char text[DURATION_TEXT], __u64 ns);

#endif
