#include "agent-gateway/agent/tmpdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/ids.h"

#define DEPTH_MAX 64 /* each level holds a descriptor; what is deeper is moved up and taken later */
#define PASSES_MAX 100000

struct sweep {
	int top;
	dev_t device;
	bool removed; /* something, in this pass */
};

static void empty(struct sweep *s, int fd, int depth);

static int open_dir(int parent, const char *name)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, fd = openat(parent, name, flags);

	/* The run may have left directories that even their owner can't list. */
	if (fd < 0 && errno == EACCES && fchmodat(parent, name, 0700, 0) == 0)
		fd = openat(parent, name, flags);
	return fd;
}

static void remove_dir(struct sweep *s, int parent, const char *name, int depth)
{
	char aside[33];
	struct stat st;
	int fd;

	if (unlinkat(parent, name, AT_REMOVEDIR) == 0) {
		s->removed = true;
		return;
	}
	if (depth >= DEPTH_MAX) {
		id_random(aside, 16);
		if (renameat(parent, name, s->top, aside) == 0)
			s->removed = true;
		return;
	}
	fd = open_dir(parent, name);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_dev == s->device) {
		if ((st.st_mode & 0700) != 0700 && fchmod(fd, 0700) < 0)
			errno = 0;
		empty(s, fd, depth + 1);
		if (unlinkat(parent, name, AT_REMOVEDIR) == 0)
			s->removed = true;
	}
	close(fd);
}

static void empty(struct sweep *s, int fd, int depth)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	DIR *dir = own >= 0 ? fdopendir(own) : NULL;
	struct dirent *d;
	struct stat st;

	if (!dir) {
		if (own >= 0)
			close(own);
		return;
	}
	rewinddir(dir);
	while ((d = readdir(dir))) {
		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		if (fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			remove_dir(s, fd, d->d_name, depth);
		else if (unlinkat(fd, d->d_name, 0) == 0)
			s->removed = true;
	}
	closedir(dir);
}

void tmpdir_empty(const char *path)
{
	struct sweep s = { .top = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	struct stat st;

	if (s.top < 0)
		return;
	if (fstat(s.top, &st) == 0) {
		s.device = st.st_dev;
		for (int pass = 0; pass < PASSES_MAX; pass++) {
			s.removed = false;
			empty(&s, s.top, 0);
			if (!s.removed)
				break;
		}
	}
	close(s.top);
}
