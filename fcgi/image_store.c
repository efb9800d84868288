#include "fcgi/image_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/ids.h"
#include "lib/json.h"

void image_row_free(struct image_row *r)
{
	json_object_put(r->config);
	free(r->config_text);
	memset(r, 0, sizeof *r);
}

static int read_row(struct store *s, struct image_row *ret, struct err *e)
{
	struct image_row r = { 0 };

	snprintf(r.id, sizeof r.id, "%s", store_text(s, QUERY_IMAGE_GET, 0));
	r.config_text = strdup(store_text(s, QUERY_IMAGE_GET, 1));
	snprintf(r.manifest_digest, sizeof r.manifest_digest, "%s", store_text(s, QUERY_IMAGE_GET, 2));
	r.size = store_int(s, QUERY_IMAGE_GET, 3);
	r.pulled_at = store_int(s, QUERY_IMAGE_GET, 4);
	snprintf(r.manifest_type, sizeof r.manifest_type, "%s", store_text(s, QUERY_IMAGE_GET, 5));
	r.manifest_size = store_int(s, QUERY_IMAGE_GET, 6);
	if (!r.config_text)
		return err_nomem(e);
	if (json_parse(r.config_text, strlen(r.config_text), &r.config, e) < 0) {
		image_row_free(&r);
		return err_set(e, ERR_INTERNAL, "the stored config of an image is no JSON");
	}
	*ret = r;
	return 1;
}

int image_load(struct store *s, const char *tenant, const char *id, struct image_row *ret, struct err *e)
{
	int rc = store_row(s, QUERY_IMAGE_GET, e, "tt", tenant, id);

	if (rc > 0)
		rc = read_row(s, ret, e);
	store_reset(s, QUERY_IMAGE_GET);
	return rc;
}

/* 1: ret_id is filled. */
static int find_name(struct store *s, const char *tenant, const struct reference *r, char ret_id[DIGEST_SIZE], struct err *e)
{
	CLEANUP_FREE char *full = NULL;
	int rc;

	if (r->digest) {
		CLEANUP_FREE char *name = reference_name(r);

		if (!name || asprintf(&full, "%s@%s", name, r->digest) < 0)
			return err_nomem(e);
	} else {
		full = reference_full(r);
	}
	if (!full)
		return err_nomem(e);
	rc = store_row(s, QUERY_IMAGE_REFERENCE_GET, e, "tt", tenant, full);
	if (rc > 0)
		snprintf(ret_id, DIGEST_SIZE, "%s", store_text(s, QUERY_IMAGE_REFERENCE_GET, 0));
	store_reset(s, QUERY_IMAGE_REFERENCE_GET);
	return rc;
}

static const char *bare_hex(const char *text)
{
	return strncmp(text, "sha256:", 7) == 0 ? text + 7 : text;
}

/* 1: exactly one image's id begins so. */
static int find_prefix(struct store *s, const char *tenant, const char *text, char ret_id[DIGEST_SIZE], struct err *e)
{
	const char *hex = bare_hex(text);
	char from[DIGEST_SIZE], to[DIGEST_SIZE + 1];
	int rows = 0, rc;

	if (!hex_is(hex, ID_HEX_LEN))
		return 0;
	snprintf(from, sizeof from, "sha256:%s", hex);
	/* 'g' follows every hex digit. */
	snprintf(to, sizeof to, "%sg", from);
	if (store_query(s, QUERY_IMAGE_BY_PREFIX, e, "ttt", tenant, from, to) < 0)
		return -1;
	while ((rc = store_step(s, QUERY_IMAGE_BY_PREFIX, e)) > 0 && rows++ == 0)
		snprintf(ret_id, DIGEST_SIZE, "%s", store_text(s, QUERY_IMAGE_BY_PREFIX, 0));
	store_reset(s, QUERY_IMAGE_BY_PREFIX);
	return rc < 0 ? -1 : rows == 1;
}

static int not_found(const char *text, struct reference *r, struct err *e)
{
	CLEANUP_FREE char *shown = NULL;

	if (!r)
		return err_set(e, ERR_NOT_FOUND, "No such image: %s", text);
	if (!r->digest && reference_default_tag(r, e) < 0)
		return -1;
	shown = reference_familiar(r);
	return err_set(e, ERR_NOT_FOUND, "No such image: %s", shown ? shown : text);
}

