/*
 * POST /auth: tries an account at its registry's /v2/, as `docker login` asks
 * for. Nothing is kept: clients send the account again with each pull, or the
 * identity token that a server of tokens gave in its place.
 */
#include <stdlib.h>
#include <string.h>

#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/registry/client.h"

/* Any repository: a token's scope has to name one. */
#define REPOSITORY "library/hello-world"

/* "https://index.docker.io/v1/" and "" are Docker Hub; of others the host counts. */
static char *registry_address(const struct request *req, const char *given)
{
	const char *host = strstr(given, "://") ? strstr(given, "://") + 3 : given;
	size_t n = strcspn(host, "/");

	if (n == 0 || (n == 15 && memcmp(host, "index.docker.io", n) == 0) || (n == 9 && memcmp(host, "docker.io", n) == 0))
		return strdup(req->settings->docker_io_endpoint);
	return strndup(host, n);
}

/* A refused password in dockerd's words, which for Basic are a 500's. */
static int word_failure(struct err *e)
{
	CLEANUP_FREE char *url = NULL;
	const char *start = strchr(e->text, '"'), *end = start ? strchr(start + 1, '"') : NULL;

	if (e->kind != ERR_UNAUTHORIZED || strstr(e->text, "incorrect username or password") || !end)
		return -1;
	url = strndup(start + 1, (size_t)(end - start - 1));
	return url ? err_set(e, ERR_INTERNAL, "login attempt to %s failed with status: 401 Unauthorized", url) : err_nomem(e);
}

static int answer(struct request *req, const char *identity, struct err *e)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();

	if (!o || !json_add_str(o, "IdentityToken", identity) || !json_add_str(o, "Status", "Login Succeeded"))
		return err_nomem(e);
	return reply_json(req, 200, o);
}

static int try(struct request *req, struct json_object *body, struct err *e)
{
	REGISTRY_CLEANUP struct registry *registry = NULL;
	CLEANUP_FREE char *address = registry_address(req, json_str(body, "serveraddress", ""));
	const char *user = json_str(body, "username", ""), *token = json_str(body, "identitytoken", "");
	struct registry_config config = {
		.endpoint = address,
		.repository = REPOSITORY,
		.user = *user ? user : NULL,
		.password = json_str(body, "password", ""),
		.token = *token ? token : NULL,
		.login = true,
		.insecure = req->settings->insecure_registries,
		.ca = req->settings->registry_ca,
		.public_only = req->settings->registry_public_only,
	};

	if (!address)
		return err_nomem(e);
	if (registry_open(&config, &registry, e) < 0)
		return -1;
	return registry_ping(registry, e) < 0 ? word_failure(e) : answer(req, registry_identity(registry), e);
}

int route_auth(struct request *req, struct err *e)
{
	CLEANUP_JSON struct json_object *body = NULL;

	if (request_json(req, false, &body, e) < 0) {
		/* dockerd decodes this one body by other means: a 500 without its usual words. */
		if (strncmp(e->text, "invalid JSON: unexpected EOF", 28) == 0)
			return err_set(e, ERR_INTERNAL, "unexpected EOF");
		return -1;
	}
	return try(req, body, e);
}
