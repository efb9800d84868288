/*
 * POST /commit?container=&repo=&tag=&comment=&author=&changes=: an image of a
 * container: its image's layers, and what the container has written as one
 * or two more. Its config is the body's, changed by the instructions, filled up
 * from the container's. A container that runs stands still while its files are
 * read, unless pause=0. 201 with the image's id.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fcgi/container_files.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/cleanup.h"
#include "lib/docker/reference.h"
#include "lib/docker/time.h"
#include "lib/json.h"
#include "lib/registry/import.h"
#include "lib/registry/layer.h"

struct committing {
	struct request *req;
	struct container c;
	struct container_files files;
	struct reference reference;
	bool named;
	struct json_object *config; /* "config" of the new image */
	struct image image;
};

static void committing_free(struct committing *m)
{
	container_free(&m->c);
	container_files_close(&m->files);
	reference_free(&m->reference);
	json_object_put(m->config);
	image_free(&m->image);
}

static int read_name(struct committing *m, struct err *e)
{
	const char *repo = request_query(m->req, "repo", ""), *tag = request_query(m->req, "tag", NULL);

	if (!*repo)
		return 0;
	if (reference_parse_with_tag(repo, tag && *tag ? tag : NULL, &m->reference, e) < 0)
		return -1;
	if (m->reference.digest)
		return err_set(e, ERR_INVALID, "refusing to create a tag with a digest reference");
	m->named = true;
	return reference_default_tag(&m->reference, e);
}

static bool is_empty(struct json_object *v)
{
	if (!v)
		return true;
	if (json_object_is_type(v, json_type_array))
		return !json_object_array_length(v);
	if (json_object_is_type(v, json_type_object))
		return !json_object_object_length(v);
	return json_object_is_type(v, json_type_string) && !*json_object_get_string(v);
}

/* Members of `below` that `o`'s object of that name hasn't. */
static bool fill_object(struct json_object *o, const char *key, struct json_object *below)
{
	struct json_object *ours = json_obj(o, key), *theirs = json_obj(below, key);

	if (!theirs)
		return true;
	if (!ours) {
		ours = json_object_new_object();
		if (!ours || !json_add(o, key, ours))
			return false;
	}
	json_object_object_foreach(theirs, name, v)
		if (!json_object_object_get_ex(ours, name, NULL) && !json_add(ours, name, json_object_get(v)))
			return false;
	return true;
}

static bool has_variable(struct json_object *list, const char *variable)
{
	size_t len = strcspn(variable, "=");

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const char *at = json_object_get_string(json_object_array_get_idx(list, i));

		if (at && strcspn(at, "=") == len && !strncmp(at, variable, len))
			return true;
	}
	return false;
}

static bool fill_environment(struct json_object *o, struct json_object *below)
{
	struct json_object *ours = json_array(o, "Env"), *theirs = json_array(below, "Env");

	if (!ours) {
		ours = json_object_new_array();
		if (!ours || !json_add(o, "Env", ours))
			return false;
	}
	for (size_t i = 0; theirs && i < json_object_array_length(theirs); i++) {
		struct json_object *v = json_object_array_get_idx(theirs, i);
		const char *text = json_object_get_string(v);

		if (text && !has_variable(ours, text) && json_object_array_add(ours, json_object_get(v)) < 0)
			return false;
	}
	return true;
}

static bool fill(struct json_object *o, const char *key, struct json_object *below)
{
	struct json_object *v = json_get(below, key);

	return !is_empty(json_get(o, key)) || !v || json_add(o, key, json_object_get(v));
}

/* As dockerd merges the container's config under what the client gave. */
static bool fill_up(struct json_object *o, struct json_object *below)
{
	static const char *const plain[] = { "User", "WorkingDir", "Healthcheck", "StopSignal", "Shell" };
	static const char *const objects[] = { "ExposedPorts", "Labels", "Volumes" };

	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		if (!fill(o, plain[i], below))
			return false;
	for (size_t i = 0; i < sizeof objects / sizeof *objects; i++)
		if (!fill_object(o, objects[i], below))
			return false;
	/* An entry point of its own goes without the command that was made for another. */
	if (is_empty(json_get(o, "Entrypoint")) && (!fill(o, "Cmd", below) || !fill(o, "Entrypoint", below)))
		return false;
	return fill_environment(o, below);
}

