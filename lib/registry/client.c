#include "lib/registry/client.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/docker/reference.h"
#include "lib/json.h"
#include "lib/registry/transport.h"
#include "lib/secret.h"

#define ACCEPT_MANIFESTS \
	MEDIA_MANIFEST_DOCKER ", " MEDIA_INDEX_DOCKER ", " MEDIA_MANIFEST_OCI ", " MEDIA_INDEX_OCI \
			      ", application/vnd.docker.distribution.manifest.v1+prettyjws"
#define UNKNOWN "manifest unknown: manifest unknown"
#define TAGS_PAGE 100
#define MANIFEST_TRIES 3

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
	/* An address, and no name that begins like one. */
	return (!strncmp(host, "127.", 4) && strspn(host, "0123456789.") == strcspn(host, ":")) || !strncmp(host, "[::1]", 5) ||
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
	r->bearer = copy_of(c->bearer, &failed);
	r->login = c->login;
	r->ca = copy_of(c->ca, &failed);
	r->push = c->push;
	r->timeout = c->timeout;
	r->stall = c->stall;
	r->cancelled = c->cancelled;
	r->cancelled_arg = c->cancelled_arg;
	if (failed)
		return err_nomem(e);
	if (set_names(r, c, e) < 0)
		return -1;
	r->public_only = c->public_only && !in_list(c->insecure, r->host);
	*ret = STEAL(r);
	return 0;
}

int registry_clone(const struct registry *r, bool (*cancelled)(void *arg), void *arg, struct registry **ret, struct err *e)
{
	REGISTRY_CLEANUP struct registry *n = calloc(1, sizeof *n);
	bool failed = false;

	if (!n)
		return err_nomem(e);
	n->base = copy_of(r->base, &failed);
	n->host = copy_of(r->host, &failed);
	n->repository = copy_of(r->repository, &failed);
	n->familiar = copy_of(r->familiar, &failed);
	n->user = copy_of(r->user, &failed);
	n->password = copy_of(r->password, &failed);
	n->token = copy_of(r->token, &failed);
	n->bearer = copy_of(r->bearer, &failed);
	n->ca = copy_of(r->ca, &failed);
	n->challenge = copy_of(r->challenge, &failed);
	n->authorization = copy_of(r->authorization, &failed);
	if (failed)
		return err_nomem(e);
	n->push = r->push;
	n->public_only = r->public_only;
	n->timeout = r->timeout;
	n->stall = r->stall;
	n->probed = r->probed;
	n->cancelled = cancelled;
	n->cancelled_arg = arg;
	*ret = STEAL(n);
	return 0;
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
	free_secret(r->bearer);
	free(r->ca);
	free(r->extra_scope);
	free(r->challenge);
	free_secret(r->authorization);
	free(r);
}

const char *registry_host(const struct registry *r)
{
	return r->host;
}

