/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "capwrite.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "log.h"
#include "pcapng.h"
#include "synshield/synshield.h"

#define ROOM (1u << 18)
/* More than any block needs. */
#define BLOCK_MOST (SYNSHIELD_SNAPLEN_MAX + 4096)

struct capwrite {
	const char *file; /* as messages name it */
	int fd;
	bool failed;
	__u64 written; /* packets */
	__u32 used, block;
	__u8 buffer[ROOM];
};

/* -- blocks -- */

static void put(struct capwrite *w, const void *data, __u32 len)
{
	memcpy(w->buffer + w->used, data, len);
	w->used += len;
}

static void put16(struct capwrite *w, __u16 v)
{
	put(w, &v, sizeof(v));
}

static void put32(struct capwrite *w, __u32 v)
{
	put(w, &v, sizeof(v));
}

static void put_padded(struct capwrite *w, const void *data, __u32 len)
{
	put(w, data, len);
	put(w, (const __u8[3]){}, -len % 4);
}

static void put_option(struct capwrite *w, __u16 code, const void *data, __u16 len)
{
	put16(w, code);
	put16(w, len);
	put_padded(w, data, len);
}

static void put_text(struct capwrite *w, __u16 code, const char *text)
{
	put_option(w, code, text, strlen(text));
}

/* Times are of two words, the upper one first, whatever the order of bytes. */
static void put_time(struct capwrite *w, __u64 ns)
{
	put32(w, ns >> 32);
	put32(w, ns);
}

static void put_time_option(struct capwrite *w, __u16 code, __u64 ns)
{
	put16(w, code);
	put16(w, sizeof(ns));
	put_time(w, ns);
}

static int begin_block(struct capwrite *w, __u32 type)
{
	int err = w->used > ROOM - BLOCK_MOST ? capwrite_flush(w) : 0;

	w->block = w->used;
	put32(w, type);
	put32(w, 0);
	return err;
}

static void end_block(struct capwrite *w)
{
	__u32 len = w->used + 4 + 4 - w->block;

	put32(w, PCAPNG_END);
	put32(w, len);
	memcpy(w->buffer + w->block + 4, &len, 4);
}

/* -- the file -- */

/* A device or a pipe.  Behind a link may be anything, which somebody else may have meant. */
static int open_special(const char *file)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		log_errno(-errno, "cannot open %s", file);
	else if (S_ISREG(st.st_mode))
		log_line("%s is a link: name the file itself", file);
	else if (S_ISFIFO(st.st_mode) && st.st_uid != geteuid())
		log_line("%s is a pipe of another user's: name another file", file);
	else
		return fd;
	if (fd >= 0)
		close(fd);
	return -EINVAL;
}

/*
 * With force a file is replaced, not written to: whoever owns it or has it open shall not come
 * by the payload in it.
 */
static int open_file(const char *file, bool force)
{
	struct stat st;
	int fd;

	if (force && !lstat(file, &st)) {
		if (!S_ISREG(st.st_mode))
			return open_special(file);
		if (unlink(file))
			return log_errno(-errno, "cannot replace %s", file);
	}
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST) {
		log_line("%s exists: name another file, or --force to replace it", file);
		return -EEXIST;
	}
	return fd < 0 ? log_errno(-errno, "cannot make %s", file) : fd;
}

static int open_output(void)
{
	int fd;

	if (isatty(STDOUT_FILENO)) {
		log_line("a capture is nothing for a terminal: name a file (-w FILE), or a reader "
			 "(-w - | tshark -r -)");
		return -EINVAL;
	}
	fd = dup(STDOUT_FILENO);
	return fd < 0 ? log_errno(-errno, "cannot write to standard output") : fd;
}

int capwrite_open(struct capwrite **to, const char *file, bool force)
{
	bool out = !strcmp(file, "-");
	struct capwrite *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return log_errno(-ENOMEM, "cannot capture");
	w->file = out ? "standard output" : file;
	w->fd = out ? open_output() : open_file(file, force);
	err = w->fd < 0 ? w->fd : 0;
	if (err)
		free(w);
	else
		*to = w;
	return err;
}

/* Of what is in the buffer, the bytes of the blocks that end within the first `len`. */
static __u32 whole_blocks(struct capwrite *w, __u32 len)
{
	__u32 at = 0, block[2];

	for (;;) {
		if (at + sizeof(block) > len)
			return at;
		memcpy(block, w->buffer + at, sizeof(block));
		if (at + block[1] > len)
			return at;
		w->written += block[0] == PCAPNG_PACKET;
		at += block[1];
	}
}

