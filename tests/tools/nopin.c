/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * LD_PRELOAD=nopin.so NOPIN=N: to this process the bpffs is full from the Nth file, directory or
 * link on that it would make there. A real one has no size: it is full when the kernel has no
 * memory for it, and then says ENOSPC.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int bpf_obj_pin(int fd, const char *path);

static int full(const char *path)
{
	static unsigned long made;
	const char *room = getenv("NOPIN");

	if (!room || strncmp(path, "/sys/fs/bpf/", 12) || ++made < strtoul(room, NULL, 10))
		return 0;
	errno = ENOSPC;
	return -1;
}

int bpf_obj_pin(int fd, const char *path)
{
	static int (*next)(int, const char *);

	if (!next)
		next = dlsym(RTLD_NEXT, "bpf_obj_pin");
	return full(path) ? -ENOSPC : next(fd, path);
}

/* What exists already is no matter of room. */
int mkdir(const char *path, mode_t mode)
{
	static int (*next)(const char *, mode_t);

	if (!next)
		next = dlsym(RTLD_NEXT, "mkdir");
	return access(path, F_OK) && full(path) ? -1 : next(path, mode);
}

int symlink(const char *target, const char *path)
{
	static int (*next)(const char *, const char *);

	if (!next)
		next = dlsym(RTLD_NEXT, "symlink");
	return full(path) ? -1 : next(target, path);
}
