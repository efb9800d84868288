#include "local-lambda/ecr.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/ids.h"
#include "lib/registry/client.h"
#include "local-lambda/clock.h"
#include "local-lambda/file.h"

#define REPOSITORIES_MAX 100000
#define PAGE_MAX 1000
#define DELETE_MAX 100 /* images of one BatchDeleteImage */
#define TOKEN_SECONDS (12 * 3600)

struct ecr {
	const struct local_config *config;
	char *path;
	pthread_mutex_t lock;
	struct json_object *repositories; /* name -> what DescribeRepositories says of it */
};

static int load(struct ecr *r, struct err *e)
{
	BUF_CLEANUP struct buf text = BUF_LIMITED(256u << 20);

	if (file_read(r->path, &text, e) == 0)
		return json_parse(text.data ? text.data : "", text.len, &r->repositories, e);
	if (e->kind != ERR_NOT_FOUND)
		return -1;
	r->repositories = json_object_new_object();
	return r->repositories ? 0 : err_nomem(e);
}

int ecr_open(struct ecr **ret, const struct local_config *config, const char *path, struct err *e)
{
	struct ecr *r = calloc(1, sizeof *r);
	struct err local = { 0 };

	if (!r)
		return err_nomem(e);
	pthread_mutex_init(&r->lock, NULL);
	r->config = config;
	r->path = strdup(path);
	if (r->path && load(r, &local) == 0) {
		*ret = r;
		return 0;
	}
	ecr_close(r);
	return err_set(e, ERR_INTERNAL, "%s: %s", path, local.text);
}

void ecr_close(struct ecr *r)
{
	if (!r)
		return;
	json_object_put(r->repositories);
	pthread_mutex_destroy(&r->lock);
	free(r->path);
	free(r);
}

bool ecr_has(struct ecr *r, const char *repository)
{
	bool has;

	pthread_mutex_lock(&r->lock);
	has = json_get(r->repositories, repository);
	pthread_mutex_unlock(&r->lock);
	return has;
}

