#include "fcgi/create_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/image_platform.h"
#include "fcgi/image_registry.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/registry/derive.h"

static int derive(struct request *req, const struct image_row *row, const struct derive_wish *w, const char *key, char **ret_uri,
		  struct json_object **ret_warnings, struct err *e)
{
	REGISTRY_CLEANUP struct registry *to = NULL;
	REGISTRY_CLEANUP struct registry *from = NULL;
	IMAGE_CLEANUP struct image base = { 0 };
	CLEANUP_FREE char *uri = NULL;
	CLEANUP_JSON struct json_object *warnings = NULL;

	if (image_registry_open(req, true, &to, e) < 0 || image_registry_open(req, false, &from, e) < 0)
		return -1;
	if (image_fetch(to, row->manifest_digest, image_config_architecture(row->config), &base, e) < 0 ||
	    derive_image(to, from, &base, w, &uri, &warnings, e) < 0)
		return -1;
	if (store_run(req->store, QUERY_DERIVED_SET, e, "ttttti", req->tenant, key, row->id, uri, json_text(warnings), time_now()) < 0)
		return -1;
	*ret_uri = STEAL(uri);
	*ret_warnings = STEAL(warnings);
	return 0;
}

/* 1: it was made before, 0: it is to be made. */
static int find_made(struct request *req, const char *key, char **ret_uri, struct json_object **ret_warnings, struct err *e)
{
	int rc = store_row(req->store, QUERY_DERIVED_GET, e, "tt", req->tenant, key);
	const char *text;

	if (rc <= 0)
		return rc;
	text = store_text(req->store, QUERY_DERIVED_GET, 1);
	*ret_uri = strdup(store_text(req->store, QUERY_DERIVED_GET, 0));
	if (json_parse(text, strlen(text), ret_warnings, e) < 0)
		rc = -1;
	store_reset(req->store, QUERY_DERIVED_GET);
	return rc > 0 && !*ret_uri ? err_nomem(e) : rc;
}

static int tell(struct create *c, struct json_object *warnings, struct err *e)
{
	for (size_t i = 0; i < json_object_array_length(warnings); i++)
		if (create_warn(c, json_object_get_string(json_object_array_get_idx(warnings, i)), e) < 0)
			return -1;
	return 0;
}

/* What stands in the image is executed by functions of its own architecture. */
static int choose_agent(struct request *req, const struct image_row *row, struct derive_wish *w, struct err *e)
{
	const char *architecture = image_config_architecture(row->config);

	w->agent_path = image_platform_agent(req->settings, architecture);
	if (!w->agent_path)
		return image_platform_refuse(req->settings, architecture, e);
	if (w->fake_root && w->agent_path != req->settings->agent_path)
		return err_set(e, ERR_NOT_SUPPORTED, "%s=fake is not supported for linux/%s", CREATE_LABEL_ROOT, architecture);
	return 0;
}

int create_derive(struct request *req, const struct image_row *row, struct create *c, char **ret_uri, struct err *e)
{
	CREATE_WRITABLE_CLEANUP struct create_writable writable = { 0 };
	CLEANUP_JSON struct json_object *warnings = NULL;
	char key[DERIVE_KEY_SIZE];
	int rc;

	if (create_writable(c, req->settings, &writable, e) < 0 || choose_agent(req, row, &writable.wish, e) < 0)
		return -1;
	if (derive_key(row->id, &writable.wish, key, e) < 0)
		return err_prefix(e, "the agent that is put into images (SOCKERLESS_AGENT_PATH)");
	/* First: what is in use is not swept from now on. */
	if (store_run(req->store, QUERY_DERIVED_USED, e, "itt", time_now(), req->tenant, key) < 0)
		return -1;
	rc = find_made(req, key, ret_uri, &warnings, e);
	if (rc == 0)
		rc = derive(req, row, &writable.wish, key, ret_uri, &warnings, e);
	else if (rc < 0)
		return -1;
	if (rc >= 0)
		return tell(c, warnings, e);
	/* A 404 would make clients pull the image. */
	if (e->kind == ERR_NOT_FOUND)
		e->kind = ERR_UPSTREAM;
	return err_prefix(e, "making the Lambda form of the image (remove and pull it again if its blobs are gone)");
}