static int make_inner(struct committing *m, struct err *e)
{
	CLEANUP_JSON struct json_object *below = NULL;
	const char *change;
	size_t position = 0;

	if (request_json(m->req, true, &m->config, e) < 0)
		return -1;
	if (!m->config && !(m->config = json_object_new_object()))
		return err_nomem(e);
	while ((change = request_query_next(m->req, "changes", &position)))
		if (*change && image_change(m->config, change, e) < 0)
			return -1;
	if (json_parse(m->c.config, strlen(m->c.config), &below, e) < 0)
		return -1;
	return fill_up(m->config, below) ? 0 : err_nomem(e);
}

static int write_layer(void *arg, const char *path, struct err *e)
{
	CLEANUP_FCLOSE FILE *f = fopen(path, "re");
	char data[65536];
	size_t n;

	if (!f)
		return err_set(e, ERR_INTERNAL, "%s can't be read", path);
	while ((n = fread(data, 1, sizeof data, f)) > 0)
		if (layer_write(arg, data, n, e) < 0)
			return -1;
	return ferror(f) ? err_set(e, ERR_INTERNAL, "%s can't be read", path) : 0;
}

static int push_layer(struct committing *m, const char *path, struct err *e)
{
	struct layer_writer *w;

	if (m->image.n_layers == IMAGE_LAYERS_MAX)
		return err_set(e, ERR_INTERNAL, "max depth exceeded");
	if (layer_begin(m->files.registry, 0, &w, e) < 0)
		return -1;
	if (write_layer(w, path, e) < 0) {
		layer_abort(w);
		return -1;
	}
	if (layer_commit(w, &m->image.layers[m->image.n_layers], e) < 0)
		return -1;
	m->image.n_layers++;
	return 0;
}

/* A tar without a member is no change. */
static bool has_members(const char *path)
{
	LAYER_INDEX_CLEANUP struct layer_index *index = NULL;

	return *path && layer_index_of_file(path, &index, NULL) == 0 && index->n;
}

static int push_layers(struct committing *m, size_t *ret_new, struct err *e)
{
	const struct image *base = &m->files.image;

	m->image.layers = calloc(base->n_layers + CONTAINER_LAYERS, sizeof *m->image.layers);
	if (!m->image.layers)
		return err_nomem(e);
	memcpy(m->image.layers, base->layers, base->n_layers * sizeof *base->layers);
	m->image.n_layers = base->n_layers;
	for (int i = 0; i < CONTAINER_LAYERS; i++)
		if (has_members(m->files.layers[i]) && push_layer(m, m->files.layers[i], e) < 0)
			return -1;
	*ret_new = m->image.n_layers - base->n_layers;
	return 0;
}

/* The words of the command that ran. */
static char *command(const struct container *c)
{
	CLEANUP_JSON struct json_object *args = NULL;
	BUF_CLEANUP struct buf b = BUF_INIT;

	if (json_parse(c->args, strlen(c->args), &args, NULL) == 0 && json_object_is_type(args, json_type_array))
		for (size_t i = 0; i < json_object_array_length(args); i++)
			buf_printf(&b, "%s%s", i ? " " : "", json_object_get_string(json_object_array_get_idx(args, i)));
	return buf_steal(&b);
}