/* Components of a-z0-9 with single separators . _ - / (and __) inside. */
static bool is_repository_name(const char *name)
{
	size_t len = name ? strlen(name) : 0;

	if (len < 2 || len > 256 || !isalnum((unsigned char)name[0]) || !isalnum((unsigned char)name[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++) {
		bool separator = strchr("._-/", name[i]);

		if (!separator && !islower((unsigned char)name[i]) && !isdigit((unsigned char)name[i]))
			return false;
		if (separator && strchr("._-/", name[i + 1]) && !(name[i] == '_' && name[i + 1] == '_'))
			return false;
	}
	return true;
}

static void name_error(struct reply *reply, const char *name)
{
	reply_json11_error(reply, 400, "InvalidParameterException",
			   "Invalid parameter at 'repositoryName' failed to satisfy constraint: '%.64s' must satisfy regular expression "
			   "'(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*'", name ? name : "null");
}

static struct json_object *describe(struct ecr *r, const char *name)
{
	struct json_object *o = json_object_new_object();
	BUF_CLEANUP struct buf arn = BUF_INIT, uri = BUF_INIT;

	buf_printf(&arn, "arn:aws:ecr:%s:" LOCAL_ACCOUNT_ID ":repository/%s", r->config->region, name);
	buf_printf(&uri, "%s/%s", r->config->registry, name);
	if (!arn.failed && !uri.failed && o && json_add_str(o, "repositoryArn", arn.data) && json_add_str(o, "registryId", LOCAL_ACCOUNT_ID) &&
	    json_add_str(o, "repositoryName", name) && json_add_str(o, "repositoryUri", uri.data) &&
	    json_add(o, "createdAt", json_object_new_double((double)wall_ms() / 1000)) && json_add_str(o, "imageTagMutability", "MUTABLE"))
		return o;
	json_object_put(o);
	return NULL;
}

static bool save(struct ecr *r, struct reply *reply)
{
	struct err e = { 0 };

	if (file_replace(r->path, json_text(r->repositories), &e) == 0)
		return true;
	reply_json11_error(reply, 500, "ServerException", "%s", e.text);
	return false;
}

/* The calls below run under the lock. */

static void create_repository(struct ecr *r, struct json_object *in, struct reply *reply)
{
	const char *name = json_str(in, "repositoryName", NULL);
	CLEANUP_JSON struct json_object *out = json_object_new_object();
	struct json_object *o;

	if (!is_repository_name(name)) {
		name_error(reply, name);
		return;
	}
	if (json_get(r->repositories, name)) {
		reply_json11_error(reply, 400, "RepositoryAlreadyExistsException",
				   "The repository with name '%s' already exists in the registry with id '" LOCAL_ACCOUNT_ID "'", name);
		return;
	}
	if (json_object_object_length(r->repositories) >= REPOSITORIES_MAX) {
		reply_json11_error(reply, 400, "LimitExceededException", "The registry with id '" LOCAL_ACCOUNT_ID "' is full");
		return;
	}
	o = describe(r, name);
	if (!o || !json_add(r->repositories, name, o) || !out || !json_add(out, "repository", json_object_get(o)))
		reply_json(reply, 500, NULL);
	else if (save(r, reply))
		reply_json(reply, 200, out);
}

static void not_found(struct reply *reply, const char *name)
{
	reply_json11_error(reply, 400, "RepositoryNotFoundException",
			   "The repository with name '%.256s' does not exist in the registry with id '" LOCAL_ACCOUNT_ID "'", name);
}

static void delete_repository(struct ecr *r, struct json_object *in, struct reply *reply)
{
	const char *name = json_str(in, "repositoryName", "");
	struct json_object *o = json_get(r->repositories, name);
	CLEANUP_JSON struct json_object *out = json_object_new_object();

	if (!o) {
		not_found(reply, name);
		return;
	}
	if (!out || !json_add(out, "repository", json_object_get(o))) {
		reply_json(reply, 500, NULL);
		return;
	}
	json_object_object_del(r->repositories, name);
	if (save(r, reply))
		reply_json(reply, 200, out);
}

static bool describe_named(struct ecr *r, struct json_object *names, struct json_object *list, struct reply *reply)
{
	for (size_t i = 0; i < json_object_array_length(names); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(names, i));
		struct json_object *o = name ? json_get(r->repositories, name) : NULL;

		if (!o) {
			not_found(reply, name ? name : "");
			return false;
		}
		json_object_array_add(list, json_object_get(o));
	}
	return true;
}

/* In order of creation; the token is the name that the page before ended with. */
static void describe_all(struct ecr *r, struct json_object *in, struct json_object *out, struct json_object *list)
{
	const char *after = json_str(in, "nextToken", NULL);
	int64_t max = json_int(in, "maxResults", 100);
	bool started = !after || !json_get(r->repositories, after);
	const char *last = NULL;

	json_object_object_foreach(r->repositories, name, o) {
		if (!started) {
			started = !strcmp(name, after);
			continue;
		}
		if ((int64_t)json_object_array_length(list) == max) {
			json_add_str(out, "nextToken", last);
			return;
		}
		json_object_array_add(list, json_object_get(o));
		last = name;
	}
}

static void describe_repositories(struct ecr *r, struct json_object *in, struct reply *reply)
{
	struct json_object *names = json_array(in, "repositoryNames");
	CLEANUP_JSON struct json_object *out = json_object_new_object();
	struct json_object *list = json_object_new_array();
	int64_t max = json_int(in, "maxResults", 100);

	if (!out || !list || !json_add(out, "repositories", list)) {
		reply_json(reply, 500, NULL);
		return;
	}
	if (max < 1 || max > PAGE_MAX) {
		reply_json11_error(reply, 400, "InvalidParameterException", "Invalid parameter at 'maxResults' failed to satisfy constraint");
		return;
	}
	if (!names)
		describe_all(r, in, out, list);
	else if (!describe_named(r, names, list, reply))
		return;
	reply_json(reply, 200, out);
}

static struct json_object *authorization(struct ecr *r)
{
	struct json_object *o = json_object_new_object();
	char plain[4 + 64 + 1] = "AWS:", coded[128], endpoint[300];

	id_random(plain + 4, 32);
	EVP_EncodeBlock((unsigned char *)coded, (const unsigned char *)plain, (int)strlen(plain));
	snprintf(endpoint, sizeof endpoint, "http://%s", r->config->registry);
	if (o && json_add_str(o, "authorizationToken", coded) && json_add_str(o, "proxyEndpoint", endpoint) &&
	    json_add(o, "expiresAt", json_object_new_double((double)(wall_ms() / 1000 + TOKEN_SECONDS))))
		return o;
	json_object_put(o);
	return NULL;
}

static void get_authorization_token(struct ecr *r, struct json_object *in, struct reply *reply)
{
	CLEANUP_JSON struct json_object *out = json_object_new_object();
	struct json_object *list = json_object_new_array(), *o = authorization(r);

	if (!out || !list || !json_add(out, "authorizationData", list)) {
		json_object_put(o);
		reply_json(reply, 500, NULL);
	} else if (!o || json_object_array_add(list, o) < 0) {
		json_object_put(o);
		reply_json(reply, 500, NULL);
	} else {
		reply_json(reply, 200, out);
	}
}

/* One image of the registry's; true: it is gone. */
static bool delete_one(struct ecr *r, const char *repository, const char *digest, const char **ret_code, struct err *e)
{
	struct registry_config config = { .endpoint = r->config->registry, .repository = repository, .insecure = r->config->registry };
	REGISTRY_CLEANUP struct registry *registry = NULL;
	int rc;

	*ret_code = "InvalidImageDigest";
	if (!digest_valid(digest) || registry_open(&config, &registry, e) < 0)
		return false;
	rc = registry_delete_manifest(registry, digest, e);
	if (rc == 0)
		err_set(e, ERR_NOT_FOUND, "Requested image not found");
	*ret_code = rc == 0 ? "ImageNotFound" : "UpstreamUnavailable";
	return rc > 0;
}

static bool add_failure(struct json_object *list, struct json_object *id, const char *code, const char *reason)
{
	struct json_object *o = json_object_new_object();

	if (!o || json_object_array_add(list, o) < 0) {
		json_object_put(o);
		return false;
	}
	return json_add(o, "imageId", json_object_get(id)) && json_add_str(o, "failureCode", code) && json_add_str(o, "failureReason", reason);
}

/* By digest alone, which is how it is called here. */
static void batch_delete_image(struct ecr *r, struct json_object *in, struct reply *reply)
{
	const char *name = json_str(in, "repositoryName", "");
	struct json_object *ids = json_array(in, "imageIds"), *gone = json_object_new_array(), *failures = json_object_new_array();
	CLEANUP_JSON struct json_object *out = json_object_new_object();
	bool ok = json_add(out, "imageIds", gone) && json_add(out, "failures", failures) && gone && failures;
	size_t n = ids ? json_object_array_length(ids) : 0;

	if (!json_get(r->repositories, name)) {
		not_found(reply, name);
		return;
	}
	if (n < 1 || n > DELETE_MAX) {
		reply_json11_error(reply, 400, "InvalidParameterException", "Invalid parameter at 'imageIds' failed to satisfy constraint");
		return;
	}
	for (size_t i = 0; ok && i < n; i++) {
		struct json_object *id = json_object_array_get_idx(ids, i);
		struct err e = { .text = "Invalid request parameters" };
		const char *code;

		if (delete_one(r, name, json_str(id, "imageDigest", NULL), &code, &e))
			ok = json_object_array_add(gone, json_object_get(id)) == 0;
		else
			ok = add_failure(failures, id, code, e.text);
	}
	reply_json(reply, ok ? 200 : 500, ok ? out : NULL);
}

static const struct {
	const char *name;
	void (*call)(struct ecr *r, struct json_object *in, struct reply *reply);
} actions[] = {
	{ "BatchDeleteImage", batch_delete_image },
	{ "CreateRepository", create_repository },
	{ "DeleteRepository", delete_repository },
	{ "DescribeRepositories", describe_repositories },
	{ "GetAuthorizationToken", get_authorization_token },
};

void ecr_call(struct ecr *r, const char *action, struct json_object *input, struct reply *reply)
{
	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
		if (strcmp(actions[i].name, action))
			continue;
		pthread_mutex_lock(&r->lock);
		actions[i].call(r, input, reply);
		pthread_mutex_unlock(&r->lock);
		return;
	}
	reply_json11_error(reply, 400, "UnknownOperationException", "%.64s isn't among the calls that are played here", action);
}
