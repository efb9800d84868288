#include "lib/registry/partial.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/cleanup.h"

#define LOOK_EVERY (4 << 20) /* bytes that are added without looking what others of the owner have added */
#define FREE_SHARE 20        /* one part in so many of the disk stays free */

/* Bytes of all files of the owner, of which this is one: directory/owner.digest */
static int64_t used_by(const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	size_t len = (size_t)(strrchr(name, '.') - name) + 1;
	CLEANUP_FREE char *dir = strndup(path, (size_t)(name - path));
	DIR *d = dir ? opendir(dir) : NULL;
	int64_t sum = 0;
	struct stat st;

	for (struct dirent *entry; d && (entry = readdir(d));)
		if (strncmp(entry->d_name, name, len) == 0 && fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			sum += st.st_size;
	if (d)
		closedir(d);
	return sum;
}

/* Bytes that may be left on the disk. */
static int64_t disk_room(int fd)
{
	struct statvfs v;

	return fstatvfs(fd, &v) < 0 ? 0 : ((int64_t)v.f_bavail - (int64_t)v.f_blocks / FREE_SHARE) * (int64_t)v.f_frsize;
}

static void look(struct partial *p)
{
	int64_t room = p->limit - used_by(p->path), disk = disk_room(p->fd);

	p->room = room < disk ? room : disk;
	p->unseen = 0;
}

void partial_open(const char *dir, const char *owner, const char *digest, int64_t limit, struct partial *ret)
{
	struct stat st;

	*ret = (struct partial)PARTIAL_NONE;
	if (limit <= 0 || (mkdir(dir, 0700) < 0 && errno != EEXIST))
		return;
	ret->limit = limit;
	/* The digest without "sha256:". */
	if (asprintf(&ret->path, "%s/%s.%s", dir, owner, digest + 7) < 0) {
		ret->path = NULL;
		return;
	}
	ret->fd = open(ret->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (ret->fd < 0)
		return;
	if (fstat(ret->fd, &st) == 0)
		ret->had = st.st_size;
	look(ret);
	if (ret->had == 0 && ret->room <= 0)
		partial_drop(ret);
}

void partial_add(struct partial *p, const void *data, size_t len)
{
	/* Once something is left out nothing may follow; what is there stays of use. */
	if (p->fd < 0 || p->room < 0)
		return;
	/* Other layers of the owner come at the same moment. */
	if (p->unseen >= LOOK_EVERY)
		look(p);
	p->room -= (int64_t)len;
	p->unseen += (int64_t)len;
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

void partial_drop_wrong(struct partial *p)
{
	partial_drop(p);
	p->wrong = true;
}

void partial_close(struct partial *p)
{
	if (p->fd >= 0)
		close(p->fd);
	free(p->path);
	*p = (struct partial)PARTIAL_NONE;
}
