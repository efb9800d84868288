#include "fcgi/create_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/image_registry.h"
#include "lib/json.h"
#include "lib/registry/derive.h"

/* "x86_64" and "aarch64" are other words for amd64 and arm64. */
static const char *canonical(const char *architecture)
{
	if (strcmp(architecture, "aarch64") == 0)
		return "arm64";
	return image_architecture(architecture);
}

int create_platform(const struct image_row *row, const char *image, const char *platform, struct err *e)
{
	char os[64] = "linux", architecture[64] = "", rest[64] = "";
	const char *has_os = json_str(row->config, "os", "linux");
	const char *has = json_str(row->config, "architecture", "amd64");
	int parts;

	if (!platform || !*platform)
		return 0;
	parts = sscanf(platform, "%63[a-zA-Z0-9_.-]/%63[a-zA-Z0-9_.-]/%63[a-zA-Z0-9_.-]", os, architecture, rest);
	if (parts < 1 || platform[strspn(platform, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/")])
		return err_set(e, ERR_INVALID, "\"%s\" is an invalid OS component of \"%s\": OSAndVersion specifier component must match \"^([A-Za-z0-9_-]+)(?:\\\\(([A-Za-z0-9_.-]*)\\\\))?$\": invalid argument", platform, platform);
	if (parts == 1 && strcmp(os, "linux") != 0) {
		snprintf(architecture, sizeof architecture, "%s", os);
		strcpy(os, "linux");
	}
	if (strcmp(os, has_os) == 0 && (!*architecture || strcmp(canonical(architecture), has) == 0))
		return 0;
	return err_set(e, ERR_NOT_FOUND, "image with reference %s was found but does not match the specified platform: wanted %s, actual: %s/%s",
		       image, platform, has_os, has);
}

static int derive(struct request *req, const struct image_row *row, const char *key, char **ret_uri, struct err *e)
{
	REGISTRY_CLEANUP struct registry *registry = NULL;
	IMAGE_CLEANUP struct image base = { 0 };
	char *uri = NULL;

	if (image_registry_open(req, true, &registry, e) < 0)
		return -1;
	if (image_fetch(registry, row->manifest_digest, json_str(row->config, "architecture", "amd64"), &base, e) < 0 ||
	    derive_image(registry, &base, req->settings->agent_path, &uri, e) < 0)
		return -1;
	if (store_run(req->store, QUERY_DERIVED_SET, e, "tttti", req->tenant, key, row->id, uri, time_now()) < 0) {
		free(uri);
		return -1;
	}
	*ret_uri = uri;
	return 0;
}

int create_derive(struct request *req, const struct image_row *row, char **ret_uri, struct err *e)
{
	char key[DERIVE_KEY_SIZE];
	int rc;

	if (derive_key(row->id, req->settings->agent_path, key, e) < 0)
		return err_prefix(e, "the agent that is put into images (SOCKERLESS_AGENT_PATH)");
	/* First: what is in use is not swept from now on. */
	if (store_run(req->store, QUERY_DERIVED_USED, e, "itt", time_now(), req->tenant, key) < 0)
		return -1;
	rc = store_row(req->store, QUERY_DERIVED_GET, e, "tt", req->tenant, key);
	if (rc > 0) {
		*ret_uri = strdup(store_text(req->store, QUERY_DERIVED_GET, 0));
		store_reset(req->store, QUERY_DERIVED_GET);
		return *ret_uri ? 0 : err_nomem(e);
	}
	if (rc < 0)
		return -1;
	if (derive(req, row, key, ret_uri, e) == 0)
		return 0;
	/* A 404 would make clients pull the image. */
	if (e->kind == ERR_NOT_FOUND)
		e->kind = ERR_UPSTREAM;
	return err_prefix(e, "making the Lambda form of the image (remove and pull it again if its blobs are gone)");
}
