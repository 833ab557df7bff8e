/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Hints, as text and as JSON. */
#include <errno.h>
#include <stdio.h>

#include "counts.h"
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

static int add_view(const struct conn_view *v, void *arg)
{
	hints_tally_add(arg, v);
	return 0;
}

/* With a cookie of the shield's and one of the kernel's. */
static __u64 grown(const struct synshield_stats *before, const struct synshield_stats *after,
		   int action, int own, int kernels)
{
	if (!before || !after)
		return 0;
	return counts_at(after, action, own) - counts_at(before, action, own) +
	       counts_at(after, action, kernels) - counts_at(before, action, kernels);
}

int hints_gather(const struct maps *maps, const struct synshield_stats *before,
		 const struct synshield_stats *after, struct hint hints[HINTS_MAX])
{
	struct hints_tally *tally = hints_tally_new();
	struct hints_summary sum = {
		.local_range = hints_local_range(),
		.cookies = grown(before, after, SYNSHIELD_REPLY, SYNSHIELD_REASON_cookie,
				 SYNSHIELD_REASON_kernel_cookie),
		.completed = grown(before, after, SYNSHIELD_PASS, SYNSHIELD_REASON_cookie_ok,
				   SYNSHIELD_REASON_kernel_cookie_ok),
	};
	int err;

	if (!tally)
		return -ENOMEM;
	err = conn_views(maps, false, add_view, tally);
	hints_tally_sum(tally, &sum);
	hints_tally_free(tally);
	return err ? err : hints_find(&sum, hints);
}
