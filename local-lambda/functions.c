#include "local-lambda/functions.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/log.h"
#include "local-lambda/file.h"

#define FILE_MAX (1u << 20)

void function_free(struct function *fn)
{
	if (!fn)
		return;
	json_object_put(fn->config);
	json_object_put(fn->tags);
	free(fn->image_uri);
	free(fn->resolved_uri);
	revision_unref(fn->revision);
	free(fn);
}

size_t functions_after(struct functions *f, const char *after)
{
	size_t low = 0, high = f->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (strcmp(f->table[middle]->name, after) > 0)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

struct function *functions_find(struct functions *f, const char *name)
{
	size_t i = functions_after(f, name);

	return i && !strcmp(f->table[i - 1]->name, name) ? f->table[i - 1] : NULL;
}

static char *path_of(struct functions *f, const char *name)
{
	BUF_CLEANUP struct buf path = BUF_INIT;

	buf_printf(&path, "%s/%s.json", f->dir, name);
	return buf_steal(&path);
}

static int add(struct functions *f, struct function *fn, struct err *e)
{
	size_t at = functions_after(f, fn->name);

	if (f->count == FUNCTIONS_MAX)
		return err_set(e, ERR_INVALID, "more than %d functions", FUNCTIONS_MAX);
	if (f->count == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 64;
		struct function **table = realloc(f->table, cap * sizeof *table);

		if (!table)
			return err_nomem(e);
		f->table = table;
		f->cap = cap;
	}
	memmove(f->table + at + 1, f->table + at, (f->count - at) * sizeof *f->table);
	f->table[at] = fn;
	f->count++;
	return 0;
}

int functions_save(struct functions *f, struct function *fn, struct err *e)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();
	CLEANUP_FREE char *path = path_of(f, fn->name);

	if (!path || !o || !json_add(o, "Configuration", json_object_get(fn->config)) || !json_add(o, "Tags", json_object_get(fn->tags)) ||
	    !json_add_str(o, "ImageUri", fn->image_uri) || !json_add_str(o, "ResolvedImageUri", fn->resolved_uri))
		return err_nomem(e);
	return file_replace(path, json_text(o), e);
}

static void take_out(struct functions *f, struct function *fn)
{
	size_t at = functions_after(f, fn->name) - 1;

	memmove(f->table + at, f->table + at + 1, (f->count - at - 1) * sizeof *f->table);
	f->count--;
}

int functions_insert(struct functions *f, struct function *fn, struct err *e)
{
	if (add(f, fn, e) < 0)
		return -1;
	if (functions_save(f, fn, e) == 0)
		return 0;
	take_out(f, fn);
	return -1;
}

void functions_remove(struct functions *f, struct function *fn)
{
	CLEANUP_FREE char *path = path_of(f, fn->name);

	if (path && unlink(path) < 0)
		log_warn("%s: %s", path, strerror(errno));
	take_out(f, fn);
	if (fn->revision)
		pool_retire(f->pool, fn->revision);
	function_free(fn);
}

static int load_one(struct functions *f, const char *name, struct err *e)
{
	BUF_CLEANUP struct buf path = BUF_INIT, text = BUF_LIMITED(FILE_MAX);
	CLEANUP_JSON struct json_object *o = NULL;
	struct function *fn;

	buf_printf(&path, "%s/%s", f->dir, name);
	if (path.failed)
		return err_nomem(e);
	if (file_read(path.data, &text, e) < 0 || json_parse(text.data ? text.data : "", text.len, &o, e) < 0)
		return err_prefix(e, "%s", path.data);
	fn = calloc(1, sizeof *fn);
	if (!fn)
		return err_nomem(e);
	snprintf(fn->name, sizeof fn->name, "%.*s", (int)strcspn(name, "."), name);
	fn->config = json_object_get(json_obj(o, "Configuration"));
	fn->tags = json_object_get(json_obj(o, "Tags"));
	fn->image_uri = strdup(json_str(o, "ImageUri", ""));
	fn->resolved_uri = strdup(json_str(o, "ResolvedImageUri", ""));
	if (!fn->config || !fn->tags || !fn->image_uri || !fn->resolved_uri || add(f, fn, e) < 0) {
		function_free(fn);
		return err_set(e, ERR_INTERNAL, "%s holds no function", path.data);
	}
	return 0;
}

/* An Active function gets its revision back, without preparing: that happens at its first Invoke. */
static int resume(struct functions *f, struct function *fn, struct err *e)
{
	const char *state = json_str(fn->config, "State", "");

	if (!strcmp(state, "Active") && revision_new(&fn->revision, fn->config, fn->resolved_uri, e) < 0)
		return -1;
	if (!strcmp(state, "Pending") || !strcmp(json_str(fn->config, "LastUpdateStatus", ""), "InProgress"))
		return functions_prepare(f, fn, e);
	return 0;
}

static int load(struct functions *f, struct err *e)
{
	DIR *d = opendir(f->dir);
	struct dirent *entry;
	int rc = 0;

	if (!d)
		return err_errno(e, errno, "%s", f->dir);
	while (rc == 0 && (entry = readdir(d))) {
		size_t len = strlen(entry->d_name);

		if (len > 5 && len <= LIMIT_NAME + 5 && !strcmp(entry->d_name + len - 5, ".json"))
			rc = load_one(f, entry->d_name, e);
	}
	closedir(d);
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; rc == 0 && i < f->count; i++)
		rc = resume(f, f->table[i], e);
	pthread_mutex_unlock(&f->lock);
	return rc;
}

int functions_open(struct functions **ret, const struct functions *init, const char *dir, struct err *e)
{
	struct functions *f = calloc(1, sizeof *f);

	if (!f)
		return err_nomem(e);
	*f = *init;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->changed, NULL);
	f->dir = strdup(dir);
	if (!f->dir)
		err_nomem(e);
	else if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		err_errno(e, errno, "%s", dir);
	else if (load(f, e) == 0) {
		*ret = f;
		return 0;
	}
	functions_close(f);
	return -1;
}

void functions_close(struct functions *f)
{
	if (!f)
		return;
	pthread_mutex_lock(&f->lock);
	while (f->preparing)
		pthread_cond_wait(&f->changed, &f->lock);
	pthread_mutex_unlock(&f->lock);
	for (size_t i = 0; i < f->count; i++)
		function_free(f->table[i]);
	free(f->table);
	free(f->dir);
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
	free(f);
}
