#include "lib/registry/turn.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SLOTS 4096

/* FNV-1a. */
static int slot_of(const char *key)
{
	uint32_t h = 2166136261u;

	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * 16777619u;
	return (int)((h ^ h >> 16) % SLOTS);
}

int turn_open(const char *path, const char *key, struct turn *ret, struct err *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_errno(e, errno, "%s", path);
	*ret = (struct turn){ fd, slot_of(key) };
	return 0;
}

static off_t place(const struct turn *t)
{
	return (off_t)t->slot * (off_t)sizeof(int64_t);
}

int turn_try(struct turn *t, struct err *e)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = place(t), .l_len = sizeof(int64_t) };

	/* Of the open file, not of the process: threads take turns too. */
	if (fcntl(t->fd, F_OFD_SETLK, &lock) == 0) {
		turn_tell(t, 0);
		return 1;
	}
	return errno == EAGAIN || errno == EACCES ? 0 : err_errno(e, errno, "lock");
}

void turn_tell(const struct turn *t, int64_t done)
{
	/* Only for show: a full disk spoils nothing but this. */
	if (t->fd >= 0 && pwrite(t->fd, &done, sizeof done, place(t)) < 0)
		return;
}

int64_t turn_progress(const struct turn *t)
{
	int64_t done = 0;

	return pread(t->fd, &done, sizeof done, place(t)) == sizeof done && done > 0 ? done : 0;
}

void turn_close(struct turn *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}
