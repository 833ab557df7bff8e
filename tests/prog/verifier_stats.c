/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What each program costs the verifier, and how large it is; fails above the ceiling. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "synshield.skel.h"

/* The ceiling of a program: a line "name instructions" of the file.  0: none given. */
static unsigned int ceiling_of(const char *path, const char *name)
{
	unsigned int most = 0, n;
	char line[128], word[64];
	FILE *f = fopen(path, "r");

	if (!f) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %u", word, &n) == 2 && !strcmp(word, name))
			most = n;
	fclose(f);
	return most;
}

/* 0, or 1 if the program is above its ceiling or has none. */
static int report(const struct bpf_program *prog, const char *path)
{
	const char *name = bpf_program__name(prog);
	unsigned int most = ceiling_of(path, name);
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len)) {
		fprintf(stderr, "%s: %s\n", name, strerror(errno));
		return 1;
	}
	printf("%-16s %10u %10u %8u %8u%s\n", name, info.verified_insns, most, info.xlated_prog_len,
	       info.jited_prog_len, info.verified_insns > most ? "  ABOVE" : "");
	return info.verified_insns > most;
}

int main(int argc, char **argv)
{
	struct bpf_program *prog;
	struct synshield *skel;
	int above = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: %s CEILINGS\n", argv[0]);
		return 2;
	}
	skel = synshield__open_and_load();
	if (!skel) {
		fprintf(stderr, "synshield.bpf.o: %s\n", strerror(errno));
		return 1;
	}
	printf("%-16s %10s %10s %8s %8s\n", "program", "verified", "ceiling", "xlated", "jited");
	bpf_object__for_each_program(prog, skel->obj) above += report(prog, argv[1]);
	synshield__destroy(skel);
	if (above)
		fprintf(stderr, "%d programs above the ceiling in %s\n", above, argv[1]);
	return above != 0;
}
