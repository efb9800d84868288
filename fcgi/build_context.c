#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fcgi/build.h"
#include "lib/cleanup.h"

#define CHUNK 65536
#define ENTRIES_MAX 500000

#define UNPACK_FLAGS (ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_UNLINK | ARCHIVE_EXTRACT_SECURE_SYMLINKS | \
		      ARCHIVE_EXTRACT_SECURE_NODOTDOT | ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS)

struct body {
	struct request *req;
	struct err why;
	char data[CHUNK];
};

static la_ssize_t body_read(struct archive *a, void *arg, const void **ret)
{
	struct body *b = arg;
	ssize_t n = request_read_some(b->req, b->data, CHUNK, &b->why);

	if (n < 0)
		archive_set_error(a, EIO, "read");
	*ret = b->data;
	return n;
}

/* Only what unpacks within this process. */
static int open_body(struct archive *a, struct body *body)
{
	if (archive_read_support_filter_gzip(a) < ARCHIVE_WARN || archive_read_support_filter_bzip2(a) < ARCHIVE_WARN ||
	    archive_read_support_filter_xz(a) < ARCHIVE_WARN || archive_read_support_format_tar(a) != ARCHIVE_OK)
		return ARCHIVE_FATAL;
	return archive_read_open(a, body, NULL, body_read, NULL);
}

static const char *without_root(const char *path)
{
	return path ? path + strspn(path, "/") : NULL;
}

/* What the builder can do without is refused; what is to be removed later must stay ours to open. */
static int tame(struct archive_entry *entry, struct err *e)
{
	const char *name = without_root(archive_entry_pathname(entry));
	const char *link = without_root(archive_entry_hardlink(entry));
	CLEANUP_FREE char *copy = name ? strdup(*name ? name : ".") : NULL;
	CLEANUP_FREE char *link_copy = link ? strdup(link) : NULL;
	unsigned type = archive_entry_filetype(entry);

	if (!copy)
		return err_set(e, ERR_INVALID, "Error processing tar file: an entry has no name");
	if (!link && type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK)
		return err_set(e, ERR_INVALID, "%.200s in the build context is a device, fifo or socket, which is not supported", copy);
	archive_entry_set_pathname(entry, copy);
	if (link_copy)
		archive_entry_set_hardlink(entry, link_copy);
	archive_entry_set_perm(entry, (archive_entry_perm(entry) & 01777) | (type == AE_IFDIR ? 0700 : 0400));
	return 0;
}

static int copy_data(struct archive *from, struct archive *to, int64_t *left, struct err *e)
{
	const void *data;
	size_t n;
	la_int64_t offset;
	int rc;

	while ((rc = archive_read_data_block(from, &data, &n, &offset)) == ARCHIVE_OK) {
		*left -= (int64_t)n;
		if (*left < 0 || offset > INT64_C(1) << 40)
			return err_set(e, ERR_TOO_LARGE, "the build context is larger than SOCKERLESS_BUILD_DISK");
		if (archive_write_data_block(to, data, n, offset) < 0)
			return err_set(e, ERR_INTERNAL, "unpacking the build context: %s", archive_error_string(to));
	}
	return rc == ARCHIVE_EOF ? 0 : err_set(e, ERR_INVALID, "Error processing tar file: %s", archive_error_string(from));
}

static int unpack(struct archive *from, struct archive *to, int64_t left, struct err *e)
{
	struct archive_entry *entry;
	int rc;

	for (int n = 0; (rc = archive_read_next_header(from, &entry)) == ARCHIVE_OK || rc == ARCHIVE_WARN; n++) {
		if (n == ENTRIES_MAX)
			return err_set(e, ERR_TOO_LARGE, "the build context has more than %d files", ENTRIES_MAX);
		if (tame(entry, e) < 0)
			return -1;
		if (archive_write_header(to, entry) < ARCHIVE_WARN)
			return err_set(e, ERR_INVALID, "Error processing tar file: %.500s", archive_error_string(to));
		if (archive_entry_size(entry) > 0 && copy_data(from, to, &left, e) < 0)
			return -1;
		if (archive_write_finish_entry(to) < ARCHIVE_WARN)
			return err_set(e, ERR_INTERNAL, "unpacking the build context: %s", archive_error_string(to));
	}
	return rc == ARCHIVE_EOF ? 0 : err_set(e, ERR_INVALID, "Error processing tar file: %s", archive_error_string(from));
}