const char *registry_identity(const struct registry *r)
{
	return r->token ? r->token : "";
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

int registry_path(const struct registry *r, const char *kind, const char *what, struct buf *ret, struct err *e)
{
	if (!digest_valid(what) && (strcmp(kind, "manifests") || !reference_tag_valid(what)))
		return err_set(e, ERR_INVALID, "invalid reference format");
	buf_printf(ret, "/v2/%s/%s/%s", r->repository, kind, what);
	return ret->failed ? err_nomem(e) : 0;
}

/* A refusal in dockerd's words, which leave open whether there is a repository. Returns -1. */
static int access_failure(const struct registry *r, const struct registry_reply *reply, struct err *e)
{
	registry_failure(reply, e);
	if (reply->status == 401 || reply->status == 403) {
		err_prefix(e, "pull access denied for %s, repository does not exist or may require 'docker login'", r->familiar);
		if (e)
			e->kind = ERR_NOT_FOUND;
	}
	return -1;
}

/* What dockerd says when a pull meets this reply. Returns -1. */
static int manifest_failure(const struct registry *r, const char *reference, const struct registry_reply *reply, struct err *e)
{
	char code[64];

	registry_error_code(reply, code, sizeof code);
	if (reply->status == 404 && (!*code || !strcmp(code, "MANIFEST_UNKNOWN") || !strcmp(code, "NAME_UNKNOWN")))
		return err_set(e, ERR_NOT_FOUND, "manifest for %s%s%s not found: " UNKNOWN, r->familiar, digest_valid(reference) ? "@" : ":",
			       reference);
	return access_failure(r, reply, e);
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

	if (registry_path(r, "manifests", reference, &path, e) < 0)
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

int registry_send_head(struct registry *r, const char *kind, const char *what, const char *accept, struct registry_reply *reply, struct err *e)
{
	BUF_CLEANUP struct buf path = BUF_INIT;
	struct registry_request q = { .method = "HEAD", .accept = accept };

	if (registry_path(r, kind, what, &path, e) < 0)
		return -1;
	q.url = path.data;
	return registry_send(r, &q, reply, e);
}

int registry_head_manifest(struct registry *r, const char *reference, char ret_digest[DIGEST_SIZE], struct err *e)
{
	REGISTRY_REPLY_CLEANUP struct registry_reply reply = { 0 };

	if (registry_send_head(r, "manifests", reference, ACCEPT_MANIFESTS, &reply, e) < 0)
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

/* docker-registry writes a blob's link anew when the blob comes once more, and for a moment it is empty: a manifest that names the blob is refused then. */
static bool is_passing(const char *code)
{
	return !strcmp(code, "DIGEST_INVALID") || !strcmp(code, "MANIFEST_BLOB_UNKNOWN");
}

int registry_put_manifest(struct registry *r, const char *reference, const char *media_type, const void *body, size_t len, struct err *e)
{
	REGISTRY_REPLY_CLEANUP struct registry_reply reply = { 0 };
	BUF_CLEANUP struct buf path = BUF_INIT;
	struct registry_request q = { .method = "PUT", .type = media_type, .body = body, .body_len = len };
	char code[64];

	if (len > REGISTRY_MANIFEST_MAX)
		return err_set(e, ERR_TOO_LARGE, "a manifest of %zu bytes is too large", len);
	if (registry_path(r, "manifests", reference, &path, e) < 0)
		return -1;
	q.url = path.data;
	for (int tries = 1;; tries++) {
		if (registry_send(r, &q, &reply, e) < 0)
			return -1;
		if (reply.status == 200 || reply.status == 201 || reply.status == 202)
			return 0;
		registry_error_code(&reply, code, sizeof code);
		if (!is_passing(code) || tries == MANIFEST_TRIES || !registry_pause(r, 1))
			break;
		registry_reply_free(&reply);
	}
	/* A repository with immutable tags refuses a tag that is there, even for the same manifest. */
	if (!strcmp(code, "TAG_INVALID") && is_same_manifest(r, reference, body, len))
		return 0;
	return registry_failure(&reply, e);
}

static int add_tags(struct json_object *list, const struct registry_reply *reply, char last[129], struct err *e)
{
	CLEANUP_JSON struct json_object *o = NULL;
	struct json_object *tags;
	size_t n;

	if (json_parse(reply->body.data ? reply->body.data : "", reply->body.len, &o, NULL) < 0)
		return err_set(e, ERR_UPSTREAM, "the registry's list of tags is malformed");
	tags = json_array(o, "tags");
	n = tags ? json_object_array_length(tags) : 0;
	for (size_t i = 0; i < n; i++) {
		struct json_object *tag = json_object_array_get_idx(tags, i);
		const char *text = json_object_is_type(tag, json_type_string) ? json_object_get_string(tag) : "";

		if (!reference_tag_valid(text))
			continue;
		if (json_object_array_length(list) >= REGISTRY_TAGS_MAX)
			return err_set(e, ERR_NOT_SUPPORTED, "repositories of more than %d tags are not supported as a whole", REGISTRY_TAGS_MAX);
		snprintf(last, 129, "%s", text);
		if (json_object_array_add(list, json_object_get(tag)) < 0)
			return err_nomem(e);
	}
	return 0;
}

int registry_list_tags(struct registry *r, struct json_object **ret, struct err *e)
{
	CLEANUP_JSON struct json_object *list = json_object_new_array();
	char last[129] = "", from[129];
	bool more;

	if (!list)
		return err_nomem(e);
	do {
		REGISTRY_REPLY_CLEANUP struct registry_reply reply = { 0 };
		BUF_CLEANUP struct buf path = BUF_INIT;
		struct registry_request q = { .method = "GET", .limit = REGISTRY_MANIFEST_MAX };

		memcpy(from, last, sizeof from);
		buf_printf(&path, "/v2/%s/tags/list?n=%d%s%s", r->repository, TAGS_PAGE, *from ? "&last=" : "", from);
		if (path.failed)
			return err_nomem(e);
		q.url = path.data;
		if (registry_send(r, &q, &reply, e) < 0)
			return -1;
		if (reply.status != 200)
			return access_failure(r, &reply, e);
		if (add_tags(list, &reply, last, e) < 0)
			return -1;
		more = reply.more && strcmp(from, last) != 0;
	} while (more);
	*ret = STEAL(list);
	return 0;
}
