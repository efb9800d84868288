#include "fcgi/image_source.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/log.h"

#define AUTH_MAX (64 * 1024)

struct json_object *image_source_auth(const struct request *req)
{
	return image_source_json(request_header(req, "X-Registry-Auth"));
}

struct json_object *image_source_json(const char *text)
{
	CLEANUP_FREE char *base64 = NULL;
	CLEANUP_FREE char *plain = NULL;
	struct json_object *o = NULL;
	size_t n = text ? strcspn(text, "=") : 0;
	int len;
	struct err e;

	if (n == 0 || n > AUTH_MAX)
		return NULL;
	base64 = calloc(1, n + 4);
	plain = calloc(1, n + 4);
	if (!base64 || !plain)
		return NULL;
	memcpy(base64, text, n);
	for (size_t i = 0; i < n; i++)
		base64[i] = base64[i] == '-' ? '+' : base64[i] == '_' ? '/' : base64[i];
	while (strlen(base64) % 4)
		strcat(base64, "=");
	len = EVP_DecodeBlock((unsigned char *)plain, (const unsigned char *)base64, (int)strlen(base64));
	if (len <= 0 || json_parse(plain, strlen(plain), &o, &e) < 0)
		return NULL;
	return o;
}

static bool client_left(void *arg)
{
	return request_client_left(arg);
}

static int open_at(struct request *req, const char *endpoint, const struct reference *r, struct json_object *auth, bool push,
		   struct registry **ret, struct err *e)
{
	const struct settings *s = req->settings;
	CLEANUP_FREE char *name = reference_name(r);
	struct registry_config config = {
		.endpoint = endpoint,
		.repository = r->path,
		.name = name,
		.insecure = s->insecure_registries,
		.ca = s->registry_ca,
		.public_only = s->registry_public_only,
		.push = push,
		.cancelled = client_left,
		.cancelled_arg = req,
	};
	const char *user = json_str(auth, "username", "");
	const char *token = json_str(auth, "identitytoken", "");
	const char *bearer = json_str(auth, "registrytoken", "");

	if (*user) {
		config.user = user;
		config.password = json_str(auth, "password", "");
	}
	if (*token)
		config.token = token;
	if (*bearer)
		config.bearer = bearer;
	return name ? registry_open(&config, ret, e) : err_nomem(e);
}

static bool is_docker_io(const struct reference *r)
{
	return strcmp(r->domain, "docker.io") == 0;
}

int image_source_open(struct request *req, const struct reference *r, struct json_object *auth, bool push, struct registry **ret, struct err *e)
{
	return open_at(req, is_docker_io(r) ? req->settings->docker_io_endpoint : r->domain, r, auth, push, ret, e);
}

int image_source_open_index(struct request *req, const char *host, struct json_object *auth, struct registry **ret, struct err *e)
{
	/* A search belongs to no repository; the name stands in errors alone. */
	REFERENCE_CLEANUP struct reference r = { 0 };

	if (reference_parse("search", &r, e) < 0)
		return -1;
	return open_at(req, host ? host : req->settings->docker_io_index, &r, auth, false, ret, e);
}

/* The operator's own mirrors may be anywhere. 1: it has the image, 0: it doesn't, or doesn't answer. */
static int fetch_mirror(struct request *req, const char *endpoint, const struct reference *r, const char *architecture, struct registry **ret_from,
			struct image *ret)
{
	REGISTRY_CLEANUP struct registry *from = NULL;
	struct registry_config config = {
		.endpoint = endpoint,
		.repository = r->path,
		.insecure = req->settings->insecure_registries,
		.ca = req->settings->registry_ca,
		.cancelled = client_left,
		.cancelled_arg = req,
	};
	struct err why = { 0 };

	if (registry_open(&config, &from, &why) < 0 || image_fetch(from, reference_target(r), architecture, ret, &why) < 0) {
		log_info("mirror %s: %s", endpoint, why.text);
		return 0;
	}
	*ret_from = STEAL(from);
	return 1;
}

int image_source_fetch(struct request *req, const struct reference *r, struct json_object *auth, const char *architecture,
		       struct registry **ret_from, struct image *ret, struct err *e)
{
	REGISTRY_CLEANUP struct registry *from = NULL;
	CLEANUP_FREE char *mirrors = strdup(is_docker_io(r) ? req->settings->registry_mirrors : "");
	char *rest = NULL;

	if (!mirrors)
		return err_nomem(e);
	for (char *at = strtok_r(mirrors, ", ", &rest); at; at = strtok_r(NULL, ", ", &rest))
		if (fetch_mirror(req, at, r, architecture, ret_from, ret))
			return 0;
	if (image_source_open(req, r, auth, false, &from, e) < 0 || image_fetch(from, reference_target(r), architecture, ret, e) < 0)
		return -1;
	*ret_from = STEAL(from);
	return 0;
}
