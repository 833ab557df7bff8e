/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Makes the manual and the completion of bash from the tables of the command line. */
#ifndef GENERATE_H
#define GENERATE_H

#include <stdio.h>

/* Lists in mdoc(7). */
void manual_commands(FILE *out);
void manual_common(FILE *out);
void manual_head(FILE *out);
void manual_settings(FILE *out);

/* Tables for contrib/completion/synshield.bash.in, which says what they hold. */
void completion_tables(FILE *out);

#endif
