#include "lib/aws/ecr.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/json11.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/secret.h"

#define TARGET "AmazonEC2ContainerRegistry_V20150921."
#define TOKEN_MAX 16384

void ecr_authorization_free(struct ecr_authorization *a)
{
	free(a->endpoint);
	free(a->host);
	free(a->user);
	free_secret(a->password);
	*a = (struct ecr_authorization){ 0 };
}

/* "user:password" in base64. */
static int split_token(const char *token, struct ecr_authorization *a, struct err *e)
{
	size_t len = strlen(token);
	char text[TOKEN_MAX / 4 * 3 + 1];
	char *colon;
	int n;

	if (!len || len % 4 || len > TOKEN_MAX)
		return err_set(e, ERR_UPSTREAM, "ECR: the authorization token is no base64");
	n = EVP_DecodeBlock((unsigned char *)text, (const unsigned char *)token, (int)len);
	if (n < 0)
		return err_set(e, ERR_UPSTREAM, "ECR: the authorization token is no base64");
	text[n] = '\0'; /* the padding's bytes are NULs */
	colon = strchr(text, ':');
	if (!colon)
		return err_set(e, ERR_UPSTREAM, "ECR: the authorization token has no user");
	a->user = strndup(text, (size_t)(colon - text));
	a->password = strdup(colon + 1);
	OPENSSL_cleanse(text, sizeof text);
	return a->user && a->password ? 0 : err_nomem(e);
}

static time_t expiry(struct json_object *data)
{
	struct json_object *at = json_get(data, "expiresAt");

	if (!at || (!json_object_is_type(at, json_type_double) && !json_object_is_type(at, json_type_int)))
		return 0;
	return (time_t)json_object_get_int64(at);
}

int ecr_get_authorization_token(struct aws_client *c, struct ecr_authorization *ret, struct err *e)
{
	ECR_AUTHORIZATION_CLEANUP struct ecr_authorization a = { 0 };
	CLEANUP_JSON struct json_object *body = json_object_new_object();
	CLEANUP_JSON struct json_object *o = NULL;
	struct json_object *list, *data;
	const char *endpoint, *host;

	if (!body)
		return err_nomem(e);
	if (aws_json11_call(c, AWS_ECR, TARGET "GetAuthorizationToken", body, 1 << 20, &o, e) < 0)
		return -1;
	list = json_array(o, "authorizationData");
	data = list && json_object_array_length(list) ? json_object_array_get_idx(list, 0) : NULL;
	endpoint = json_str(data, "proxyEndpoint", NULL);
	if (!endpoint)
		return err_set(e, ERR_UPSTREAM, "ECR: no authorization data in the reply");
	if (split_token(json_str(data, "authorizationToken", ""), &a, e) < 0)
		return -1;
	host = strstr(endpoint, "://");
	host = host ? host + 3 : endpoint;
	a.endpoint = strdup(endpoint);
	a.host = strndup(host, strcspn(host, "/"));
	a.expires = expiry(data);
	if (!a.endpoint || !a.host)
		return err_nomem(e);
	*ret = a;
	a = (struct ecr_authorization){ 0 };
	return 0;
}

int ecr_create_repository(struct aws_client *c, const char *name, struct err *e)
{
	CLEANUP_JSON struct json_object *body = json_object_new_object();
	struct err why = { 0 };

	if (!body || !json_add_str(body, "repositoryName", name))
		return err_nomem(e);
	if (aws_json11_call(c, AWS_ECR, TARGET "CreateRepository", body, 0, NULL, &why) == 0 || why.kind == ERR_CONFLICT)
		return 0;
	if (e)
		*e = why;
	return -1;
}

static bool add_image_id(struct json_object *body, const char *digest)
{
	struct json_object *list = json_object_new_array(), *id = json_object_new_object();

	if (!json_add(body, "imageIds", list) || !list || json_object_array_add(list, id) < 0) {
		json_object_put(id);
		return false;
	}
	return id && json_add_str(id, "imageDigest", digest);
}

int ecr_delete_image(struct aws_client *c, const char *repository, const char *digest, struct err *e)
{
	CLEANUP_JSON struct json_object *body = json_object_new_object();
	CLEANUP_JSON struct json_object *o = NULL;
	struct json_object *failures, *first;
	struct err why = { 0 };

	if (!body || !json_add_str(body, "repositoryName", repository) || !add_image_id(body, digest))
		return err_nomem(e);
	if (aws_json11_call(c, AWS_ECR, TARGET "BatchDeleteImage", body, 1 << 20, &o, &why) < 0) {
		if (why.kind == ERR_NOT_FOUND)
			return 0;
		if (e)
			*e = why;
		return -1;
	}
	failures = json_array(o, "failures");
	first = failures && json_object_array_length(failures) ? json_object_array_get_idx(failures, 0) : NULL;
	if (!first || strcmp(json_str(first, "failureCode", ""), "ImageNotFound") == 0)
		return 0;
	return err_set(e, ERR_UPSTREAM, "%s: %s", json_str(first, "failureCode", ""), json_str(first, "failureReason", ""));
}
