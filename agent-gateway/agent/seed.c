#include "agent-gateway/agent/seed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
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

static void tell(const char *name)
{
	log_warn("%s of the image's writable directories isn't there: %s", name, strerror(errno));
}

/* `apart`: the one entry that goes elsewhere; NULL: none does. */
static void copy_all(int from, int to, int depth, const char *apart)
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
		if (strcmp(d->d_name, ".") && strcmp(d->d_name, "..") && (!apart || strcmp(d->d_name, apart)) && copy_entry(from, to, d->d_name, depth) < 0)
			tell(d->d_name);
	closedir(dir);
}

static void copy_dir(int from, int to, int depth)
{
	copy_all(from, to, depth, NULL);
}

static int open_dir(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* A directory with those above it, `path` absolute as from `root`. */
static int make_path(int root, char *path)
{
	for (char *at = path + 1; *at; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		if (mkdirat(root, path + 1, 0755) < 0 && errno != EEXIST)
			return -1;
		*at = '/';
	}
	return mkdirat(root, path + 1, 0755) < 0 && errno != EEXIST ? -1 : 0;
}

/* What the image has nothing for, or nothing that may be read, is there and empty. */
static void make_listed(int seed, int root)
{
	CLEANUP_CLOSE int fd = openat(seed, "../writable", O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	char line[PATH_MAX + 1];

	if (f)
		fd = -1;
	while (f && fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '/' && line[1] && make_path(root, line) < 0)
			tell(line);
	}
	if (f)
		fclose(f);
}

static int open_root(int tmp)
{
	if ((mkdirat(tmp, ".sockerless", 0755) < 0 && errno != EEXIST) || (mkdirat(tmp, ".sockerless/root", 0755) < 0 && errno != EEXIST))
		return -1;
	return open_dir(tmp, ".sockerless/root");
}

void seed_copy(const char *from, const char *to)
{
	CLEANUP_CLOSE int seed = open_dir(AT_FDCWD, from);
	CLEANUP_CLOSE int tmp = seed < 0 ? -1 : open_dir(AT_FDCWD, to);
	CLEANUP_CLOSE int seed_tmp = tmp < 0 ? -1 : open_dir(seed, "tmp");
	CLEANUP_CLOSE int root = tmp < 0 ? -1 : open_root(tmp);

	if (seed_tmp >= 0)
		copy_dir(seed_tmp, tmp, 0);
	if (root < 0)
		return;
	copy_all(seed, root, 0, "tmp");
	make_listed(seed, root);
}
