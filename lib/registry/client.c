#include "lib/registry/client.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/docker/reference.h"
#include "lib/registry/transport.h"

#define ACCEPT_MANIFESTS \
	MEDIA_MANIFEST_DOCKER ", " MEDIA_INDEX_DOCKER ", " MEDIA_MANIFEST_OCI ", " MEDIA_INDEX_OCI \
			      ", application/vnd.docker.distribution.manifest.v1+prettyjws"
#define UNKNOWN "manifest unknown: manifest unknown"

static bool in_list(const char *list, const char *host)
{
	size_t n = strlen(host);

	while (list && *list) {
		size_t len;

		list += strspn(list, ", \t");
		len = strcspn(list, ", \t");
		if (len == n && !strncmp(list, host, n))
			return true;
		list += len;
	}
	return false;
}

static bool is_loopback(const char *host)
{
	return !strncmp(host, "127.", 4) || !strncmp(host, "[::1]", 5) ||
	       (!strncmp(host, "localhost", 9) && (!host[9] || host[9] == ':'));
}

static char *copy_of(const char *text, bool *failed)
{
	char *copy = text && *text ? strdup(text) : NULL;

	if (text && *text && !copy)
		*failed = true;
	return copy;
}

/* "docker.io/library/busybox" -> "busybox"; what can't be parsed stays. */
static char *familiar_of(const char *name)
{
	REFERENCE_CLEANUP struct reference ref = { 0 };

	if (reference_parse(name, &ref, NULL) < 0)
		return strdup(name);
	return reference_familiar_name(&ref);
}

static int set_names(struct registry *r, const struct registry_config *c, struct err *e)
{
	const char *scheme = strstr(c->endpoint, "://");
	const char *host = scheme ? scheme + 3 : c->endpoint;
	BUF_CLEANUP struct buf base = BUF_INIT, name = BUF_INIT;

	r->host = strndup(host, strcspn(host, "/"));
	if (!r->host)
		return err_nomem(e);
	if (!*r->host || strpbrk(r->host, "@?# \r\n\t\"\\"))
		return err_set(e, ERR_INVALID, "\"%s\" is no registry", c->endpoint);
	if (scheme)
		buf_append(&base, c->endpoint, (size_t)(scheme - c->endpoint));
	else
		buf_puts(&base, is_loopback(r->host) || in_list(c->insecure, r->host) ? "http" : "https");
	buf_printf(&base, "://%s", r->host);
	buf_printf(&name, "%s/%s", r->host, c->repository);
	r->base = buf_steal(&base);
	r->familiar = name.failed ? NULL : familiar_of(c->name ? c->name : name.data);
	if (!r->base || !r->familiar)
		return err_nomem(e);
	if (strncmp(r->base, "http://", 7) && strncmp(r->base, "https://", 8))
		return err_set(e, ERR_INVALID, "\"%s\" is no registry", c->endpoint);
	return 0;
}

int registry_open(const struct registry_config *c, struct registry **ret, struct err *e)
{
	REGISTRY_CLEANUP struct registry *r = calloc(1, sizeof *r);
	bool failed = false;

	if (!r)
		return err_nomem(e);
	if (!*c->repository || strspn(c->repository, "abcdefghijklmnopqrstuvwxyz0123456789._-/") != strlen(c->repository) ||
	    strstr(c->repository, "..") || *c->repository == '/')
		return err_set(e, ERR_INVALID, "invalid repository name \"%s\"", c->repository);
	r->repository = copy_of(c->repository, &failed);
	r->user = copy_of(c->user, &failed);
	r->password = copy_of(c->password, &failed);
	r->token = copy_of(c->token, &failed);
	r->push = c->push;
	r->cancelled = c->cancelled;
	r->cancelled_arg = c->cancelled_arg;
	if (failed)
		return err_nomem(e);
	if (set_names(r, c, e) < 0)
		return -1;
	*ret = STEAL(r);
	return 0;
}

static void free_secret(char *text)
{
	if (text)
		OPENSSL_cleanse(text, strlen(text));
	free(text);
}

void registry_close(struct registry *r)
{
	if (!r)
		return;
	curl_easy_cleanup(r->easy);
	free(r->base);
	free(r->host);
	free(r->repository);
	free(r->familiar);
	free(r->user);
	free_secret(r->password);
	free_secret(r->token);
	free(r->extra_scope);
	free(r->challenge);
	free_secret(r->authorization);
	free(r);
}

