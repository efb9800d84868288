/*
 * GET /containers/{id}/changes: `docker diff`. Of a container that runs the
 * agent tells; else its own layers are compared with its image's files.
 * Directories above a change are told as changed. null if there is none.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fcgi/container_files.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/json.h"

enum kind { KIND_CHANGED, KIND_ADDED, KIND_DELETED };

struct change {
	char *path;
	enum kind kind;
	size_t order; /* of two of one path the later one counts */
};

struct changes {
	const struct rootfs *image;
	struct change *list;
	size_t n;
};

static void changes_free(struct changes *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->list[i].path);
	free(c->list);
}

static bool in_image(const struct changes *c, const char *path)
{
	const struct rootfs_node *node;

	return rootfs_find(c->image, path, false, &node, NULL) == 0;
}

static int add(struct changes *c, const char *path, size_t len, bool deleted, struct err *e)
{
	struct change *more = c->n % 256 ? c->list : reallocarray(c->list, c->n + 256, sizeof *more);
	struct change *new;

	if (!more)
		return err_nomem(e);
	c->list = more;
	new = &c->list[c->n];
	*new = (struct change){ .order = c->n };
	if (asprintf(&new->path, "/%.*s", (int)len, path) < 0)
		return err_nomem(e);
	c->n++;
	new->kind = deleted ? KIND_DELETED : in_image(c, new->path) ? KIND_CHANGED : KIND_ADDED;
	return 0;
}

static int add_entry(struct changes *c, const struct layer_entry *entry, struct err *e)
{
	if (entry->type == LAYER_OTHER || entry->type == LAYER_OPAQUE || !*entry->path)
		return 0;
	for (const char *at = entry->path; (at = strchr(at, '/')); at++)
		if (add(c, entry->path, (size_t)(at - entry->path), false, e) < 0)
			return -1;
	return add(c, entry->path, strlen(entry->path), entry->type == LAYER_WHITEOUT, e);
}

static int add_layer(struct changes *c, const char *path, struct err *e)
{
	LAYER_INDEX_CLEANUP struct layer_index *index = NULL;

	if (layer_index_of_file(path, &index, e) < 0)
		return -1;
	for (size_t i = 0; i < index->n; i++)
		if (add_entry(c, &index->entries[i], e) < 0)
			return -1;
	return 0;
}

static int by_path(const void *a, const void *b)
{
	const struct change *x = a, *y = b;
	int order = strcmp(x->path, y->path);

	return order ? order : (x->order < y->order) - (x->order > y->order);
}

static struct json_object *list(struct changes *c)
{
	CLEANUP_JSON struct json_object *all = json_object_new_array();

	if (c->n)
		qsort(c->list, c->n, sizeof *c->list, by_path);
	for (size_t i = 0; all && i < c->n; i++) {
		struct json_object *o;

		if (i && !strcmp(c->list[i].path, c->list[i - 1].path))
			continue;
		/* What came and went within the container isn't told. */
		if (c->list[i].kind == KIND_DELETED && !in_image(c, c->list[i].path))
			continue;
		o = json_object_new_object();
		if (!o || json_object_array_add(all, o) < 0 || !json_add(o, "Path", json_string(c->list[i].path)) ||
		    !json_add_int(o, "Kind", c->list[i].kind))
			return NULL;
	}
	return all ? json_object_get(all) : NULL;
}

static int answer(struct request *req, const struct container *c, struct err *e)
{
	CONTAINER_FILES_CLEANUP struct container_files f = CONTAINER_FILES_INIT;
	__attribute__((cleanup(changes_free))) struct changes changes = { 0 };
	CLEANUP_JSON struct json_object *all = NULL;

	if (!container_layer_size(req, c->id))
		return reply_json(req, 200, NULL);
	if (container_files_open(req, c, false, &f, e) < 0)
		return -1;
	changes.image = f.fs;
	for (int i = 0; i < CONTAINER_LAYERS; i++)
		if (*f.layers[i] && add_layer(&changes, f.layers[i], e) < 0)
			return -1;
	all = list(&changes);
	if (!all)
		return err_nomem(e);
	return reply_json(req, 200, json_object_array_length(all) ? all : NULL);
}

int route_container_changes(struct request *req, struct err *e)
{
	CONTAINER_CLEANUP struct container c = { 0 };
	char path[4096];

	if (container_find(req, req->name, &c, e) < 0)
		return -1;
	container_layer_path(req, c.id, CONTAINER_IMAGE, path, sizeof path);
	if (!container_runs(&c) || access(path, F_OK) == 0)
		return answer(req, &c, e);
	return container_handover(req, "/.gateway/http/task/", c.id, "task", "changes", "name", req->name);
}