static int say_failure(struct capwrite *w, int err)
{
	w->failed = true;
	if (err == -EPIPE)
		log_line("%s: nobody reads any more", w->file);
	else
		log_errno(err, "cannot write %s: what it has so far is whole", w->file);
	return err;
}

/* The last bytes of the file; what is in a pipe stays there. */
static void take_off(struct capwrite *w, __u32 len)
{
	off_t end = lseek(w->fd, 0, SEEK_CUR);

	if (end >= 0 && len && ftruncate(w->fd, end - len))
		log_errno(-errno, "%s ends in half a packet", w->file);
}

/* Errors are seen in a pipe that nothing is written to. */
static int look_at_reader(struct capwrite *w)
{
	struct pollfd p = {.fd = w->fd};

	return poll(&p, 1, 0) == 1 && p.revents & POLLERR ? say_failure(w, -EPIPE) : 0;
}

int capwrite_flush(struct capwrite *w)
{
	__u32 done = 0, interrupts = 0, whole;
	int err = 0;
	ssize_t n;

	if (w->failed)
		return -EIO;
	if (!w->used)
		return look_at_reader(w);
	while (done < w->used && !err) {
		n = write(w->fd, w->buffer + done, w->used - done);
		if (n >= 0)
			done += n;
		else if (errno != EINTR || interrupts++) /* the second ends what nobody reads */
			err = -errno;
	}
	whole = whole_blocks(w, done);
	if (err)
		take_off(w, done - whole);
	w->used = 0;
	return err ? say_failure(w, err) : 0;
}

__u64 capwrite_written(const struct capwrite *w)
{
	return w->written;
}

void capwrite_close(struct capwrite *w)
{
	if (w)
		close(w->fd);
	free(w);
}

/* -- what is in it -- */

int capwrite_begin(struct capwrite *w, const char *ifname, __u32 snaplen)
{
	const __u8 nanoseconds = 9;
	struct utsname host;
	char os[2 * sizeof(host.release) + 2];

	uname(&host);
	snprintf(os, sizeof(os), "%s %s", host.sysname, host.release);
	begin_block(w, PCAPNG_SECTION);
	put32(w, PCAPNG_ORDER);
	put16(w, 1);
	put16(w, 0);
	put(w, &(__s64){-1}, 8); /* however long */
	put_text(w, PCAPNG_HARDWARE, host.machine);
	put_text(w, PCAPNG_OS, os);
	put_text(w, PCAPNG_APPLICATION, "synshield " SYNSHIELD_VERSION);
	end_block(w);
	begin_block(w, PCAPNG_INTERFACE);
	put16(w, PCAPNG_LINK_ETHERNET);
	put16(w, 0);
	put32(w, snaplen);
	put_text(w, PCAPNG_NAME, ifname);
	put_option(w, PCAPNG_TSRESOL, &nanoseconds, 1);
	end_block(w);
	return capwrite_flush(w);
}

static void put_verdict(struct capwrite *w, const struct capwrite_note *note)
{
	__u8 verdict[9] = {note->hook};

	memcpy(verdict + 1, &note->code, 8);
	put_option(w, PCAPNG_VERDICT, verdict, sizeof(verdict));
}

int capwrite_packet(struct capwrite *w, const struct capfile_packet *p,
		    const struct capwrite_note *note)
{
	const __u32 flags = PCAPNG_INBOUND;
	int err;

	if (w->failed)
		return -EIO;
	err = begin_block(w, PCAPNG_PACKET);
	put32(w, 0);
	put_time(w, p->time_ns);
	put32(w, p->captured);
	put32(w, p->len);
	put_padded(w, p->data, p->captured);
	put_text(w, PCAPNG_COMMENT, note->comment);
	put_option(w, PCAPNG_FLAGS, &flags, sizeof(flags));
	put_verdict(w, note);
	end_block(w);
	return err;
}

int capwrite_end(struct capwrite *w, __u64 start_ns, __u64 stop_ns, __u64 missing)
{
	int err = capwrite_flush(w);
	__u64 received = w->written + missing;

	if (err)
		return err;
	begin_block(w, PCAPNG_STATISTICS);
	put32(w, 0);
	put_time(w, stop_ns);
	put_time_option(w, PCAPNG_START, start_ns);
	put_time_option(w, PCAPNG_STOP, stop_ns);
	put_option(w, PCAPNG_RECEIVED, &received, sizeof(received));
	put_option(w, PCAPNG_DROPPED, &missing, sizeof(missing));
	end_block(w);
	return capwrite_flush(w);
}
