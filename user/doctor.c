/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "doctor.h"

#include <net/if.h>
#include <string.h>

#include "args.h"
#include "log.h"

static bool as_json;

static const struct arg doctor_args[] = {
	{.name = "json", .letter = 'j', .type = ARG_FLAG, .to = &as_json, .help = "write JSON"},
	{},
};

static int doctor(const struct command *cmd, int argc, char **argv)
{
	static struct findings all;
	int i;

	for (i = 0; i < argc; i++) {
		if (strlen(argv[i]) < IF_NAMESIZE && if_nametoindex(argv[i]))
			continue;
		log_line("%s: no such interface in this network namespace; 'ip link' lists them",
			 argv[i]);
		return EXIT_FAILED;
	}
	doctor_kernel(&all);
	doctor_host(&all);
	for (i = 0; i < argc; i++)
		doctor_device(&all, argv[i]);
	if (as_json)
		findings_json(&all);
	else
		findings_print(&all);
	return findings_worst(&all) == FINDING_PROBLEM ? EXIT_FAILED : EXIT_OK;
}

const struct command command_doctor = {
	.name = "doctor",
	.usage = "[IFACE...] [--json]",
	.summary = "what this kernel, host and interface lack, and how to mend it",
	.about = "Changes nothing, and attaches nothing. Each finding says what is there, why it\n"
		 "matters, and, behind a '$', the command that mends it. Without root it tells\n"
		 "what it could not see.\n\n"
		 "  ok       as it should be\n"
		 "  note     worth knowing\n"
		 "  warning  works, with less\n"
		 "  problem  does not work: exits 1",
	.args = doctor_args,
	.any_iface = true,
	.run = doctor,
};
