#include "local-lambda/manifest_check.h"

#include <curl/curl.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/ids.h"
#include "lib/json.h"

#define MANIFEST_MAX (4u << 20)
#define TIMEOUT_SECONDS 30L

static const char accept_header[] = "Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json,"
	" application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json";

static size_t on_data(char *data, size_t size, size_t count, void *ctx)
{
	struct buf *body = ctx;

	buf_append(body, data, size * count);
	return body->failed ? 0 : size * count;
}

static int fetch(const char *url, struct buf *body, long *ret_status, struct err *e)
{
	struct curl_slist *headers = curl_slist_append(NULL, accept_header);
	CURL *c = curl_easy_init();
	CURLcode rc = CURLE_OUT_OF_MEMORY;

	if (c && headers) {
		curl_easy_setopt(c, CURLOPT_URL, url);
		curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(c, CURLOPT_PROXY, "");
		curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
		curl_easy_setopt(c, CURLOPT_TIMEOUT, TIMEOUT_SECONDS);
		curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
		curl_easy_setopt(c, CURLOPT_WRITEDATA, body);
		rc = curl_easy_perform(c);
		curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, ret_status);
	}
	curl_easy_cleanup(c);
	curl_slist_free_all(headers);
	return rc == CURLE_OK ? 0 : err_set(e, ERR_UPSTREAM, "%s: %s", url, curl_easy_strerror(rc));
}

static int unsupported(const char *uri, struct err *e)
{
	return err_set(e, ERR_INVALID, "The image manifest, config or layer media type for the source image %s is not supported.", uri);
}

static int missing(const char *uri, struct err *e)
{
	return err_set(e, ERR_INVALID, "Source image %s does not exist. Provide a valid source image.", uri);
}

static int check_layers(struct json_object *manifest, const char *uri, struct err *e)
{
	struct json_object *layers = json_array(manifest, "layers");

	if (!layers || !json_obj(manifest, "config"))
		return unsupported(uri, e);
	for (size_t i = 0; i < json_object_array_length(layers); i++) {
		const char *type = json_str(json_object_array_get_idx(layers, i), "mediaType", "");

		if (strcmp(type, "application/vnd.oci.image.layer.v1.tar+gzip") && strcmp(type, "application/vnd.docker.image.rootfs.diff.tar.gzip"))
			return unsupported(uri, e);
	}
	return 0;
}

static int check_manifest(const struct buf *body, const char *uri, struct err *e)
{
	CLEANUP_JSON struct json_object *manifest = NULL;

	if (!body->len || json_parse(body->data, body->len, &manifest, e) < 0 || json_int(manifest, "schemaVersion", 0) != 2)
		return unsupported(uri, e);
	return check_layers(manifest, uri, e);
}

/* Cuts "host:port/repo@digest" or "host:port/repo:tag". */
static int split(const struct local_config *config, const char *uri, char **ret_repository, const char **ret_reference, struct err *e)
{
	size_t len = strlen(config->registry);
	const char *name = uri + len + 1, *mark;

	if (strncmp(uri, config->registry, len) || uri[len] != '/')
		return err_set(e, ERR_INVALID, "Source image %s is not valid. Provide a valid source image.", uri);
	mark = strchr(name, '@');
	mark = mark ? mark : strchr(name, ':');
	if (!mark || mark == name || !mark[1] || strspn(mark + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-:") != strlen(mark + 1))
		return err_set(e, ERR_INVALID, "Source image %s is not valid. Provide a valid source image.", uri);
	*ret_repository = strndup(name, (size_t)(mark - name));
	*ret_reference = mark + 1;
	return *ret_repository ? 0 : err_nomem(e);
}

int manifest_check(const struct local_config *config, struct ecr *ecr, const char *uri, char **ret_resolved, struct err *e)
{
	CLEANUP_FREE char *repository = NULL;
	const char *reference = NULL;
	BUF_CLEANUP struct buf url = BUF_INIT, body = BUF_LIMITED(MANIFEST_MAX), resolved = BUF_INIT;
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char hex[65];
	long status = 0;

	if (split(config, uri, &repository, &reference, e) < 0)
		return -1;
	if (!ecr_has(ecr, repository))
		return missing(uri, e);
	buf_printf(&url, "http://%s/v2/%s/manifests/%s", config->registry, repository, reference);
	if (url.failed || fetch(url.data, &body, &status, e) < 0)
		return url.failed ? err_nomem(e) : -1;
	if (status != 200)
		return status == 404 ? missing(uri, e) : err_set(e, ERR_UPSTREAM, "%s answered %ld", url.data, status);
	if (check_manifest(&body, uri, e) < 0)
		return -1;
	SHA256((const unsigned char *)body.data, body.len, digest);
	hex_encode(hex, digest, sizeof digest);
	buf_printf(&resolved, "%s/%s@sha256:%s", config->registry, repository, hex);
	*ret_resolved = buf_steal(&resolved);
	return *ret_resolved ? 0 : err_nomem(e);
}