/* 64 hex digits, with or without sha256:, are an id and no name. */
static bool is_whole_id(const char *text)
{
	return strlen(bare_hex(text)) == ID_HEX_LEN && hex_is(bare_hex(text), ID_HEX_LEN);
}

/* 1: ret_id is filled. `r` gets the reference, unless text is an id. */
static int find_id(struct store *s, const char *tenant, const char *text, struct reference *r, char ret_id[DIGEST_SIZE], struct err *e)
{
	int rc = 0;

	if (!is_whole_id(text)) {
		if (reference_parse(text, r, e) < 0)
			return -1;
		if (!r->digest && !r->tag && reference_default_tag(r, e) < 0)
			return -1;
		rc = find_name(s, tenant, r, ret_id, e);
	}
	return rc ? rc : find_prefix(s, tenant, text, ret_id, e);
}

int image_id_of(struct store *s, const char *tenant, const char *text, char ret_id[DIGEST_SIZE], struct err *e)
{
	REFERENCE_CLEANUP struct reference r = { 0 };
	int rc = find_id(s, tenant, text, &r, ret_id, e);

	return rc < 0 && e->kind == ERR_INVALID ? 0 : rc;
}

int image_find(struct store *s, const char *tenant, const char *text, struct image_row *ret, struct err *e)
{
	REFERENCE_CLEANUP struct reference r = { 0 };
	char id[DIGEST_SIZE] = "";
	bool whole = is_whole_id(text);
	int rc = find_id(s, tenant, text, &r, id, e);

	if (rc > 0)
		rc = image_load(s, tenant, id, ret, e);
	if (rc < 0)
		return -1;
	if (rc == 0 && whole)
		return err_set(e, ERR_NOT_FOUND, "No such image: sha256:%s", bare_hex(text));
	return rc ? 0 : not_found(text, &r, e);
}

bool image_is_id_prefix(const char *id, const char *text)
{
	const char *hex = bare_hex(text);

	return *hex && hex_is(hex, ID_HEX_LEN) && strncmp(id + 7, hex, strlen(hex)) == 0;
}

int image_names(struct store *s, const char *tenant, const char *id, struct json_object **ret, struct err *e)
{
	CLEANUP_JSON struct json_object *list = json_object_new_array();
	int rc;

	if (!list)
		return err_nomem(e);
	if (store_query(s, QUERY_IMAGE_REFERENCES, e, "tt", tenant, id) < 0)
		return -1;
	while ((rc = store_step(s, QUERY_IMAGE_REFERENCES, e)) > 0) {
		struct json_object *v = json_object_new_string(store_text(s, QUERY_IMAGE_REFERENCES, 0));

		if (!v || json_object_array_add(list, v) < 0) {
			store_reset(s, QUERY_IMAGE_REFERENCES);
			return err_nomem(e);
		}
	}
	if (rc < 0)
		return -1;
	*ret = STEAL(list);
	return 0;
}

int image_tags(struct store *s, const char *tenant, const char *name, const char *tag, struct json_object **ret, struct err *e)
{
	CLEANUP_JSON struct json_object *list = json_object_new_array();
	CLEANUP_FREE char *begin = NULL;
	CLEANUP_FREE char *end = NULL;
	int rc;

	if (!list)
		return err_nomem(e);
	/* ';' follows ':', and no tag holds '!' or what comes before it. */
	if (asprintf(&begin, "%s:%s", name, tag ? tag : "") < 0 || asprintf(&end, tag ? "%s:%s!" : "%s;", name, tag) < 0)
		return err_nomem(e);
	if (store_query(s, QUERY_IMAGE_REFERENCES_BETWEEN, e, "ttt", tenant, begin, end) < 0)
		return -1;
	while ((rc = store_step(s, QUERY_IMAGE_REFERENCES_BETWEEN, e)) > 0) {
		struct json_object *text = json_object_new_string(store_text(s, QUERY_IMAGE_REFERENCES_BETWEEN, 0));

		if (!text || json_object_array_add(list, text) < 0) {
			store_reset(s, QUERY_IMAGE_REFERENCES_BETWEEN);
			return err_nomem(e);
		}
	}
	if (rc < 0)
		return -1;
	*ret = STEAL(list);
	return 0;
}

