/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef COMMANDS_H
#define COMMANDS_H

/*
 * Every subcommand, in the order that help shows them; ends with NULL.  The command
 * line, its help, the manual and the completion of shells come from this table.
 */
extern const struct command *const commands[];

#endif
