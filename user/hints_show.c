/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Hints, as text and as JSON. */
#include <stdio.h>

#include "hints.h"
#include "host.h"
#include "json.h"

void hints_print(const struct hint hints[], int count)
{
	int i;

	for (i = 0; i < count; i++)
		printf("  hint       %s\n             means: %s\n             do: %s\n",
		       hints[i].seen, hints[i].means, hints[i].mend);
}

void hints_json(struct json *j, const struct hint hints[], int count)
{
	int i;

	json_array(j, "hints");
	for (i = 0; i < count; i++) {
		json_object(j, NULL);
		json_text(j, "name", hints[i].name);
		json_text(j, "seen", hints[i].seen);
		json_text(j, "means", hints[i].means);
		json_text(j, "mend", hints[i].mend);
		json_end(j);
	}
	json_end(j);
}

__u32 hints_local_range(void)
{
	long first = host_sysctl("ipv4/ip_local_port_range", 0, 0);
	long last = host_sysctl("ipv4/ip_local_port_range", 1, 0);

	return first > 0 && last >= first ? last - first + 1 : 0;
}
