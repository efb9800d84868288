/* Whole blobs into a registry: from memory, a file, a reader. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/registry/client.h"

#define READ_SIZE 65536

int registry_put_blob(struct registry *r, const void *data, size_t len, char ret_digest[DIGEST_SIZE], struct err *e)
{
	struct registry_upload *u;
	char digest[DIGEST_SIZE];
	int there;

	if (digest_of(data, len, digest, e) < 0 || (there = registry_blob_exists(r, digest, NULL, e)) < 0)
		return -1;
	if (!there) {
		if (registry_upload_begin(r, &u, e) < 0)
			return -1;
		if (registry_upload_write(u, data, len, e) < 0) {
			registry_upload_abort(u);
			return -1;
		}
		if (registry_upload_commit(u, digest, NULL, NULL, e) < 0)
			return -1;
	}
	if (ret_digest)
		memcpy(ret_digest, digest, DIGEST_SIZE);
	return 0;
}

/* Reads to the end into an upload; ends the upload in any case. */
static int drain(struct registry_upload *u, ssize_t (*read_some)(void *arg, void *data, size_t cap, struct err *e), void *arg,
		 const char *expected, char ret_digest[DIGEST_SIZE], int64_t *ret_size, struct err *e)
{
	char data[READ_SIZE];
	ssize_t n;

	while ((n = read_some(arg, data, sizeof data, e)) > 0)
		if (registry_upload_write(u, data, (size_t)n, e) < 0)
			break;
	if (n != 0) {
		registry_upload_abort(u);
		return -1;
	}
	return registry_upload_commit(u, expected, ret_digest, ret_size, e);
}

struct file_reader {
	int fd;
	off_t at;
	off_t size;
	const struct registry_progress *progress;
};

static ssize_t read_file(void *arg, void *data, size_t cap, struct err *e)
{
	struct file_reader *f = arg;
	ssize_t n;

	do
		n = pread(f->fd, data, cap, f->at);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_errno(e, errno, "read");
	f->at += n;
	if (f->progress && f->progress->report && f->progress->report(f->progress->arg, f->at, f->size, e) < 0)
		return -1;
	return n;
}

int registry_put_blob_fd(struct registry *r, int fd, const char *digest, const struct registry_progress *progress, struct err *e)
{
	struct file_reader f = { .fd = fd, .progress = progress };
	struct registry_upload *u;
	struct stat st;
	int there = registry_blob_exists(r, digest, NULL, e);

	if (there != 0)
		return there < 0 ? -1 : 0;
	if (fstat(fd, &st) < 0)
		return err_errno(e, errno, "stat");
	f.size = st.st_size;
	if (registry_upload_begin(r, &u, e) < 0)
		return -1;
	return drain(u, read_file, &f, digest, NULL, NULL, e);
}

int registry_put_blob_stream(struct registry *r, ssize_t (*read)(void *arg, void *data, size_t cap, struct err *e), void *arg,
			     char ret_digest[DIGEST_SIZE], int64_t *ret_size, struct err *e)
{
	struct registry_upload *u;

	if (registry_upload_begin(r, &u, e) < 0)
		return -1;
	return drain(u, read, arg, NULL, ret_digest, ret_size, e);
}
