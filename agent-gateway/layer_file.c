#include "agent-gateway/layer_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/log.h"

static const char *const endings[] = { ".tar", ".staged.tar", ".image.tar" };

static int thread_open(void *arg, void **ret_context, struct err *e)
{
	char dir[4096];

	snprintf(dir, sizeof dir, "%s/layer", (const char *)arg);
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_errno(e, errno, "%s", dir);
	*ret_context = NULL;
	return 0;
}

static void thread_close(void *context)
{
}

const struct worker_ops layer_thread_ops = { .name = "layer", .open = thread_open, .close = thread_close, .batch = jobs_run_each };

void layer_file_init(struct layer_file *f, const char *state_dir, const char *container, enum layer_kind kind)
{
	*f = (struct layer_file){ .fd = -1 };
	snprintf(f->path, sizeof f->path, "%.3900s/layer/%.64s%s", state_dir, container, endings[kind]);
}

bool layer_file_there(const struct layer_file *f)
{
	return access(f->path, F_OK) == 0;
}

int layer_file_read(struct layer_file *f, struct buf *to, size_t size, struct err *e)
{
	ssize_t n;

	if (f->fd < 0)
		f->fd = open(f->path, O_RDONLY | O_CLOEXEC);
	if (f->fd < 0)
		return err_errno(e, errno, "%s", f->path);
	if (!buf_reserve(to, size))
		return err_nomem(e);
	do {
		n = read(f->fd, to->data + to->len, size);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_errno(e, errno, "%s", f->path);
	to->len += (size_t)n;
	return 0;
}

static void new_path(const struct layer_file *f, char *to, size_t size)
{
	snprintf(to, size, "%s.new", f->path);
}

int layer_file_write(struct layer_file *f, const void *data, size_t len, struct err *e)
{
	char path[sizeof f->path + 8];
	const char *at = data;

	new_path(f, path, sizeof path);
	if (f->fd < 0) {
		f->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
		f->writing = f->fd >= 0;
	}
	if (f->fd < 0)
		return err_errno(e, errno, "open");
	while (len) {
		ssize_t n = write(f->fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, errno, "write");
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int sync_dir(const char *path, struct err *e)
{
	char dir[4096];
	CLEANUP_CLOSE int fd = -1;

	snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(path, '/') - path), path);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? err_errno(e, errno, "fsync %s", dir) : 0;
}

int layer_file_commit(struct layer_file *f, struct err *e)
{
	char path[sizeof f->path + 8];

	new_path(f, path, sizeof path);
	if (fsync(f->fd) < 0)
		return err_errno(e, errno, "fsync");
	if (rename(path, f->path) < 0)
		return err_errno(e, errno, "rename");
	f->writing = false;
	return sync_dir(f->path, e);
}

void layer_file_close(struct layer_file *f)
{
	char path[sizeof f->path + 8];

	new_path(f, path, sizeof path);
	if (f->writing && unlink(path) < 0)
		log_error("%s: %s", path, strerror(errno));
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	f->writing = false;
}

void layer_file_remove(const char *state_dir, const char *container, enum layer_kind kind)
{
	struct layer_file f;
	char path[sizeof f.path + 8];

	layer_file_init(&f, state_dir, container, kind);
	new_path(&f, path, sizeof path);
	if ((unlink(f.path) < 0 && errno != ENOENT) || (unlink(path) < 0 && errno != ENOENT))
		log_error("%s: %s", f.path, strerror(errno));
}

void layer_files_remove(const char *state_dir, const char *container)
{
	for (int kind = 0; kind < LAYER_FILES; kind++)
		layer_file_remove(state_dir, container, (enum layer_kind)kind);
}