/* An entry for each new layer; one that says that there is none, if so. */
static bool add_history(struct committing *m, struct json_object *config, const char *created, size_t layers)
{
	CLEANUP_FREE char *words = command(&m->c);
	struct json_object *history = json_array(config, "history");

	if (!history) {
		history = json_object_new_array();
		if (!history || !json_add(config, "history", history))
			return false;
	}
	for (size_t i = 0; i < (layers ? layers : 1); i++) {
		struct json_object *o = json_object_new_object();

		if (!o || json_object_array_add(history, o) < 0 || !json_add_str(o, "created", created) ||
		    !json_add_str(o, "author", request_query(m->req, "author", "")) || !json_add_str(o, "created_by", words ? words : "") ||
		    !json_add_str(o, "comment", request_query(m->req, "comment", "")) || (!layers && !json_add_bool(o, "empty_layer", true)))
			return false;
	}
	return true;
}

static int make_config(struct committing *m, size_t layers, struct err *e)
{
	struct json_object *config = NULL;
	char created[TIME_TEXT_MAX];

	if (json_object_deep_copy(m->files.image.config, &config, NULL) != 0)
		return err_nomem(e);
	m->image.config = config;
	time_format(created, time_now());
	json_object_object_del(config, "container_config");
	if (!json_add(config, "config", json_object_get(m->config)) || !json_add_str(config, "created", created) ||
	    !json_add_str(config, "author", request_query(m->req, "author", "")) ||
	    !json_add_str(config, "comment", request_query(m->req, "comment", "")) || !json_add_str(config, "container", m->c.id) ||
	    !add_history(m, config, created, layers))
		return err_nomem(e);
	return 0;
}

static int commit_event(struct committing *m, const char *shown, struct err *e)
{
	struct json_object *attributes = json_object_new_object();

	if (!attributes || !json_add_str(attributes, "comment", request_query(m->req, "comment", "")) ||
	    !json_add_str(attributes, "imageID", m->image.id) || !json_add_str(attributes, "imageRef", shown)) {
		json_object_put(attributes);
		return err_nomem(e);
	}
	return container_event(m->req, &m->c, "commit", attributes, e);
}

/* dockerd's order; the container stood still while its files were read, and goes on already. */
static int keep_all(struct committing *m, const char *full, const char *shown, struct err *e)
{
	struct store *s = m->req->store;
	bool paused = m->files.pause && m->c.state == STATE_RUNNING;

	if ((paused && container_event(m->req, &m->c, "pause", NULL, e) < 0) ||
	    image_keep(s, m->req->tenant, &m->image, full, NULL, e) < 0 ||
	    (full && image_tag_event(s, m->req->tenant, full, shown, m->image.id, m->image.config, e) < 0) ||
	    commit_event(m, shown, e) < 0 || (paused && container_event(m->req, &m->c, "unpause", NULL, e) < 0))
		return -1;
	return 0;
}

static int keep(struct committing *m, struct err *e)
{
	struct store *s = m->req->store;
	CLEANUP_FREE char *full = m->named ? reference_full(&m->reference) : NULL;
	CLEANUP_FREE char *shown = m->named ? reference_familiar(&m->reference) : NULL;

	if (m->named && (!full || !shown))
		return err_nomem(e);
	if (store_begin(s, e) < 0)
		return -1;
	if (keep_all(m, full, shown ? shown : "", e) < 0) {
		store_rollback(s);
		return -1;
	}
	return store_commit(s, e);
}

int route_container_commit(struct request *req, struct err *e)
{
	__attribute__((cleanup(committing_free))) struct committing m = { .req = req, .files = CONTAINER_FILES_INIT };
	CLEANUP_JSON struct json_object *body = json_object_new_object();
	size_t layers = 0;

	m.files.pause = request_flag(req, "pause", true);
	if (container_find(req, request_query(req, "container", ""), &m.c, e) < 0 || read_name(&m, e) < 0 || make_inner(&m, e) < 0 ||
	    container_files_open(req, &m.c, false, &m.files, e) < 0 || push_layers(&m, &layers, e) < 0 || make_config(&m, layers, e) < 0 ||
	    image_seal(&m.image, e) < 0 || image_push(m.files.registry, &m.image, NULL, e) < 0 || keep(&m, e) < 0)
		return -1;
	if (!body || !json_add_str(body, "Id", m.image.id))
		return err_nomem(e);
	return reply_json(req, 201, body);
}
