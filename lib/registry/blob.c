/* Blobs from a registry: transfers that go on after a break, and what is there. */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/registry/client.h"
#include "lib/registry/partial.h"
#include "lib/registry/transport.h"

#define TRIES 4        /* breaks one after the other without a byte between them */
#define BREAKS_MAX 100 /* in all: a registry can't keep us busy for ever */
#define REPLAY_SIZE 65536
#define POLL_MS 100    /* how often a pause looks whether the client is still there */

struct transfer {
	struct registry *r;
	int (*write)(void *arg, const void *data, size_t len, struct err *e);
	void *arg;
	const struct registry_progress *progress;
	const struct registry_reply *reply;
	struct partial *kept; /* NULL: nothing is kept */
	EVP_MD_CTX *hash;
	int64_t done;
	int64_t skip;  /* bytes that a registry without ranges sends again */
	int64_t size;  /* -1: unknown */
	int64_t limit;
	bool began;    /* this try has brought its first bytes */
};

static bool is_cancelled(const struct registry *r)
{
	return r->cancelled && r->cancelled(r->cancelled_arg);
}

static void drop_wrong(struct transfer *t)
{
	if (t->kept)
		partial_drop_wrong(t->kept);
}

static int take(struct transfer *t, const void *data, size_t len, struct err *e)
{
	t->done += (int64_t)len;
	if (t->done > t->limit) {
		drop_wrong(t);
		return err_set(e, ERR_UPSTREAM, "the registry sends more bytes of a blob than it has");
	}
	if (digest_update(t->hash, data, len, e) < 0 || t->write(t->arg, data, len, e) < 0)
		return -1;
	if (t->kept && t->done > t->kept->had)
		partial_add(t->kept, data, len);
	if (t->progress && t->progress->report)
		return t->progress->report(t->progress->arg, t->done, t->size, e);
	return 0;
}

static int transfer_write(void *arg, const void *data, size_t len, struct err *e)
{
	struct transfer *t = arg;
	size_t n;

	if (!t->began) {
		t->began = true;
		t->skip = t->reply->first >= 0 ? t->done - t->reply->first : t->done;
		if (t->skip < 0)
			return err_set(e, ERR_UPSTREAM, "the registry answers with another range of a blob than it was asked for");
	}
	n = (uint64_t)t->skip < len ? (size_t)t->skip : len;
	t->skip -= (int64_t)n;
	return n < len ? take(t, (const char *)data + n, len - n, e) : 0;
}

bool registry_pause(const struct registry *r, int seconds)
{
	for (int i = 0; i < seconds * 1000 / POLL_MS; i++) {
		if (is_cancelled(r))
			return false;
		poll(NULL, 0, POLL_MS);
	}
	return true;
}

static bool is_busy(int status)
{
	return status == 429 || status == 502 || status == 503 || status == 504;
}

/* 0: whole, as far as the registry says; 1: broken off, e says why; -1: no use in going on. */
static int try_once(struct registry *r, const struct registry_request *q, struct registry_reply *reply, struct err *e)
{
	if (registry_send(r, q, reply, e) < 0)
		return reply->broken ? 1 : -1;
	if (reply->status == 200 || reply->status == 206)
		return 0;
	registry_failure(reply, e);
	return is_busy(reply->status) ? 1 : -1;
}

static int pause_before(struct registry *r, const struct transfer *t, int tries, const struct err *why, struct err *e)
{
	int seconds = 1 << (tries - 1);

	if (t->progress && t->progress->retry && t->progress->retry(t->progress->arg, seconds, e) < 0)
		return -1;
	return registry_pause(r, seconds) ? 0 : err_set(e, why->kind, "%s", why->text);
}

