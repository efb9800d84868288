#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/registry/derive.h"

#define EPOCH "1970-01-01T00:00:00Z"
#define NOTES "sockerless.notes"

static struct json_object *history_entry(const char *created_by)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();

	return o && json_add_str(o, "created", EPOCH) && json_add_str(o, "created_by", created_by) ? STEAL(o) : NULL;
}

static size_t count_layers(struct json_object *history)
{
	size_t n = 0;

	for (size_t i = 0; history && i < json_object_array_length(history); i++)
		n += !json_flag(json_object_array_get_idx(history, i), "empty_layer", false);
	return n;
}

/* Lambda wants one entry for each layer: a history that doesn't fit is replaced by a plain one. */
static int extend_history(struct json_object *config, struct err *e)
{
	static const char *const added[DERIVE_LAYERS] = { "sockerless agent", "sockerless files" };
	struct json_object *ids = json_path(config, "rootfs", "diff_ids", NULL);
	struct json_object *history = json_array(config, "history");
	struct json_object *entry;
	size_t n = ids && json_object_is_type(ids, json_type_array) ? json_object_array_length(ids) : 0;

	if (count_layers(history) != n || !history) {
		history = json_object_new_array();
		if (!history || !json_add(config, "history", history))
			return err_nomem(e);
		for (size_t i = 0; i < n; i++) {
			entry = history_entry("layer");
			if (!entry || json_object_array_add(history, entry) < 0)
				return err_nomem(e);
		}
	}
	for (size_t i = 0; i < DERIVE_LAYERS; i++) {
		entry = history_entry(added[i]);
		if (!entry || json_object_array_add(history, entry) < 0)
			return err_nomem(e);
	}
	return 0;
}

static int set_entrypoint(struct json_object *config, struct err *e)
{
	struct json_object *inner = json_obj(config, "config");
	struct json_object *entry_point = json_object_new_array();

	if (!entry_point || json_object_array_add(entry_point, json_object_new_string(DERIVE_AGENT)) < 0) {
		json_object_put(entry_point);
		return err_nomem(e);
	}
	if (!inner) {
		inner = json_object_new_object();
		if (!inner || !json_add(config, "config", inner)) {
			json_object_put(entry_point);
			return err_nomem(e);
		}
	}
	json_object_object_del(inner, "Cmd");
	if (!json_add(inner, "Entrypoint", entry_point) || !json_add_str(inner, "WorkingDir", "/"))
		return err_nomem(e);
	return 0;
}

/* What a later create of the same is to tell stands in a label of the image. */
static int set_notes(struct json_object *config, struct json_object *notes, struct err *e)
{
	struct json_object *inner = json_obj(config, "config"), *labels = json_obj(inner, "Labels");

	if (!notes || json_object_array_length(notes) == 0)
		return 0;
	if (!labels) {
		labels = json_object_new_object();
		if (!labels || !json_add(inner, "Labels", labels))
			return err_nomem(e);
	}
	return json_add_str(labels, NOTES, json_text(notes)) ? 0 : err_nomem(e);
}

struct json_object *derive_config_notes(struct json_object *config)
{
	const char *text = json_str(json_path(config, "config", "Labels", NULL), NOTES, "[]");
	struct json_object *notes = NULL;

	if (json_parse(text, strlen(text), &notes, NULL) == 0 && json_object_is_type(notes, json_type_array))
		return notes;
	json_object_put(notes);
	return json_object_new_array();
}

int derive_config(struct json_object *base, struct json_object *notes, struct json_object **ret, struct err *e)
{
	CLEANUP_JSON struct json_object *config = NULL;

	if (json_object_deep_copy(base, &config, NULL) != 0)
		return err_nomem(e);
	/* What old builders left about a container of theirs. */
	json_object_object_del(config, "container");
	json_object_object_del(config, "container_config");
	if (set_entrypoint(config, e) < 0 || extend_history(config, e) < 0 || set_notes(config, notes, e) < 0)
		return -1;
	*ret = STEAL(config);
	return 0;
}
