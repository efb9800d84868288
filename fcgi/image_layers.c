#include "fcgi/image_layers.h"

#include <stdio.h>
#include <string.h>

#include "lib/json.h"
#include "lib/registry/digest.h"

/* Chain id of a layer: digest of "<chain id below> <diff id>". */
static int chain_next(char chain[DIGEST_SIZE], const char *diff_id, struct err *e)
{
	char text[2 * DIGEST_SIZE + 2];

	if (!*chain) {
		snprintf(chain, DIGEST_SIZE, "%s", diff_id);
		return 0;
	}
	snprintf(text, sizeof text, "%s %.*s", chain, DIGEST_SIZE - 1, diff_id);
	return digest_of(text, strlen(text), chain, e);
}

static struct json_object *diff_ids(struct json_object *config)
{
	return json_array(json_obj(config, "rootfs"), "diff_ids");
}

/* Adds the chain ids of a config to `chains`, in order. */
static int collect(struct json_object *config, struct json_object *chains, struct err *e)
{
	struct json_object *ids = diff_ids(config);
	char chain[DIGEST_SIZE] = "";

	for (size_t i = 0; ids && i < json_object_array_length(ids); i++) {
		const char *id = json_object_get_string(json_object_array_get_idx(ids, i));

		if (chain_next(chain, id ? id : "", e) < 0)
			return -1;
		if (!json_add(chains, chain, NULL))
			return err_nomem(e);
	}
	return 0;
}

static int collect_others(struct request *req, struct json_object *chains, struct err *e)
{
	int rc;

	if (store_query(req->store, QUERY_IMAGE_ALL, e, "t", req->tenant) < 0)
		return -1;
	while ((rc = store_step(req->store, QUERY_IMAGE_ALL, e)) > 0) {
		CLEANUP_JSON struct json_object *config = NULL;
		const char *text = store_text(req->store, QUERY_IMAGE_ALL, 1);

		if (json_parse(text, strlen(text), &config, e) < 0 || collect(config, chains, e) < 0) {
			store_reset(req->store, QUERY_IMAGE_ALL);
			return -1;
		}
	}
	return rc;
}

int image_layers_deleted(struct request *req, struct json_object *config, struct json_object *records, struct err *e)
{
	CLEANUP_JSON struct json_object *others = json_object_new_object();
	CLEANUP_JSON struct json_object *ours = json_object_new_object();
	CLEANUP_JSON struct json_object *list = json_object_new_array();

	if (!others || !ours || !list)
		return err_nomem(e);
	if (collect_others(req, others, e) < 0 || collect(config, ours, e) < 0)
		return -1;
	json_object_object_foreach(ours, chain, unused) {
		struct json_object *text = json_object_new_string(chain);

		(void)unused;
		if (!text || json_object_array_add(list, text) < 0)
			return err_nomem(e);
	}
	for (size_t i = json_object_array_length(list); i-- > 0;) {
		struct json_object *text = json_object_array_get_idx(list, i);
		struct json_object *o;

		if (json_object_object_get_ex(others, json_object_get_string(text), NULL))
			break;
		o = json_object_new_object();
		if (!o || !json_add(o, "Deleted", json_object_get(text)) || json_object_array_add(records, o) < 0)
			return err_nomem(e);
	}
	return 0;
}