int image_layers_known(struct store *s, const char *tenant, struct image *i, struct err *e)
{
	int rc;

	if (store_query(s, QUERY_IMAGE_LAYERS, e, "tt", tenant, i->id) < 0)
		return -1;
	for (size_t n = 0; (rc = store_step(s, QUERY_IMAGE_LAYERS, e)) > 0 && n < i->n_layers; n++)
		if (strcmp(store_text(s, QUERY_IMAGE_LAYERS, 1), i->layers[n].digest) == 0)
			i->layers[n].unpacked = store_int(s, QUERY_IMAGE_LAYERS, 3);
	store_reset(s, QUERY_IMAGE_LAYERS);
	return rc < 0 ? -1 : 0;
}

char *image_familiar(const char *reference)
{
	REFERENCE_CLEANUP struct reference r = { 0 };
	struct err e;

	if (reference_parse(reference, &r, &e) < 0)
		return strdup(reference);
	return reference_familiar(&r);
}

bool image_is_digest(const char *reference)
{
	return strchr(reference, '@') != NULL;
}

int image_keep(struct store *s, const char *tenant, const struct image *i, const char *tag_reference, const char *digest_reference, struct err *e)
{
	const char *names[] = { tag_reference, digest_reference };

	if (store_run(s, QUERY_IMAGE_ADD, e, "ttttiiti", tenant, i->id, i->config_text, i->digest, i->size, time_now(), i->manifest_type,
		      (int64_t)i->manifest_len) < 0)
		return -1;
	if (store_run(s, QUERY_GARBAGE_FORGET, e, "tt", tenant, i->digest) < 0)
		return -1;
	for (size_t n = 0; n < i->n_layers; n++) {
		const struct image_layer *l = &i->layers[n];

		if (store_run(s, QUERY_IMAGE_LAYER_SET, e, "ttittii", tenant, i->id, (int64_t)n, l->diff_id, l->digest, l->size, l->unpacked) < 0)
			return -1;
	}
	for (int n = 0; n < 2; n++)
		if (names[n] && store_run(s, QUERY_IMAGE_REFERENCE_SET, e, "ttt", tenant, names[n], i->id) < 0)
			return -1;
	return 0;
}

int image_event(struct store *s, const char *tenant, const char *action, const char *actor, const char *name, struct json_object *config, struct err *e)
{
	struct json_object *labels = json_obj(json_obj(config, "config"), "Labels");
	CLEANUP_JSON struct json_object *attributes = json_object_new_object();

	if (!attributes)
		return err_nomem(e);
	if (labels) {
		json_object_object_foreach(labels, key, v)
			if (json_object_is_type(v, json_type_string) && !json_add(attributes, key, json_object_get(v)))
				return err_nomem(e);
	}
	if (!json_add_str(attributes, "name", name))
		return err_nomem(e);
	return store_run(s, QUERY_EVENT_ADD, e, "titttt", tenant, time_now(), "image", action, actor, json_text(attributes)) < 0 ? -1 : 0;
}

int image_tag_event(struct store *s, const char *tenant, const char *full, const char *shown, const char *id, struct json_object *config, struct err *e)
{
	if (store_run(s, QUERY_IMAGE_REFERENCE_TAGGED, e, "itt", time_now(), tenant, full) < 0)
		return -1;
	return image_event(s, tenant, "tag", id, shown, config, e);
}

int64_t image_created(struct json_object *config)
{
	const char *text = json_str(config, "created", "");
	struct tm t = { 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &t);
	int hours = 0, minutes = 0;
	time_t at;

	if (!rest)
		return 0;
	rest += strcspn(rest, "Z+-");
	if (*rest == '+' || *rest == '-')
		if (sscanf(rest + 1, "%2d:%2d", &hours, &minutes) != 2)
			return 0;
	at = timegm(&t) - (*rest == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	/* Go's zero time is shown as such. */
	return at;
}