/* The working directory is the context: names in it are relative and go through no link. */
static int unpack_here(struct build *b, struct err *e)
{
	CLEANUP_FREE struct body *body = calloc(1, sizeof *body);
	struct archive *from = archive_read_new();
	struct archive *to = archive_write_disk_new();
	int rc = -1;

	if (!body || !from || !to) {
		err_nomem(e);
	} else {
		body->req = b->req;
		archive_write_disk_set_options(to, UNPACK_FLAGS);
		if (open_body(from, body) == ARCHIVE_OK)
			rc = unpack(from, to, (int64_t)b->req->settings->build_disk, e);
		else
			err_set(e, ERR_INVALID, "Error processing tar file: %s", archive_error_string(from) ? archive_error_string(from) : "unexpected EOF");
		if (body->why.kind)
			*e = body->why;
	}
	archive_read_free(from);
	archive_write_free(to);
	return rc;
}

/* Links are followed inside of the context. */
static int open_inside(int context, const char *path, int flags)
{
	struct open_how how = { .flags = (unsigned)flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

	return (int)syscall(SYS_openat2, context, path, &how, sizeof how);
}

static int read_dockerfile(struct build *b, int context, struct err *e)
{
	CLEANUP_CLOSE int fd = open_inside(context, b->dockerfile_name, O_RDONLY | O_NONBLOCK);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, ERR_INTERNAL, "Cannot locate specified Dockerfile: %.500s", b->dockerfile_name);
	if (st.st_size == 0)
		return err_set(e, ERR_INTERNAL, "the Dockerfile (%.500s) cannot be empty", b->dockerfile_name);
	if (st.st_size > DOCKERFILE_MAX)
		return err_set(e, ERR_INVALID, "a Dockerfile of more than %u bytes is not supported", DOCKERFILE_MAX);
	b->text = malloc((size_t)st.st_size + 1);
	if (!b->text)
		return err_nomem(e);
	n = read(fd, b->text, (size_t)st.st_size);
	if (n != st.st_size)
		return err_errno(e, errno, "reading the Dockerfile");
	b->text[n] = '\0';
	return dockerfile_parse(b->text, (size_t)n, b->args, b->target, &b->file, e);
}

/* What buildah reads: outside of the context, without the stages that aren't wanted. */
static int write_dockerfile(struct build *b, struct err *e)
{
	CLEANUP_FREE char *path = NULL;
	CLEANUP_CLOSE int fd = -1;

	if (asprintf(&path, "%s/Dockerfile", b->dir) < 0)
		return err_nomem(e);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, b->text, b->file.length) != (ssize_t)b->file.length)
		return err_errno(e, errno, "writing the Dockerfile");
	return 0;
}

bool build_context_lacks(const struct build *b, const char *path)
{
	CLEANUP_FREE char *place = NULL;
	CLEANUP_CLOSE int context = asprintf(&place, "%s/context", b->dir) < 0 ? -1 : open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_CLOSE int fd = open_inside(context, path, O_PATH);

	return context >= 0 && fd < 0 && errno == ENOENT;
}

int build_context(struct build *b, struct err *e)
{
	CLEANUP_CLOSE int before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_CLOSE int context = -1;
	CLEANUP_FREE char *path = NULL;
	int rc;

	if (asprintf(&path, "%s/context", b->dir) < 0)
		return err_nomem(e);
	context = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (before < 0 || context < 0 || fchdir(context) < 0)
		return err_errno(e, errno, "the build context");
	rc = unpack_here(b, e);
	if (fchdir(before) < 0)
		return err_errno(e, errno, "leaving the build context");
	return rc < 0 || read_dockerfile(b, context, e) < 0 || write_dockerfile(b, e) < 0 ? -1 : 0;
}
