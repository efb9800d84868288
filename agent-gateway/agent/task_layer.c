/*
 * What the container has written: told (changes), sent to be kept (save), put
 * back before the next run (restore). Names are the container's; a layer is a
 * tar as the layers of images are, whiteouts included. Sockets are left out.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-gateway/agent/layer.h"
#include "agent-gateway/agent/pack.h"
#include "agent-gateway/agent/task.h"
#include "agent-gateway/agent/unpack.h"

#define HEADER 512

static int check(const struct layer *l)
{
	if (l->root && l->base)
		return 0;
	return task_fail(500, l->root ? "the container holds too many files to tell what it changed" : "the container has no writable files");
}

/* The directories above what changed, as Docker shows them too; each is told once. */
struct parents {
	char told[PATH_MAX];
};

/* Calls `tell` for each directory above `name` that wasn't told right before. */
static int tell_parents(struct parents *p, const char *name, int (*tell)(void *arg, const char *parent), void *arg)
{
	char parent[PATH_MAX];

	for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
		size_t len = (size_t)(slash - name);

		snprintf(parent, sizeof parent, "%.*s", (int)len, name);
		if (!strncmp(p->told, parent, len) && (!p->told[len] || p->told[len] == '/'))
			continue;
		snprintf(p->told, sizeof p->told, "%s", parent);
		if (tell(arg, parent) < 0)
			return -1;
	}
	return 0;
}

struct listing {
	struct json_object *list;
	struct parents parents;
};

static bool list(struct listing *l, const char *name, int kind)
{
	struct json_object *o = json_object_new_object();
	char path[PATH_MAX + 1];

	snprintf(path, sizeof path, "/%s", name);
	if (!o || json_object_array_add(l->list, o) < 0) {
		json_object_put(o);
		return false;
	}
	return json_add(o, "Path", json_string(path)) && json_add_int(o, "Kind", kind);
}

static int list_parent(void *arg, const char *parent)
{
	return list(arg, parent, SNAPSHOT_CHANGED) ? 0 : -1;
}

static int list_change(void *arg, const struct snapshot_change *c)
{
	struct listing *l = arg;
	char name[PATH_MAX];

	if (!layer_name(c->path, name, sizeof name))
		return 0;
	if (tell_parents(&l->parents, name, list_parent, l) < 0)
		return -1;
	/* It stands there already when something above it is told of. */
	if (c->kind == SNAPSHOT_CHANGED && S_ISDIR(c->st->st_mode))
		return list_parent(l, name) < 0 ? -1 : (snprintf(l->parents.told, sizeof l->parents.told, "%s", name), 0);
	if (c->kind == SNAPSHOT_ADDED && S_ISDIR(c->st->st_mode))
		snprintf(l->parents.told, sizeof l->parents.told, "%s", name);
	return list(l, name, c->kind) ? 0 : -1;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(json_str(*(struct json_object *const *)a, "Path", ""), json_str(*(struct json_object *const *)b, "Path", ""));
}

/* Directories may stand in it twice: what is elsewhere than /tmp comes between the names of /tmp. */
static int write_list(struct json_object *list)
{
	const char *last = NULL;

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *path = json_str(o, "Path", ""), *text = json_text(o);

		if (last && !strcmp(last, path))
			continue;
		if (task_write(last ? "," : "[", 1) < 0 || task_write(text, strlen(text)) < 0)
			return 1;
		last = path;
	}
	/* Docker's word for none. */
	return (last ? task_write("]\n", 2) : task_write("null\n", 5)) < 0;
}

int task_changes(struct json_object *open, const struct layer *layer)
{
	CLEANUP_JSON struct json_object *head = json_object_new_object();
	struct listing l = { .list = json_object_new_array() };
	int rc = check(layer);

	(void)open;
	if (!layer->root || !layer->base)
		return rc;
	if (!head || !l.list || !json_add_str(head, "type", "application/json"))
		return task_fail(500, "out of memory");
	if (snapshot_compare(layer->base, layer->root, list_change, &l) < 0)
		return task_fail(500, "the container's files can't be read");
	json_object_array_sort(l.list, by_path);
	if (task_head(200, head) < 0)
		return 1;
	return write_list(l.list);
}

