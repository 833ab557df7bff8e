/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A capture, played to the shield's programs on a stage: see stage.h and surmise.h. */
#ifndef PLAYBACK_H
#define PLAYBACK_H

#include "follow.h"
#include "stage.h"
#include "surmise.h"

/* What became of the packets of the capture. */
struct tally {
	__u64 packets, run;
	__u64 other;	 /* not TCP */
	__u64 strange;	 /* a link layer that is not known */
	__u64 headless;	 /* cut before the end of the headers */
	__u64 oversize;	 /* of malformed ones, more than a program can be run on */
	__u64 cut;	 /* payload that is not there is taken for zeros */
	__u64 elsewhere; /* neither end is the host's */
	__u64 replaced;	 /* the kernel's answers, where the driver answers */
};

struct playback {
	/* set before */
	const char *file;
	enum synshield_mode mode;
	__u16 port; /* local one that is wanted; 0: all */
	struct surmise *surmise;
	void (*show_step)(const struct follow_step *s, void *arg);
	void (*show_end)(const struct follow_end *e, void *arg);
	void *arg;

	struct follow *follow; /* NULL if it did not come to that */
	struct tally tally;
	__u64 first, now; /* the capture's clock, which never goes back */
	struct stage stage;
	bool observe;
	struct frame frame, piece;
};

/*
 * 0; -EBADMSG if the file is broken, and was played up to there; else -errno.  Errors are
 * said.  Leaves the process in another network namespace.
 */
int playback_run(struct playback *b);
void playback_close(struct playback *b);

#endif