const char *registry_host(const struct registry *r)
{
	return r->host;
}

const char *registry_repository(const struct registry *r)
{
	return r->repository;
}

void registry_manifest_free(struct registry_manifest *m)
{
	free(m->body);
	*m = (struct registry_manifest){ 0 };
}

int registry_ping(struct registry *r, struct err *e)
{
	REGISTRY_REPLY_CLEANUP struct registry_reply reply = { 0 };
	struct registry_request q = { .method = "GET", .url = "/v2/" };

	if (registry_send(r, &q, &reply, e) < 0)
		return -1;
	if (reply.status == 200)
		return 0;
	registry_failure(&reply, e);
	return err_prefix(e, "Get \"%s/v2/\"", r->base);
}

/* "/v2/<repository>/<kind>/<what>" */
static int make_path(const struct registry *r, const char *kind, const char *what, struct buf *ret, struct err *e)
{
	if (!digest_valid(what) && (strcmp(kind, "manifests") || !reference_tag_valid(what)))
		return err_set(e, ERR_INVALID, "invalid reference format");
	buf_printf(ret, "/v2/%s/%s/%s", r->repository, kind, what);
	return ret->failed ? err_nomem(e) : 0;
}

/* What dockerd says when a pull meets this reply. Returns -1. */
static int manifest_failure(const struct registry *r, const char *reference, const struct registry_reply *reply, struct err *e)
{
	char code[64];

	registry_error_code(reply, code, sizeof code);
	if (reply->status == 404 && (!*code || !strcmp(code, "MANIFEST_UNKNOWN") || !strcmp(code, "NAME_UNKNOWN")))
		return err_set(e, ERR_NOT_FOUND, "manifest for %s%s%s not found: " UNKNOWN, r->familiar, digest_valid(reference) ? "@" : ":",
			       reference);
	registry_failure(reply, e);
	if (reply->status == 401 || reply->status == 403) {
		err_prefix(e, "pull access denied for %s, repository does not exist or may require 'docker login'", r->familiar);
		if (e)
			e->kind = ERR_NOT_FOUND;
	}
	return -1;
}

static int check_manifest(const struct registry_manifest *m, const char *reference, struct err *e)
{
	if (digest_valid(reference) && strcmp(m->digest, reference) != 0)
		return err_set(e, ERR_UPSTREAM, "manifest verification failed for digest %s", reference);
	return 0;
}

int registry_get_manifest(struct registry *r, const char *reference, struct registry_manifest *ret, struct err *e)
{
	REGISTRY_REPLY_CLEANUP struct registry_reply reply = { 0 };
	REGISTRY_MANIFEST_CLEANUP struct registry_manifest m = { 0 };
	BUF_CLEANUP struct buf path = BUF_INIT;
	struct registry_request q = { .method = "GET", .accept = ACCEPT_MANIFESTS, .limit = REGISTRY_MANIFEST_MAX };

	if (make_path(r, "manifests", reference, &path, e) < 0)
		return -1;
	q.url = path.data;
	if (registry_send(r, &q, &reply, e) < 0)
		return -1;
	if (reply.status != 200)
		return manifest_failure(r, reference, &reply, e);
	m.len = reply.body.len;
	m.body = buf_steal(&reply.body);
	if (!m.body)
		return err_nomem(e);
	snprintf(m.media_type, sizeof m.media_type, "%s", reply.type);
	if (digest_of(m.body, m.len, m.digest, e) < 0 || check_manifest(&m, reference, e) < 0)
		return -1;
	*ret = m;
	m = (struct registry_manifest){ 0 };
	return 0;
}

static int send_head(struct registry *r, const char *kind, const char *what, const char *accept, struct registry_reply *reply, struct err *e)
{
	BUF_CLEANUP struct buf path = BUF_INIT;
	struct registry_request q = { .method = "HEAD", .accept = accept };

	if (make_path(r, kind, what, &path, e) < 0)
		return -1;
	q.url = path.data;
	return registry_send(r, &q, reply, e);
}

