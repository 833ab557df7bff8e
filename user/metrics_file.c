/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "metrics_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

static int write_all(int fd, const char *text, size_t size)
{
	ssize_t n;

	while (size) {
		n = write(fd, text, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		text += n;
		size -= n;
	}
	return 0;
}

/* Its name does not end in .prom: the collector reads no file that is half written. */
static int replace(const char *path, const char *text, size_t size)
{
	char fresh[PATH_MAX];
	int fd, err;

	if ((size_t)snprintf(fresh, sizeof(fresh), "%s.new", path) >= sizeof(fresh))
		return -ENAMETOOLONG;
	unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	err = fchmod(fd, 0644) ? -errno : 0; /* the collector is not root, whatever the umask */
	if (!err)
		err = write_all(fd, text, size);
	if (close(fd) && !err)
		err = -errno;
	if (!err && rename(fresh, path))
		err = -errno;
	if (err)
		unlink(fresh);
	return err;
}

void metrics_file_write(struct metrics_file *f, const char *text, size_t size)
{
	int err = replace(f->path, text, size);

	if (err && !f->failed)
		log_errno(err, "warning: cannot write the metrics to %s, trying again every %d s",
			  f->path, METRICS_FILE_SECONDS);
	else if (!err && f->failed)
		log_line("the metrics are written to %s again", f->path);
	f->failed = err;
}
