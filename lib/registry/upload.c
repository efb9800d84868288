#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/registry/client.h"
#include "lib/registry/transport.h"

#define TRIES 3

/*
 * Bytes are gathered to chunks. A full one is sent by a thread while the next
 * is gathered, so that what is read from one registry and written to another
 * doesn't wait for itself.
 */
struct registry_upload {
	struct registry *r;   /* of the caller; of small blobs */
	struct registry *own; /* the thread's; NULL until there is a first full chunk */
	char *location;
	char *chunk;          /* REGISTRY_CHUNK bytes */
	size_t len;
	int64_t taken;
	EVP_MD_CTX *hash;
	/* Belongs to the thread while it runs. */
	pthread_t thread;
	bool running;
	char *flying;         /* the chunk being sent; NULL until there is one */
	size_t flying_len;
	int64_t sent;
	int result;
	struct err why;
};

/* Waits for the chunk that is being sent. */
static int land(struct registry_upload *u, struct err *e)
{
	if (u->running) {
		pthread_join(u->thread, NULL);
		u->running = false;
	}
	return u->result < 0 ? err_set(e, u->why.kind, "%s", u->why.text) : 0;
}

static void upload_free(struct registry_upload *u)
{
	if (!u)
		return;
	land(u, NULL);
	digest_drop(u->hash);
	registry_close(u->own);
	free(u->location);
	free(u->chunk);
	free(u->flying);
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

static struct registry *handle_of(const struct registry_upload *u)
{
	return u->own ? u->own : u->r;
}

/* After a break: 1: the registry has got the chunk, 0: nothing of it, -1: no saying. */
static int ask_how_far(struct registry_upload *u, size_t len)
{
	REGISTRY_REPLY_CLEANUP struct registry_reply reply = { 0 };
	struct registry_request q = { .method = "GET", .url = u->location };
	int64_t has;

	if (registry_send(handle_of(u), &q, &reply, NULL) < 0 || (reply.status != 204 && reply.status != 202) || reply.last < 0)
		return -1;
	/* "0-0" is also what an upload without a byte says. */
	has = reply.last ? reply.last + 1 : 0;
	if (has != u->sent && has != u->sent + (int64_t)len)
		return -1;
	if (reply.location && take_location(u, &reply, NULL) < 0)
		return -1;
	return has == u->sent + (int64_t)len;
}

static int patch(struct registry_upload *u, const char *data, size_t len, bool *ret_broken, struct err *e)
{
	REGISTRY_REPLY_CLEANUP struct registry_reply reply = { 0 };
	char range[64];
	struct registry_request q = {
		.method = "PATCH", .url = u->location, .type = "application/octet-stream", .range = range, .body = data, .body_len = len, .slow = true,
	};

	snprintf(range, sizeof range, "%" PRId64 "-%" PRId64, u->sent, u->sent + (int64_t)len - 1);
	if (registry_send(handle_of(u), &q, &reply, e) < 0) {
		*ret_broken = reply.broken;
		return -1;
	}
	if (reply.status != 202 && reply.status != 201 && reply.status != 204)
		return registry_failure(&reply, e);
	return take_location(u, &reply, e);
}

static int send_chunk(struct registry_upload *u, const char *data, size_t len, struct err *e)
{
	bool broken = false;
	int has, rc;

	for (int n = 1; (rc = patch(u, data, len, &broken, e)) < 0; n++) {
		if (!broken || n == TRIES || !registry_pause(handle_of(u), n) || (has = ask_how_far(u, len)) < 0)
			return -1;
		if (has)
			break;
		broken = false;
	}
	u->sent += (int64_t)len;
	return 0;
}

static void *send_main(void *arg)
{
	struct registry_upload *u = arg;

	u->result = send_chunk(u, u->flying, u->flying_len, &u->why);
	return NULL;
}

/* Sends the full chunk while the next one is gathered. */
static int launch(struct registry_upload *u, struct err *e)
{
	sigset_t all, old;
	char *full = u->chunk;

	if (land(u, e) < 0)
		return -1;
	if (!u->own && registry_clone(u->r, u->r->cancelled, u->r->cancelled_arg, &u->own, e) < 0)
		return -1;
	if (!u->flying && !(u->flying = malloc(REGISTRY_CHUNK)))
		return err_nomem(e);
	u->chunk = u->flying;
	u->flying = full;
	u->flying_len = u->len;
	u->len = 0;
	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	u->running = pthread_create(&u->thread, NULL, send_main, u) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return u->running ? 0 : send_chunk(u, u->flying, u->flying_len, e);
}

int registry_upload_flush(struct registry_upload *u, struct err *e)
{
	if (land(u, e) < 0 || (u->len && send_chunk(u, u->chunk, u->len, e) < 0))
		return -1;
	u->len = 0;
	return 0;
}

int registry_upload_write(struct registry_upload *u, const void *data, size_t len, struct err *e)
{
	const char *bytes = data;

	u->taken += (int64_t)len;
	if (u->taken > REGISTRY_BLOB_MAX)
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
		if (u->len == REGISTRY_CHUNK && launch(u, e) < 0)
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
	if (registry_send(handle_of(u), &q, &reply, e) < 0)
		return -1;
	return reply.status == 201 || reply.status == 204 ? 0 : registry_failure(&reply, e);
}

static void delete_upload(struct registry_upload *u)
{
	REGISTRY_REPLY_CLEANUP struct registry_reply reply = { 0 };
	struct registry_request q = { .method = "DELETE" };

	land(u, NULL);
	q.url = u->location;
	if (u->location)
		registry_send(handle_of(u), &q, &reply, NULL);
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
	if (registry_upload_flush(u, e) < 0 || put_end(u, digest, e) < 0)
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
