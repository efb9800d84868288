#include "agent-gateway/agent/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent-gateway/agent/archive.h"
#include "agent-gateway/agent/task.h"

#define BLOCK (128 * 1024)
/* As many as the endpoint takes for a container that doesn't run; Lambda's largest /tmp has room for fewer. */
#define ENTRIES_MAX 1000000u

struct made_dir {
	char *path;
	mode_t mode;
	struct timespec times[2];
};

struct unpack_state {
	struct archive *tar;
	struct made_dir *dirs;
	size_t dir_count;
	char block[BLOCK], input[BLOCK];
	size_t taken; /* bytes of stdin */
	unsigned int entries;
};

static int fail_errno(struct unpack *u, const char *call, const char *path, int error)
{
	char text[128];

	if (error == EROFS)
		u->code = task_fail(403, "%s %s: read-only file system: of a function's files only those in /tmp and in the container's writable directories can be changed", call, path);
	else
		u->code = task_fail(500, "%s %s: %s", call, path, errno_text(error, text));
	return -1;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static int make_parents(struct unpack *u, char *path)
{
	for (char *at = path + strlen(u->root) + 1; (at = strchr(at, '/')); *at++ = '/') {
		*at = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST) {
			fail_errno(u, "mkdir", path, errno);
			*at = '/';
			return -1;
		}
	}
	return 0;
}

/* Makes way for the entry. 1: a directory that stays. */
static int clear(struct unpack *u, const char *path, bool is_dir)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : fail_errno(u, "lstat", path, errno);
	if (S_ISDIR(st.st_mode) && is_dir)
		return 1;
	if (u->no_overwrite && S_ISDIR(st.st_mode)) {
		u->code = task_fail(500, "cannot overwrite directory \"%s\" with non-directory \"%s\"", path, u->shown);
		return -1;
	}
	if (u->no_overwrite && is_dir) {
		u->code = task_fail(500, "cannot overwrite non-directory \"%s\" with directory \"%s\"", path, u->shown);
		return -1;
	}
	if (nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
		return fail_errno(u, "unlinkat", path, errno);
	return 0;
}

static bool remember_dir(struct unpack *u, const char *path, mode_t mode, const struct timespec times[2])
{
	struct made_dir *more = u->state->dir_count % 256 ? u->state->dirs : realloc(u->state->dirs, (u->state->dir_count + 256) * sizeof *more);
	struct made_dir *d;

	if (!more)
		return false;
	u->state->dirs = more;
	d = &u->state->dirs[u->state->dir_count];
	*d = (struct made_dir){ .path = strdup(path), .mode = mode, .times = { times[0], times[1] } };
	if (!d->path)
		return false;
	u->state->dir_count++;
	return true;
}

/* 1: the archive itself is broken, which the caller tells. */
static int write_file(struct unpack *u, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	la_ssize_t n;

	if (fd < 0)
		return fail_errno(u, "open", path, errno);
	while ((n = archive_read_data(u->state->tar, u->state->block, BLOCK)) > 0) {
		for (la_ssize_t done = 0; done < n;) {
			ssize_t w = write(fd, u->state->block + done, (size_t)(n - done));

			if (w < 0 && errno == EINTR)
				continue;
			if (w < 0) {
				int error = errno;

				close(fd);
				return fail_errno(u, "write", path, error);
			}
			done += w;
		}
	}
	if (close(fd) < 0)
		return fail_errno(u, "close", path, errno);
	return n < 0 ? 1 : 0;
}

/* Where the name stands beneath the root. 1: nowhere. */
static int find_place(struct unpack *u, const char *name, char *to, size_t size)
{
	char inside[PATH_MAX], placed[PATH_MAX];

	if (!path_clean(inside, sizeof inside, name))
		return fail_errno(u, "open", name, ENAMETOOLONG);
	if (!u->place)
		snprintf(to, size, "%s%s", u->root, inside);
	else if (u->place(inside, placed, sizeof placed))
		snprintf(to, size, "%s%s", u->root, placed);
	else
		return 1;
	return 0;
}

static int make_link(struct unpack *u, const char *path, const char *target)
{
	char whole[2 * PATH_MAX];
	int rc = find_place(u, target, whole, sizeof whole);

	if (rc)
		return rc < 0 ? -1 : fail_errno(u, "link", target, ENOENT);
	return link(whole, path) < 0 ? fail_errno(u, "link", whole, errno) : 0;
}

static int make(struct unpack *u, struct archive_entry *entry, const char *path, bool there)
{
	mode_t mode = archive_entry_perm(entry);

	if (archive_entry_hardlink(entry))
		return make_link(u, path, archive_entry_hardlink(entry));
	switch (archive_entry_filetype(entry)) {
	case AE_IFDIR:
		return !there && mkdir(path, 0700) < 0 ? fail_errno(u, "mkdir", path, errno) : 0;
	case AE_IFLNK:
		return symlink(archive_entry_symlink(entry) ? archive_entry_symlink(entry) : "", path) < 0
			       ? fail_errno(u, "symlink", path, errno) : 0;
	case AE_IFIFO:
		return mkfifo(path, mode) < 0 ? fail_errno(u, "mkfifo", path, errno) : 0;
	case AE_IFCHR:
	case AE_IFBLK:
		return mknod(path, archive_entry_mode(entry), archive_entry_rdev(entry)) < 0 ? fail_errno(u, "mknod", path, errno) : 0;
	default:
		return write_file(u, path);
	}
}

