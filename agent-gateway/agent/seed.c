#include "agent-gateway/agent/seed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/log.h"

#define DEPTH_MAX 128 /* each level holds three descriptors */

static void copy_dir(int from, int to, int depth);

static int copy_bytes(int from, int to)
{
	char data[65536];
	ssize_t n;

	while ((n = read(from, data, sizeof data)) > 0)
		for (ssize_t at = 0, m; at < n; at += m)
			if ((m = write(to, data + at, (size_t)(n - at))) < 0)
				return -1;
	return n < 0 ? -1 : 0;
}

static int keep_times(int fd, const struct stat *st)
{
	return futimens(fd, (const struct timespec[]){ st->st_atim, st->st_mtim });
}

static int copy_file(int from, int to, const char *name, const struct stat *st)
{
	CLEANUP_CLOSE int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP_CLOSE int out = in < 0 ? -1 : openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (out < 0 || copy_bytes(in, out) < 0 || fchmod(out, st->st_mode & 07777) < 0)
		return -1;
	return keep_times(out, st);
}

static int copy_link(int from, int to, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from, name, target, sizeof target - 1);

	if (n < 0)
		return -1;
	target[n] = '\0';
	return symlinkat(target, to, name);
}

static int copy_subdir(int from, int to, const char *name, const struct stat *st, int depth)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	CLEANUP_CLOSE int in = -1, out = -1;

	if (depth >= DEPTH_MAX) {
		errno = ELOOP;
		return -1;
	}
	in = openat(from, name, flags);
	if (in < 0 || (mkdirat(to, name, 0700) < 0 && errno != EEXIST))
		return -1;
	out = openat(to, name, flags);
	if (out < 0)
		return -1;
	copy_dir(in, out, depth + 1);
	/* The container's user owns it now, and must get on with it. */
	if (fchmod(out, (st->st_mode & 07777) | 0700) < 0)
		return -1;
	return keep_times(out, st);
}

static int copy_entry(int from, int to, const char *name, int depth)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	if (S_ISDIR(st.st_mode))
		return copy_subdir(from, to, name, &st, depth);
	if (S_ISREG(st.st_mode))
		return copy_file(from, to, name, &st);
	return S_ISLNK(st.st_mode) ? copy_link(from, to, name) : 0;
}

static void copy_dir(int from, int to, int depth)
{
	int own = fcntl(from, F_DUPFD_CLOEXEC, 3);
	DIR *dir = own >= 0 ? fdopendir(own) : NULL;
	struct dirent *d;

	if (!dir) {
		if (own >= 0)
			close(own);
		return;
	}
	while ((d = readdir(dir)))
		if (strcmp(d->d_name, ".") && strcmp(d->d_name, "..") && copy_entry(from, to, d->d_name, depth) < 0)
			log_warn("%s of the image's writable directories isn't there: %s", d->d_name, strerror(errno));
	closedir(dir);
}

void seed_copy(const char *from, const char *to)
{
	CLEANUP_CLOSE int in = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_CLOSE int out = in < 0 ? -1 : open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (out >= 0)
		copy_dir(in, out, 0);
}
