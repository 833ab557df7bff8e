/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef RECOUNT_H
#define RECOUNT_H

#include <synshield/synshield.h>

/*
 * The connections of a source, to be written in the place of what the BPF programs have
 * counted.  `counted`: those found in `conns`; `before` and `after`: what the programs had
 * counted before that and since, NULL if nothing.
 *
 * Where it lies between the two, the programs were right, and more have begun since.  Else
 * what ended meanwhile may have been found still: counting too few until the next time harms
 * nobody.
 */
static inline __u32 recount(__u32 counted, const struct synshield_source *before,
			    const struct synshield_source *after)
{
	__u32 was = before ? before->conns : 0, is, ended;

	if (!after)
		return counted;
	is = after->conns;
	if (was <= counted && counted <= is)
		return is;
	if (is >= was)
		return counted;
	ended = was - is;
	return ended < counted ? counted - ended : 0;
}

#endif
