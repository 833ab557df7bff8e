/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "journal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

void journal_field(struct journal_entry *e, const char *name, const char *fmt, ...)
{
	size_t room = sizeof(e->text) - e->len;
	char value[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	n = snprintf(e->text + e->len, room, "%s=%s\n", name, value);
	if (n > 0 && (size_t)n < room)
		e->len += n;
}

/* systemd tells which file it has connected, as others may have redirected it since. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &dev, &inode) == 2 &&
	       !fstat(STDERR_FILENO, &st) && st.st_dev == dev && st.st_ino == inode;
}

bool journal_send(const struct journal_entry *e)
{
	const struct sockaddr_un to = {.sun_family = AF_UNIX,
				       .sun_path = "/run/systemd/journal/socket"};
	ssize_t sent;
	int fd;

	if (!stderr_is_journal())
		return false;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	sent = sendto(fd, e->text, e->len, MSG_NOSIGNAL, (const struct sockaddr *)&to, sizeof(to));
	close(fd);
	return sent == (ssize_t)e->len;
}
