/*
 * Which directories become links. Each wish is followed through the image's
 * own links to a real path; the paths are gone through in order, parents
 * first, so that one beneath a chosen one is dropped, and one beneath a
 * directory that is too large still has its chance.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/registry/derive_plan.h"
#include "lib/utf8.h"

bool derive_is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !strncmp(path, dir, len) && (!path[len] || path[len] == '/');
}

int derive_note(struct derive_plan *p, struct err *e, const char *fmt, ...)
{
	struct json_object *text;
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	/* Names of an image's files may be any bytes, and long ones are cut anywhere. */
	for (char *at = line; *at && !utf8_valid(line); at++)
		if ((unsigned char)*at >= 0x80)
			*at = '?';
	text = json_object_new_string(line);
	return text && json_object_array_add(p->notes, text) == 0 ? 0 : err_nomem(e);
}

bool derive_fits(const struct rootfs_node *dir, unsigned int flags)
{
	int64_t bytes = 0, most = flags & DERIVE_ASKED ? DERIVE_ASKED_SEED_MAX : DERIVE_SEED_MAX;
	size_t files = 0, most_files = flags & DERIVE_ASKED ? DERIVE_ASKED_SEED_FILES_MAX : DERIVE_SEED_FILES_MAX;

	for (const struct rootfs_node *n = dir; n; n = rootfs_next(dir, n)) {
		struct rootfs_stat st;

		rootfs_stat(n, &st);
		bytes += st.size;
		if (bytes > most || ++files > most_files)
			return false;
	}
	return true;
}

/* The kernel's, our own, and /etc itself, into which Lambda puts files: a link would have no effect, or the function would not start. */
static bool is_forbidden(const char *path)
{
	static const char *const dirs[] = { "/proc", "/sys", "/dev", "/.sockerless" };

	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
		if (derive_is_below(path, dirs[i]))
			return true;
	return !strcmp(path, "/") || !strcmp(path, "/etc");
}

/* Homes and working directories that are the system's programs or configuration, or mean "none". */
static bool is_system(const char *path)
{
	static const char *const dirs[] = {
		"/bin", "/boot", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/nonexistent", "/sbin", "/usr", "/usr/bin", "/usr/lib", "/usr/lib64",
		"/usr/local", "/usr/local/bin", "/usr/local/lib", "/usr/local/sbin", "/usr/sbin", "/usr/share",
	};

	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
		if (!strcmp(path, dirs[i]))
			return true;
	return false;
}

static int wish_path(const struct rootfs *fs, const struct derive_wish *w, const char *path, struct buf *ret, struct err *e)
{
	BUF_CLEANUP struct buf home = BUF_INIT;

	if (!strcmp(path, DERIVE_HOME)) {
		if (derive_home(fs, w->user, &home, e) < 0)
			return -1;
		path = home.len ? home.data : "/";
	}
	return rootfs_resolve(fs, path, ret, e);
}

/* One wish as a target in `ret`; 0: nothing comes of it, 1: it is one. */
static int look(const struct rootfs *fs, const struct derive_wish *w, const struct derive_dir *d, struct derive_target *ret, struct derive_plan *p,
		struct err *e)
{
	BUF_CLEANUP struct buf real = BUF_INIT;
	const struct rootfs_node *node = NULL;
	struct err why = { 0 };

	if (wish_path(fs, w, d->path, &real, &why) < 0) {
		if (why.kind != ERR_INVALID)
			return err_set(e, why.kind, "%s", why.text);
		return d->flags & DERIVE_ASKED ? derive_note(p, e, "%.200s can't be made writable: %.100s", d->path, why.text) : 0;
	}
	if (!strcmp(real.data, "/tmp") || (d->flags & DERIVE_CAREFUL && is_system(real.data)))
		return 0;
	if (is_forbidden(real.data))
		return d->flags & DERIVE_ASKED && !(d->flags & DERIVE_CAREFUL)
			       ? derive_note(p, e, "%.200s can't be made writable in a Lambda function", d->path) : 0;
	if (rootfs_find(fs, real.data, false, &node, &why) == 0 && !rootfs_is_dir(node))
		return d->flags & DERIVE_ASKED ? derive_note(p, e, "%.200s can't be made writable: it is no directory", d->path) : 0;
	if (derive_is_below(real.data, "/tmp")) {
		struct json_object *text = json_object_new_string(real.data);

		return text && json_object_array_add(p->made, text) == 0 ? 0 : err_nomem(e);
	}
	*ret = (struct derive_target){ .path = buf_steal(&real), .node = node, .flags = d->flags };
	return ret->path ? 1 : err_nomem(e);
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct derive_target *)a)->path, ((const struct derive_target *)b)->path);
}

/* The same path twice: asked for if one of them was. */
static void join_equal(struct derive_plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_links; i++) {
		if (n && !strcmp(p->links[n - 1].path, p->links[i].path)) {
			p->links[n - 1].flags |= p->links[i].flags;
			free(p->links[i].path);
		} else {
			p->links[n++] = p->links[i];
		}
	}
	p->n_links = n;
}

static bool is_covered(const struct derive_plan *p, size_t chosen, const char *path)
{
	for (size_t i = 0; i < chosen; i++)
		if (derive_is_below(path, p->links[i].path))
			return true;
	return false;
}

static int choose(struct derive_plan *p, struct err *e)
{
	size_t chosen = 0, n = p->n_links;
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		struct derive_target t = p->links[i];
		bool fits = !t.node || t.flags & DERIVE_EMPTY || derive_fits(t.node, t.flags);

		p->links[i].path = NULL;
		if (rc == 0 && !is_covered(p, chosen, t.path) && fits) {
			p->links[chosen++] = t;
			continue;
		}
		if (rc == 0 && !fits && t.flags & DERIVE_ASKED)
			rc = derive_note(p, e, "%.200s stays read-only: the image holds more than %d MB or %u files there", t.path,
					 (int)(DERIVE_ASKED_SEED_MAX >> 20), DERIVE_ASKED_SEED_FILES_MAX);
		free(t.path);
	}
	p->n_links = chosen;
	return rc;
}

int derive_targets(const struct rootfs *fs, const struct derive_wish *w, struct derive_plan *p, struct err *e)
{
	p->links = calloc(w->n_dirs ? w->n_dirs : 1, sizeof *p->links);
	if (!p->links)
		return err_nomem(e);
	for (size_t i = 0; i < w->n_dirs; i++) {
		int rc = look(fs, w, &w->dirs[i], &p->links[p->n_links], p, e);

		if (rc < 0)
			return -1;
		p->n_links += (size_t)rc;
	}
	qsort(p->links, p->n_links, sizeof *p->links, compare);
	join_equal(p);
	return choose(p, e);
}
