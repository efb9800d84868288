#include "lib/registry/partial.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes of the owner's files. */
static int64_t used_by(const char *dir, const char *owner)
{
	size_t len = strlen(owner);
	DIR *d = opendir(dir);
	int64_t sum = 0;
	struct stat st;

	for (struct dirent *entry; d && (entry = readdir(d));)
		if (strncmp(entry->d_name, owner, len) == 0 && entry->d_name[len] == '.' && fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			sum += st.st_size;
	if (d)
		closedir(d);
	return sum;
}

void partial_open(const char *dir, const char *owner, const char *digest, int64_t limit, struct partial *ret)
{
	struct stat st;

	*ret = (struct partial)PARTIAL_NONE;
	if (limit <= 0 || (mkdir(dir, 0700) < 0 && errno != EEXIST))
		return;
	ret->room = limit - used_by(dir, owner);
	/* The digest without "sha256:". */
	if (asprintf(&ret->path, "%s/%s.%s", dir, owner, digest + 7) < 0) {
		ret->path = NULL;
		return;
	}
	ret->fd = open(ret->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (ret->fd >= 0 && fstat(ret->fd, &st) == 0)
		ret->had = st.st_size;
	if (ret->fd >= 0 && ret->had == 0 && ret->room <= 0)
		partial_drop(ret);
}

void partial_add(struct partial *p, const void *data, size_t len)
{
	/* Once something is left out nothing may follow; what is there stays of use. */
	if (p->fd < 0 || p->room < 0)
		return;
	p->room -= (int64_t)len;
	/* A full disk is needed for other things. */
	if (p->room >= 0 && write(p->fd, data, len) != (ssize_t)len)
		partial_drop(p);
}

void partial_drop(struct partial *p)
{
	if (p->fd >= 0)
		unlink(p->path);
	partial_close(p);
}

void partial_close(struct partial *p)
{
	if (p->fd >= 0)
		close(p->fd);
	free(p->path);
	*p = (struct partial)PARTIAL_NONE;
}
