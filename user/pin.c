/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "pin.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "args.h"
#include "log.h"
#include "readers.h"
#include "stops.h"

#define BPFFS "/sys/fs/bpf"
#define NOTE "attach"
/*
 * Directories, only to be locked.  They are root's alone, or everybody who may look could
 * hold the locks.  No interface's directory begins with ':'.
 */
#define RUNNING "running"
#define ROOT_LOCK ":lock"

/* Others hold the lock for milliseconds: status looks whether it is held. */
#define LOCK_TRIES 20
#define LOCK_PAUSE_MS 25

static bool on_bpffs(const char *path)
{
	struct statfs st;

	return !statfs(path, &st) && (unsigned long)st.f_type == BPF_FS_MAGIC;
}

/* The usual place of a bpffs, where one may be mounted without asking. */
static bool usual_root(void)
{
	return !strncmp(args_pin_dir, BPFFS "/", sizeof(BPFFS));
}

/* In a mount namespace of its own the mount, and all pins, end with it. */
static bool private_mounts(void)
{
	struct stat self, init;

	return !stat("/proc/self/ns/mnt", &self) && !stat("/proc/1/ns/mnt", &init) &&
	       self.st_ino != init.st_ino;
}

static int mount_bpffs(void)
{
	if (mkdir(BPFFS, 0700) && errno != EEXIST)
		return log_errno(-errno, "no bpffs: cannot make " BPFFS);
	if (mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		return log_errno(-errno, "cannot mount a bpffs: mount -t bpf bpf " BPFFS);
	log_line("mounted a bpffs at " BPFFS);
	if (private_mounts())
		log_line("warning: this mount namespace is private, the pins end with it; "
			 "enter namespaces by nsenter --net=/run/netns/NAME instead");
	return 0;
}

/* mkdir -p, every level on the bpffs */
static int make_root(void)
{
	char path[PATH_MAX], *p;

	if (snprintf(path, sizeof(path), "%s", args_pin_dir) >= (int)sizeof(path) - 64)
		return log_errno(-ENAMETOOLONG, "pin directory '%.64s...'", args_pin_dir);
	for (p = path + 1;; p++) {
		bool last = !*p;

		if (*p != '/' && !last)
			continue;
		*p = 0;
		if (!mkdir(path, 0755)) {
			if (chmod(path, 0755)) /* whatever the umask */
				return log_errno(-errno, "cannot open pin directory %s to all",
						 path);
		} else if (errno != EEXIST) {
			if (errno == EPERM && strchr(strrchr(path, '/'), '.'))
				log_line("pin directory %s: a bpffs takes no dots in names", path);
			else
				log_errno(-errno, "cannot make pin directory %s", path);
			return -errno;
		}
		if (last)
			return 0;
		*p = '/';
	}
}

static int prepare_root(void)
{
	char parent[PATH_MAX], *slash;
	struct stat st;
	int err;

	if (args_pin_dir[0] != '/') {
		log_line("pin directory '%s' is no absolute path", args_pin_dir);
		return -EINVAL;
	}
	if (usual_root() && !on_bpffs(BPFFS)) {
		err = mount_bpffs();
		if (err)
			return err;
	}
	/* the deepest part that exists must be a bpffs: nothing is made elsewhere */
	snprintf(parent, sizeof(parent), "%s", args_pin_dir);
	while (stat(parent, &st) && (slash = strrchr(parent, '/')) && slash != parent)
		*slash = 0;
	if (!on_bpffs(parent)) {
		log_line("pin directory %s is not on a bpffs: mount one there (mkdir -p %s; mount "
			 "-t "
			 "bpf bpf %s), or use one below " BPFFS,
			 args_pin_dir, args_pin_dir, args_pin_dir);
		return -ENODEV;
	}
	err = make_root();
	return err ? err : readers_open_way(args_pin_dir);
}

/* A directory to be locked; -ENOENT if what it is to be in is not there. */
static int open_lock_dir(const char *path)
{
	int fd;

	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int pin_open_root(bool create)
{
	char path[PATH_MAX];
	int fd, err;

	if (create) {
		err = prepare_root();
		if (err)
			return err;
	}
	snprintf(path, sizeof(path), "%s/" ROOT_LOCK, args_pin_dir);
	fd = open_lock_dir(path);
	if (fd >= 0 && flock(fd, LOCK_EX)) {
		err = -errno;
		close(fd);
		fd = err;
	}
	if (fd < 0 && fd != -ENOENT)
		log_errno(fd, "cannot lock pin directory %s%s", args_pin_dir,
			  fd == -EACCES ? " (be root)" : "");
	return fd;
}

void pin_path(char path[PATH_MAX], const char *ifname, const char *what)
{
	char dir[IF_NAMESIZE], *p;

	snprintf(dir, sizeof(dir), "%s", ifname);
	for (p = dir; *p; p++) {
		if (*p == '.')
			*p = ':';
	}
	snprintf(path, PATH_MAX, "%s/%s%s%s", args_pin_dir, dir, what ? "/" : "", what ? what : "");
}

int pin_open_dir(const char *ifname)
{
	char path[PATH_MAX];
	int fd, err;

	pin_path(path, ifname, RUNNING);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == EACCES) /* may look at it all the same: see pin_dir_locked() */
		fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	err = -errno;
	if (err != -ENOENT)
		log_errno(err, "cannot open %s%s", path, readers_remedy(err));
	return err;
}

static int admit_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err;

	if (fd < 0)
		return log_errno(-errno, "cannot open %s", path);
	err = readers_admit_dir(fd, path);
	close(fd);
	return err;
}