static int run(struct registry *r, const char *path, struct transfer *t, struct err *e)
{
	REGISTRY_REPLY_CLEANUP struct registry_reply reply = { 0 };
	struct err why = { 0 };
	int tries = 0;

	t->reply = &reply;
	for (int breaks = 0; breaks < BREAKS_MAX; breaks++) {
		struct registry_request q = { .method = "GET", .url = path, .write = transfer_write, .arg = t, .slow = true, .from = t->done };
		int64_t before = t->done;
		int rc;

		t->began = false;
		rc = try_once(r, &q, &reply, &why);
		if (rc == 0)
			return 0;
		tries = t->done > before ? 1 : tries + 1;
		if (rc < 0 || tries >= TRIES)
			break;
		if (pause_before(r, t, tries, &why, e) < 0)
			return -1;
	}
	return err_set(e, why.kind, "%s", why.text);
}

/* What an earlier pull left. */
static int replay(struct transfer *t, struct err *e)
{
	char data[REPLAY_SIZE];
	int64_t had = t->kept ? t->kept->had : 0;

	while (t->done < had) {
		ssize_t n = pread(t->kept->fd, data, sizeof data, t->done);

		if (n <= 0) {
			drop_wrong(t);
			return err_set(e, ERR_INTERNAL, "the layer's file of an earlier pull can't be read");
		}
		if (is_cancelled(t->r))
			return err_set(e, ERR_INVALID, "context canceled");
		if (take(t, data, (size_t)n, e) < 0)
			return -1;
	}
	return 0;
}

int registry_get_blob(struct registry *r, const char *digest, int64_t size,
		      int (*write)(void *arg, const void *data, size_t len, struct err *e), void *arg,
		      const struct registry_progress *progress, struct err *e)
{
	return registry_resume_blob(r, digest, size, NULL, write, arg, progress, e);
}

int registry_resume_blob(struct registry *r, const char *digest, int64_t size, struct partial *kept,
			 int (*write)(void *arg, const void *data, size_t len, struct err *e), void *arg,
			 const struct registry_progress *progress, struct err *e)
{
	BUF_CLEANUP struct buf path = BUF_INIT;
	struct transfer t = {
		.r = r, .write = write, .arg = arg, .progress = progress, .kept = kept, .size = size, .limit = size >= 0 ? size : REGISTRY_BLOB_MAX,
	};
	char found[DIGEST_SIZE];

	if (registry_path(r, "blobs", digest, &path, e) < 0 || !(t.hash = digest_begin(e)))
		return -1;
	if (replay(&t, e) < 0 || ((!kept || t.done != size) && run(r, path.data, &t, e) < 0)) {
		digest_drop(t.hash);
		return -1;
	}
	if (digest_end(t.hash, found, e) < 0)
		return -1;
	if (strcmp(found, digest) != 0 || (size >= 0 && t.done != size)) {
		drop_wrong(&t);
		return err_set(e, ERR_UPSTREAM, "filesystem layer verification failed for digest %s", digest);
	}
	return 0;
}

static int buffer_write(void *arg, const void *data, size_t len, struct err *e)
{
	struct buf *b = arg;

	buf_append(b, data, len);
	return b->failed ? err_set(e, ERR_TOO_LARGE, "a blob is larger than %zu bytes", b->limit) : 0;
}

int registry_get_blob_data(struct registry *r, const char *digest, size_t limit, char **ret, size_t *ret_len, struct err *e)
{
	BUF_CLEANUP struct buf b = BUF_LIMITED(limit);
	size_t len;
	char *data;

	if (registry_get_blob(r, digest, -1, buffer_write, &b, NULL, e) < 0)
		return -1;
	len = b.len;
	data = buf_steal(&b);
	if (!data)
		return err_nomem(e);
	*ret = data;
	*ret_len = len;
	return 0;
}

int registry_blob_exists(struct registry *r, const char *digest, int64_t *ret_size, struct err *e)
{
	REGISTRY_REPLY_CLEANUP struct registry_reply reply = { 0 };

	if (registry_send_head(r, "blobs", digest, NULL, &reply, e) < 0)
		return -1;
	if (reply.status == 404)
		return 0;
	if (reply.status != 200)
		return registry_failure(&reply, e);
	if (ret_size)
		*ret_size = reply.length;
	return 1;
}