struct saving {
	const struct layer *layer;
	struct pack pack;
	struct parents parents;
	uint64_t size, limit;
};

/* Before anything is sent: how much it is. */
static int measure(void *arg, const struct snapshot_change *c)
{
	struct saving *s = arg;

	s->size += HEADER;
	if (c->st && S_ISREG(c->st->st_mode))
		s->size += ((uint64_t)c->st->st_size + HEADER - 1) / HEADER * HEADER;
	return s->size > s->limit;
}

static int save_dir(void *arg, const char *parent)
{
	struct saving *s = arg;
	char place[PATH_MAX], name[PATH_MAX + 1], path[2 * PATH_MAX];
	struct stat st;

	snprintf(name, sizeof name, "/%s", parent);
	/* What stands above the directories that can be written is the image's, and so is /tmp's mode. */
	if (!layer_place(name, place, sizeof place) || !place[1])
		return 0;
	snprintf(path, sizeof path, "%s%s", s->layer->root, place);
	return lstat(path, &st) < 0 || !S_ISDIR(st.st_mode) ? 0 : pack_add(&s->pack, path, parent, &st);
}

static int save_whiteout(struct saving *s, const char *name)
{
	const char *slash = strrchr(name, '/');
	int dir = slash ? (int)(slash - name + 1) : 0;
	char mark[PATH_MAX + 8];

	snprintf(mark, sizeof mark, "%.*s.wh.%s", dir, name, name + dir);
	return pack_add_empty(&s->pack, mark);
}

static int save_change(void *arg, const struct snapshot_change *c)
{
	struct saving *s = arg;
	char name[PATH_MAX];

	if (!layer_name(c->path, name, sizeof name) || (c->st && S_ISSOCK(c->st->st_mode)))
		return 0;
	if (tell_parents(&s->parents, name, save_dir, s) < 0)
		return -1;
	if (c->kind == SNAPSHOT_DELETED)
		return save_whiteout(s, name);
	if (S_ISDIR(c->st->st_mode))
		snprintf(s->parents.told, sizeof s->parents.told, "%s", name);
	return pack_add(&s->pack, c->whole, name, c->st);
}

int task_save(struct json_object *open, const struct layer *layer)
{
	CLEANUP_JSON struct json_object *head = json_object_new_object();
	struct saving s = { .layer = layer, .limit = (uint64_t)json_int(open, "limit", INT64_MAX), .pack = { .own_is_root = true } };
	int rc = check(layer);

	if (!layer->root || !layer->base)
		return rc;
	rc = snapshot_compare(layer->base, layer->root, measure, &s);
	if (rc > 0)
		return task_fail(413, "it is more than the limit of %llu MB", (unsigned long long)(s.limit >> 20));
	if (rc < 0)
		return task_fail(500, "the container's files can't be read");
	if (pack_open(&s.pack) < 0)
		return task_fail(500, "out of memory");
	if (!head || !json_add_str(head, "type", "application/x-tar") || task_head(200, head) < 0 ||
	    snapshot_compare(layer->base, layer->root, save_change, &s))
		return 1;
	return pack_close(&s.pack) < 0;
}

int task_restore(struct json_object *open, const struct layer *layer)
{
	CLEANUP_JSON struct json_object *head = json_object_new_object();
	struct unpack u = { .shown = "/", .place = layer_place, .whiteouts = true };

	(void)open;
	if (!layer->root)
		return task_fail(500, "the container has no writable files");
	snprintf(u.root, sizeof u.root, "%s", layer->root);
	if (unpack_stdin(&u) == 0)
		return task_head(200, head) < 0;
	return u.code;
}