int pin_make_dir(const char *ifname)
{
	char path[PATH_MAX];
	int fd, err;

	pin_path(path, ifname, NULL);
	if (mkdir(path, 0700) && errno != EEXIST)
		return log_errno(-errno, "cannot make %s", path);
	STOP("directory-made");
	err = admit_dir(path);
	if (err)
		return err;
	pin_path(path, ifname, RUNNING);
	fd = open_lock_dir(path);
	if (fd < 0) {
		log_errno(fd, "cannot make %s", path);
		pin_path(path, ifname, NULL);
		rmdir(path); /* if it is empty */
	}
	return fd;
}

int pin_lock_dir(int dir_fd)
{
	const struct timespec pause = {.tv_nsec = LOCK_PAUSE_MS * 1000000};
	int i;

	for (i = 0; i < LOCK_TRIES; i++) {
		if (!flock(dir_fd, LOCK_EX | LOCK_NB))
			return 0;
		if (errno != EWOULDBLOCK)
			return -errno;
		nanosleep(&pause, NULL);
	}
	return -EWOULDBLOCK;
}

int pin_lock_use(const char *ifname, const char *use)
{
	char path[PATH_MAX];
	int fd, err;

	pin_path(path, ifname, use);
	fd = open_lock_dir(path);
	if (fd < 0)
		return log_errno(fd, "cannot make %s", path);
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	err = -errno;
	close(fd);
	return err == -EWOULDBLOCK ? err : log_errno(err, "cannot lock %s", path);
}

