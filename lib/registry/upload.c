#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/registry/client.h"
#include "lib/registry/transport.h"

#define READ_SIZE 65536

struct registry_upload {
	struct registry *r;
	char *location;
	char *chunk; /* REGISTRY_CHUNK bytes */
	size_t len;
	int64_t sent;
	EVP_MD_CTX *hash;
};

static void upload_free(struct registry_upload *u)
{
	if (!u)
		return;
	digest_drop(u->hash);
	free(u->location);
	free(u->chunk);
	free(u);
}

static inline void cleanup_upload(struct registry_upload **u)
{
	upload_free(*u);
}
#define UPLOAD_CLEANUP __attribute__((cleanup(cleanup_upload)))

/* Where the next part goes. */
static int take_location(struct registry_upload *u, struct registry_reply *reply, struct err *e)
{
	if (!reply->location)
		return err_set(e, ERR_UPSTREAM, "the registry names no place for the upload");
	free(u->location);
	u->location = STEAL(reply->location);
	return 0;
}

/* POST that begins an upload or, with a query, tries a mount. The status, or -1. */
static int post_upload(struct registry *r, const char *query, struct registry_reply *reply, struct err *e)
{
	BUF_CLEANUP struct buf path = BUF_INIT;
	struct registry_request q = { .method = "POST" };

	buf_printf(&path, "/v2/%s/blobs/uploads/%s", r->repository, query);
	if (path.failed)
		return err_nomem(e);
	q.url = path.data;
	if (registry_send(r, &q, reply, e) < 0)
		return -1;
	if (reply->status == 201 || reply->status == 202)
		return reply->status;
	return registry_failure(reply, e);
}

int registry_upload_begin(struct registry *r, struct registry_upload **ret, struct err *e)
{
	UPLOAD_CLEANUP struct registry_upload *u = calloc(1, sizeof *u);
	REGISTRY_REPLY_CLEANUP struct registry_reply reply = { 0 };

	if (!u || !(u->chunk = malloc(REGISTRY_CHUNK)))
		return err_nomem(e);
	u->r = r;
	u->hash = digest_begin(e);
	if (!u->hash || post_upload(r, "", &reply, e) < 0 || take_location(u, &reply, e) < 0)
		return -1;
	*ret = STEAL(u);
	return 0;
}

static int flush(struct registry_upload *u, struct err *e)
{
	REGISTRY_REPLY_CLEANUP struct registry_reply reply = { 0 };
	char range[64];
	struct registry_request q = {
		.method = "PATCH", .url = u->location, .type = "application/octet-stream", .range = range,
		.body = u->chunk, .body_len = u->len, .slow = true,
	};

	if (!u->len)
		return 0;
	snprintf(range, sizeof range, "%" PRId64 "-%" PRId64, u->sent, u->sent + (int64_t)u->len - 1);
	if (registry_send(u->r, &q, &reply, e) < 0)
		return -1;
	if (reply.status != 202 && reply.status != 201 && reply.status != 204)
		return registry_failure(&reply, e);
	u->sent += (int64_t)u->len;
	u->len = 0;
	return take_location(u, &reply, e);
}

int registry_upload_write(struct registry_upload *u, const void *data, size_t len, struct err *e)
{
	const char *bytes = data;

	if (u->sent + (int64_t)u->len + (int64_t)len > REGISTRY_BLOB_MAX)
		return err_set(e, ERR_TOO_LARGE, "a layer is larger than %" PRId64 " bytes", REGISTRY_BLOB_MAX);
	if (digest_update(u->hash, data, len, e) < 0)
		return -1;
	while (len) {
		size_t n = REGISTRY_CHUNK - u->len;

		n = n < len ? n : len;
		memcpy(u->chunk + u->len, bytes, n);
		u->len += n;
		bytes += n;
		len -= n;
		if (u->len == REGISTRY_CHUNK && flush(u, e) < 0)
			return -1;
	}
	return 0;
}

static int put_end(struct registry_upload *u, const char *digest, struct err *e)
{
	REGISTRY_REPLY_CLEANUP struct registry_reply reply = { 0 };
	BUF_CLEANUP struct buf url = BUF_INIT;
	struct registry_request q = { .method = "PUT", .type = "application/octet-stream", .slow = true };

	buf_printf(&url, "%s%cdigest=sha256%%3A%s", u->location, strchr(u->location, '?') ? '&' : '?', digest + strlen("sha256:"));
	if (url.failed)
		return err_nomem(e);
	q.url = url.data;
	if (registry_send(u->r, &q, &reply, e) < 0)
		return -1;
	return reply.status == 201 || reply.status == 204 ? 0 : registry_failure(&reply, e);
}

static void delete_upload(struct registry_upload *u)
{
	REGISTRY_REPLY_CLEANUP struct registry_reply reply = { 0 };
	struct registry_request q = { .method = "DELETE", .url = u->location };

	if (u->location)
		registry_send(u->r, &q, &reply, NULL);
}

int registry_upload_commit(struct registry_upload *u, const char *expected, char ret_digest[DIGEST_SIZE], int64_t *ret_size, struct err *e)
{
	UPLOAD_CLEANUP struct registry_upload *owned = u;
	char digest[DIGEST_SIZE];
	EVP_MD_CTX *hash = STEAL(u->hash);

	if (digest_end(hash, digest, e) < 0)
		return -1;
	if (expected && strcmp(expected, digest) != 0) {
		delete_upload(u);
		return err_set(e, ERR_UPSTREAM, "a blob is not what its digest %s says", expected);
	}
	if (flush(u, e) < 0 || put_end(u, digest, e) < 0)
		return -1;
	if (ret_digest)
		memcpy(ret_digest, digest, DIGEST_SIZE);
	if (ret_size)
		*ret_size = owned->sent;
	return 0;
}

void registry_upload_abort(struct registry_upload *u)
{
	if (!u)
		return;
	delete_upload(u);
	upload_free(u);
}

int registry_mount_blob(struct registry *r, const char *digest, const char *from_repository, struct err *e)
{
	REGISTRY_REPLY_CLEANUP struct registry_reply reply = { 0 };
	BUF_CLEANUP struct buf query = BUF_INIT;
	struct registry_upload u = { .r = r };
	char *from;
	int status;

	if (!digest_valid(digest))
		return err_set(e, ERR_INVALID, "invalid digest");
	from = curl_easy_escape(NULL, from_repository, 0);
	buf_printf(&query, "?mount=%s&from=%s", digest, from ? from : "");
	curl_free(from);
	free(r->extra_scope);
	r->extra_scope = strdup(from_repository);
	if (!from || query.failed || !r->extra_scope)
		return err_nomem(e);
	status = post_upload(r, query.data, &reply, e);
	if (status < 0)
		return -1;
	if (status == 201)
		return 1;
	/* The registry has begun an upload instead, which nobody goes on with. */
	u.location = reply.location;
	delete_upload(&u);
	return 0;
}

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
