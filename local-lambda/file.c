#include "local-lambda/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"

int file_read(const char *path, struct buf *ret, struct err *e)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	char chunk[16384];
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return err_set(e, ERR_NOT_FOUND, "%s: no such file", path);
	if (fd < 0)
		return err_errno(e, errno, "%s", path);
	while ((n = read(fd, chunk, sizeof chunk)) > 0)
		buf_append(ret, chunk, (size_t)n);
	if (n < 0)
		return err_errno(e, errno, "%s", path);
	return ret->failed ? err_set(e, ERR_TOO_LARGE, "%s is too large", path) : 0;
}

static int write_all(int fd, const char *text)
{
	for (size_t left = strlen(text); left;) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		text += n;
		left -= (size_t)n;
	}
	return fsync(fd);
}

int file_replace(const char *path, const char *text, struct err *e)
{
	BUF_CLEANUP struct buf aside = BUF_INIT;
	CLEANUP_CLOSE int fd = -1;

	buf_printf(&aside, "%s.new", path);
	if (aside.failed)
		return err_nomem(e);
	fd = open(aside.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write_all(fd, text) < 0 || rename(aside.data, path) < 0) {
		int saved = errno;

		unlink(aside.data);
		return err_errno(e, saved, "%s", path);
	}
	return 0;
}