/* As the kernel tells everybody, of the processes of their own PID namespace. */
static bool listed_as_locked(int dir_fd)
{
	FILE *f = fopen("/proc/locks", "re");
	unsigned int major, minor;
	unsigned long inode;
	bool found = false;
	struct stat st;
	char line[256];

	if (!f)
		return false;
	while (!fstat(dir_fd, &st) && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%*s FLOCK %*s %*s %*s %x:%x:%lu", &major, &minor, &inode) ==
				3 &&
			makedev(major, minor) == st.st_dev && inode == st.st_ino;
	fclose(f);
	return found;
}

bool pin_dir_locked(int dir_fd)
{
	if (flock(dir_fd, LOCK_SH | LOCK_NB))
		return errno == EBADF ? listed_as_locked(dir_fd) : errno == EWOULDBLOCK;
	flock(dir_fd, LOCK_UN);
	return false;
}

bool pin_dir_removed(int dir_fd)
{
	struct stat st;

	return fstat(dir_fd, &st) || !st.st_nlink;
}

static int get(const char *ifname, const char *what, __u32 flags)
{
	LIBBPF_OPTS(bpf_obj_get_opts, opts, .file_flags = flags);
	char path[PATH_MAX];
	int fd;

	pin_path(path, ifname, what);
	fd = bpf_obj_get_opts(path, &opts);
	return fd < 0 ? -errno : fd;
}

int pin_get(const char *ifname, const char *what)
{
	return get(ifname, what, 0);
}

int pin_get_to_read(const char *ifname, const char *what)
{
	return get(ifname, what, BPF_F_RDONLY);
}

int pin_admit(const char *ifname, const char *what)
{
	char path[PATH_MAX];

	pin_path(path, ifname, what);
	return readers_admit_file(path);
}

static void new_path(char path[PATH_MAX], const char *ifname, const char *what)
{
	char name[64];

	snprintf(name, sizeof(name), "%s:new", what);
	pin_path(path, ifname, name);
}

int pin_ready(int fd, const char *ifname, const char *what)
{
	char path[PATH_MAX];

	new_path(path, ifname, what);
	unlink(path);
	if (bpf_obj_pin(fd, path))
		return log_errno(-errno, "cannot pin %s", path);
	STOP("half-pinned");
	return 0;
}

int pin_take(const char *ifname, const char *what)
{
	char path[PATH_MAX], fresh[PATH_MAX];
	int err;

	pin_path(path, ifname, what);
	new_path(fresh, ifname, what);
	if (rename(fresh, path)) {
		err = log_errno(-errno, "cannot pin %s", path);
		unlink(fresh);
		return err;
	}
	STOP("pinned");
	return 0;
}

void pin_drop(const char *ifname, const char *what)
{
	char path[PATH_MAX];

	new_path(path, ifname, what);
	unlink(path);
}

int pin_put(int fd, const char *ifname, const char *what)
{
	int err = pin_ready(fd, ifname, what);

	return err ? err : pin_take(ifname, what);
}

void pin_remove(const char *ifname, const char *what)
{
	char path[PATH_MAX];

	pin_path(path, ifname, what);
	unlink(path);
}

int pin_mark(const char *ifname, const char *what)
{
	char path[PATH_MAX];

	pin_path(path, ifname, what);
	return mkdir(path, 0700) && errno != EEXIST ? log_errno(-errno, "cannot make %s", path) : 0;
}

bool pin_marked(const char *ifname, const char *what)
{
	char path[PATH_MAX];

	pin_path(path, ifname, what);
	return !access(path, F_OK);
}

void pin_unmark(const char *ifname, const char *what)
{
	char path[PATH_MAX];

	pin_path(path, ifname, what);
	rmdir(path);
}

int pin_remove_dir(const char *ifname)
{
	char path[PATH_MAX];
	struct dirent *e;
	DIR *dir;

	pin_path(path, ifname, NULL);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((e = readdir(dir))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		unlinkat(dirfd(dir), e->d_name, e->d_type == DT_DIR ? AT_REMOVEDIR : 0);
		STOP("unpinned");
	}
	closedir(dir);
	return rmdir(path) ? log_errno(-errno, "cannot remove %s", path) : 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

int pin_list(char (**names)[IF_NAMESIZE], size_t *count)
{
	char(*list)[IF_NAMESIZE] = NULL, (*grown)[IF_NAMESIZE];
	struct dirent *e;
	size_t n = 0;
	char *p;
	DIR *dir;

	dir = opendir(args_pin_dir);
	if (!dir) {
		if (errno != ENOENT)
			log_errno(-errno, "cannot read pin directory %s%s", args_pin_dir,
				  readers_remedy(-errno));
		return -errno;
	}
	while ((e = readdir(dir))) {
		if (strchr(".:", e->d_name[0]) || e->d_type != DT_DIR ||
		    strlen(e->d_name) >= IF_NAMESIZE)
			continue;
		grown = realloc(list, (n + 1) * sizeof(*list));
		if (!grown)
			break;
		list = grown;
		strcpy(list[n], e->d_name);
		for (p = list[n]; *p; p++) {
			if (*p == ':')
				*p = '.';
		}
		n++;
	}
	closedir(dir);
	if (n)
		qsort(list, n, sizeof(*list), compare_names);
	*names = list;
	*count = n;
	return n ? 0 : -ENOENT;
}

int pin_read_note(const char *ifname, struct pin_note *note)
{
	char path[PATH_MAX], text[256], xdp[16], how[16], tc[16], qdisc[16];
	ssize_t n;

	memset(note, 0, sizeof(*note));
	pin_path(path, ifname, NOTE);
	n = readlink(path, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = 0;
	if (sscanf(text,
		   "netns=%" SCNu64 " ifindex=%d xdp=%15[a-z],%15[a-z] tc=%15[a-z] qdisc=%15[a-z]",
		   &note->netns, &note->ifindex, xdp, how, tc, qdisc) != 6)
		return -EINVAL;
	note->generic = !strcmp(xdp, "generic");
	note->dispatcher = !strcmp(how, "dispatcher");
	note->clsact = !strcmp(tc, "clsact");
	note->own_qdisc = !strcmp(qdisc, "ours");
	return 0;
}

int pin_write_note(const char *ifname, const struct pin_note *note)
{
	char path[PATH_MAX], fresh[PATH_MAX], text[256];

	snprintf(text, sizeof(text), "netns=%" PRIu64 " ifindex=%d xdp=%s,%s tc=%s qdisc=%s",
		 note->netns, note->ifindex, note->generic ? "generic" : "native",
		 note->dispatcher ? "dispatcher" : "alone", note->clsact ? "clsact" : "tcx",
		 note->own_qdisc ? "ours" : "theirs");
	pin_path(path, ifname, NOTE);
	pin_path(fresh, ifname, NOTE ":new");
	unlink(fresh);
	if (symlink(text, fresh) || rename(fresh, path))
		return log_errno(-errno, "cannot write %s", path);
	STOP("noted");
	return 0;
}

uint64_t pin_netns(void)
{
	struct stat st;

	return stat("/proc/self/ns/net", &st) ? 0 : st.st_ino;
}
