#include "fcgi/image_source.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"

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

int image_source_open(struct request *req, const struct reference *r, struct json_object *auth, struct registry **ret, struct err *e)
{
	const struct settings *s = req->settings;
	CLEANUP_FREE char *name = reference_name(r);
	struct registry_config config = {
		.endpoint = strcmp(r->domain, "docker.io") == 0 ? s->docker_io_endpoint : r->domain,
		.repository = r->path,
		.name = name,
		.insecure = s->insecure_registries,
		.cancelled = client_left,
		.cancelled_arg = req,
	};
	const char *user = json_str(auth, "username", "");
	const char *token = json_str(auth, "identitytoken", "");

	if (*user) {
		config.user = user;
		config.password = json_str(auth, "password", "");
	}
	if (*token)
		config.token = token;
	return registry_open(&config, ret, e);
}