int registry_head_manifest(struct registry *r, const char *reference, char ret_digest[DIGEST_SIZE], struct err *e)
{
	REGISTRY_REPLY_CLEANUP struct registry_reply reply = { 0 };

	if (send_head(r, "manifests", reference, ACCEPT_MANIFESTS, &reply, e) < 0)
		return -1;
	if (reply.status == 404)
		return 0;
	if (reply.status != 200)
		return manifest_failure(r, reference, &reply, e);
	if (ret_digest)
		memcpy(ret_digest, reply.digest, DIGEST_SIZE);
	return 1;
}

static bool is_same_manifest(struct registry *r, const char *reference, const void *body, size_t len)
{
	char there[DIGEST_SIZE] = "", digest[DIGEST_SIZE];

	return digest_of(body, len, digest, NULL) == 0 && registry_head_manifest(r, reference, there, NULL) == 1 &&
	       !strcmp(there, digest);
}

int registry_put_manifest(struct registry *r, const char *reference, const char *media_type, const void *body, size_t len, struct err *e)
{
	REGISTRY_REPLY_CLEANUP struct registry_reply reply = { 0 };
	BUF_CLEANUP struct buf path = BUF_INIT;
	struct registry_request q = { .method = "PUT", .type = media_type, .body = body, .body_len = len };
	char code[64];

	if (len > REGISTRY_MANIFEST_MAX)
		return err_set(e, ERR_TOO_LARGE, "a manifest of %zu bytes is too large", len);
	if (make_path(r, "manifests", reference, &path, e) < 0)
		return -1;
	q.url = path.data;
	if (registry_send(r, &q, &reply, e) < 0)
		return -1;
	if (reply.status == 200 || reply.status == 201 || reply.status == 202)
		return 0;
	/* A repository with immutable tags refuses a tag that is there, even for the same manifest. */
	registry_error_code(&reply, code, sizeof code);
	if (!strcmp(code, "TAG_INVALID") && is_same_manifest(r, reference, body, len))
		return 0;
	return registry_failure(&reply, e);
}

struct blob_sink {
	int (*write)(void *arg, const void *data, size_t len, struct err *e);
	void *arg;
	const struct registry_progress *progress;
	EVP_MD_CTX *hash;
	int64_t done;
	int64_t size;  /* -1: unknown */
	int64_t limit;
};

static int sink_write(void *arg, const void *data, size_t len, struct err *e)
{
	struct blob_sink *s = arg;

	s->done += (int64_t)len;
	if (s->done > s->limit)
		return err_set(e, ERR_UPSTREAM, "the registry sends more bytes of a blob than it has");
	if (digest_update(s->hash, data, len, e) < 0 || s->write(s->arg, data, len, e) < 0)
		return -1;
	if (s->progress && s->progress->report)
		return s->progress->report(s->progress->arg, s->done, s->size, e);
	return 0;
}

int registry_get_blob(struct registry *r, const char *digest, int64_t size,
		      int (*write)(void *arg, const void *data, size_t len, struct err *e), void *arg,
		      const struct registry_progress *progress, struct err *e)
{
	REGISTRY_REPLY_CLEANUP struct registry_reply reply = { 0 };
	BUF_CLEANUP struct buf path = BUF_INIT;
	struct blob_sink s = { write, arg, progress, NULL, 0, size, size >= 0 ? size : REGISTRY_BLOB_MAX };
	struct registry_request q = { .method = "GET", .write = sink_write, .arg = &s, .slow = true };
	char found[DIGEST_SIZE];

	if (make_path(r, "blobs", digest, &path, e) < 0 || !(s.hash = digest_begin(e)))
		return -1;
	q.url = path.data;
	if (registry_send(r, &q, &reply, e) < 0 || (reply.status != 200 && registry_failure(&reply, e) < 0)) {
		digest_drop(s.hash);
		return -1;
	}
	if (digest_end(s.hash, found, e) < 0)
		return -1;
	if (strcmp(found, digest) != 0 || (size >= 0 && s.done != size))
		return err_set(e, ERR_UPSTREAM, "filesystem layer verification failed for digest %s", digest);
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

	if (send_head(r, "blobs", digest, NULL, &reply, e) < 0)
		return -1;
	if (reply.status == 404)
		return 0;
	if (reply.status != 200)
		return registry_failure(&reply, e);
	if (ret_size)
		*ret_size = reply.length;
	return 1;
}
