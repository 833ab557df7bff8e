/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "commands.h"

#include <stddef.h>

#include "args.h"

const struct command *const commands[] = {
	&command_run,
	&command_status,
	&command_top,
	&command_conns,
	&command_trace,
	&command_capture,
	&command_replay,
	&command_stats,
	&command_metrics,
	&command_set,
	&command_allow,
	&command_deny,
	&command_detach,
	&command_doctor,
	&command_check,
	&command_config,
	NULL,
};
