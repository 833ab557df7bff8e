/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "readers.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

static struct {
	gid_t gid;
	const char *name;
} readers = {0, "root"};

/* A member could load a program there, and write to the maps with it. */
static void warn_of_unprivileged_bpf(void)
{
	FILE *f = fopen("/proc/sys/kernel/unprivileged_bpf_disabled", "re");
	int disabled = 1;

	if (!f)
		return;
	if (fscanf(f, "%d", &disabled) == 1 && !disabled)
		log_line("warning: --group %s: members can also write, as "
			 "kernel.unprivileged_bpf_disabled is 0: set it to 2",
			 readers.name);
	fclose(f);
}

int readers_choose(const char *group)
{
	const struct group *found;

	errno = 0;
	found = getgrnam(group);
	if (!found) {
		log_line("--group %s: no such group; 'addgroup --system %s' makes it", group,
			 group);
		return -ENOENT;
	}
	readers.gid = found->gr_gid;
	readers.name = group;
	warn_of_unprivileged_bpf();
	return 0;
}

/* systemd mounts the bpffs for root alone; others' pins in it keep their own modes. */
static int open_level(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return log_errno(-errno, "cannot look at %s", path);
	if (st.st_mode & S_IXOTH || (st.st_gid == readers.gid && st.st_mode & S_IXGRP))
		return 0;
	if (st.st_gid || st.st_mode & S_IRWXG) {
		log_line("warning: --group %s cannot pass through %s, which is another group's: "
			 "chmod o+x %s",
			 readers.name, path, path);
		return 0;
	}
	if (chown(path, -1, readers.gid) || chmod(path, (st.st_mode & 07777) | S_IXGRP))
		return log_errno(-errno, "cannot let the group %s through %s", readers.name, path);
	log_line("the group %s may pass through %s now", readers.name, path);
	return 0;
}

int readers_open_way(const char *root)
{
	char path[PATH_MAX];
	size_t i;
	int err = 0;

	for (i = 1; readers.gid && root[i] && !err; i++) {
		if (root[i] != '/')
			continue;
		snprintf(path, sizeof(path), "%.*s", (int)i, root);
		err = open_level(path);
	}
	return err;
}

int readers_admit_dir(int fd, const char *path)
{
	if (fchown(fd, -1, readers.gid) || fchmod(fd, 0750))
		return log_errno(-errno, "cannot let the group %s read %s", readers.name, path);
	return 0;
}

int readers_admit_file(const char *path)
{
	if (chown(path, -1, readers.gid) || chmod(path, 0640))
		return log_errno(-errno, "cannot let the group %s read %s", readers.name, path);
	return 0;
}

const char *readers_remedy(int err)
{
	return err == -EACCES || err == -EPERM
		       ? " (be root, or to look only: a member of the group of 'run --group')"
		       : "";
}