static int finish(struct unpack *u, struct archive_entry *entry, const char *path)
{
	struct timespec times[2] = { { .tv_sec = archive_entry_mtime(entry), .tv_nsec = archive_entry_mtime_nsec(entry) } };
	bool link = archive_entry_filetype(entry) == AE_IFLNK;

	times[1] = times[0];
	if (archive_entry_hardlink(entry))
		return 0;
	/* Only root can, and a function has none. */
	if (geteuid() == 0 && lchown(path, (uid_t)archive_entry_uid(entry), (gid_t)archive_entry_gid(entry)) < 0)
		return fail_errno(u, "lchown", path, errno);
	if (archive_entry_filetype(entry) == AE_IFDIR) {
		if (remember_dir(u, path, archive_entry_perm(entry), times))
			return 0;
		return fail_errno(u, "mkdir", path, ENOMEM);
	}
	if (!link && chmod(path, archive_entry_perm(entry)) < 0)
		return fail_errno(u, "chmod", path, errno);
	if (utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_errno(u, "utimensat", path, errno);
	return 0;
}

/* Does the name climb out of the directory? */
static bool climbs(const char *name)
{
	int depth = 0;

	while (*name) {
		size_t len = strcspn(name, "/");

		if (len == 2 && !strncmp(name, "..", 2)) {
			if (--depth < 0)
				return true;
		} else if (len && !(len == 1 && *name == '.')) {
			depth++;
		}
		name += len + (name[len] == '/');
	}
	return false;
}

/* A whiteout takes away what its name says. 1: the entry is none. */
static int white_out(struct unpack *u, char *path)
{
	char *name = strrchr(path, '/') + 1;

	if (!u->whiteouts || strncmp(name, ".wh.", 4))
		return 1;
	/* Docker's own names (.wh..wh.) say nothing about a file; no layer of ours hides a whole directory. */
	if (!strncmp(name, ".wh..wh.", 8))
		return 0;
	memmove(name, name + 4, strlen(name + 4) + 1);
	if (nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT && errno != ENOTDIR)
		return fail_errno(u, "unlinkat", path, errno);
	return 0;
}

static int unpack_entry(struct unpack *u, struct archive_entry *entry)
{
	const char *name = archive_entry_pathname(entry);
	char path[2 * PATH_MAX];
	int rc;

	if (name && climbs(name)) {
		u->code = task_fail(500, "\"%s\" is outside of \"%s\"", name, u->shown);
		return -1;
	}
	rc = find_place(u, name ? name : "", path, sizeof path);
	if (rc)
		return rc < 0 ? -1 : 0;
	if (path[strlen(path) - 1] == '/')
		return 0; /* the directory itself is there and stays as it is */
	if (make_parents(u, path) < 0)
		return -1;
	rc = white_out(u, path);
	if (rc <= 0)
		return rc;
	rc = clear(u, path, archive_entry_filetype(entry) == AE_IFDIR && !archive_entry_hardlink(entry));
	if (rc >= 0)
		rc = make(u, entry, path, rc);
	return rc ? rc : finish(u, entry, path);
}

static int fail_tar(struct unpack *u)
{
	const char *text = archive_error_string(u->state->tar);

	if (u->state->taken < 512 || (text && strcasestr(text, "truncated")))
		u->code = task_fail(500, "unexpected EOF");
	else
		u->code = task_fail(500, "archive/tar: invalid tar header");
	return -1;
}

static int unpack(struct unpack *u)
{
	struct archive_entry *entry;
	int rc;

	while ((rc = archive_read_next_header(u->state->tar, &entry)) == ARCHIVE_OK || rc == ARCHIVE_WARN || rc == ARCHIVE_RETRY) {
		if (++u->state->entries > ENTRIES_MAX) {
			u->code = task_fail(413, "copying more than %u files into a container is not supported", ENTRIES_MAX);
			return -1;
		}
		rc = unpack_entry(u, entry);
		if (rc)
			return rc > 0 ? fail_tar(u) : -1;
	}
	return rc == ARCHIVE_EOF ? 0 : fail_tar(u);
}

/* Innermost first: those that came last. */
static int finish_dirs(struct unpack *u)
{
	for (size_t i = u->state->dir_count; i-- > 0;) {
		struct made_dir *d = &u->state->dirs[i];

		/* One that was there may be another's. */
		if ((chmod(d->path, d->mode) < 0 || utimensat(AT_FDCWD, d->path, d->times, 0) < 0) && errno != EPERM)
			return fail_errno(u, "chmod", d->path, errno);
	}
	return 0;
}

static la_ssize_t read_in(struct archive *a, void *arg, const void **ret)
{
	struct unpack *u = arg;
	ssize_t n;

	do {
		n = read(STDIN_FILENO, u->state->input, BLOCK);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		archive_set_error(a, errno, "stdin can't be read");
	else
		u->state->taken += (size_t)n;
	*ret = u->state->input;
	return n;
}

static int open_tar(struct unpack *u)
{
	struct unpack_state *s = u->state;

	s->tar = archive_read_new();
	if (!s->tar || archive_read_support_format_tar(s->tar) != ARCHIVE_OK || archive_read_support_format_empty(s->tar) != ARCHIVE_OK ||
	    archive_read_support_filter_gzip(s->tar) != ARCHIVE_OK) {
		u->code = task_fail(500, "out of memory");
		return -1;
	}
	return archive_read_open(s->tar, u, NULL, read_in, NULL) == ARCHIVE_OK ? 0 : fail_tar(u);
}

/* The process ends after it: what it holds isn't freed. */
int unpack_stdin(struct unpack *u)
{
	u->state = calloc(1, sizeof *u->state);
	if (!u->state) {
		u->code = task_fail(500, "out of memory");
		return -1;
	}
	return open_tar(u) < 0 || unpack(u) < 0 ? -1 : finish_dirs(u);
}
