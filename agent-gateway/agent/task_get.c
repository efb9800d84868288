/*
 * stat and get: what stands at a path, and the same as a tar. Names in the
 * tar begin with the client's name of the path. Sockets are left out, as are
 * the kernel's file systems beneath the root.
 */
#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent-gateway/agent/archive.h"
#include "agent-gateway/agent/pack.h"
#include "agent-gateway/agent/task.h"

int task_stat(struct json_object *open)
{
	CLEANUP_JSON struct json_object *head = json_object_new_object();
	struct archive_path p;
	int code = 0;

	if (archive_path_find(open, &p, &code) < 0)
		return code;
	if (!head || !archive_path_stat(head, &p))
		return task_fail(500, "%s can't be described", p.path);
	return task_head(200, head) < 0;
}

struct walk {
	struct pack pack;
	const struct archive_path *path;
	bool root;
};

static int compare(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool is_kernels(const char *path)
{
	static const char *const paths[] = { "/proc", "/sys", "/dev", "/.sockerless" };

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		if (!strcmp(path, paths[i]))
			return true;
	return false;
}

static int write_one(struct walk *w, const FTSENT *f)
{
	const char *rest = f->fts_path + strlen(w->path->path) - (w->root && f->fts_level ? 1 : 0);
	char name[2 * PATH_MAX];

	if ((size_t)snprintf(name, sizeof name, "%s%s", w->root && f->fts_level ? "" : w->path->name, f->fts_level ? rest : "") >= sizeof name)
		return -1;
	return pack_add(&w->pack, f->fts_accpath, name, f->fts_statp);
}

static int walk(struct walk *w, FTS *fts)
{
	FTSENT *f;

	errno = 0;
	while ((f = fts_read(fts))) {
		switch (f->fts_info) {
		case FTS_DP:
			continue;
		case FTS_DNR:
		case FTS_ERR:
		case FTS_NS:
			/* What vanished meanwhile isn't missed. */
			if (f->fts_errno == ENOENT && f->fts_level)
				continue;
			return -1;
		default:
			break;
		}
		if (S_ISSOCK(f->fts_statp->st_mode))
			continue;
		if (w->root && f->fts_level == 1 && is_kernels(f->fts_path + (f->fts_path[1] == '/')) &&
		    fts_set(fts, f, FTS_SKIP) < 0)
			return -1;
		if (write_one(w, f) < 0)
			return -1;
	}
	return errno ? -1 : 0;
}

static int write_tar(struct walk *w)
{
	char *const roots[] = { (char *)(uintptr_t)w->path->path, NULL };
	/* A path that ends with a slash was followed already. */
	int follow = S_ISDIR(w->path->st.st_mode) ? FTS_COMFOLLOW : 0, rc;
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | follow, compare);

	if (!fts)
		return -1;
	rc = walk(w, fts);
	fts_close(fts);
	return rc;
}

int task_get(struct json_object *open)
{
	CLEANUP_JSON struct json_object *head = json_object_new_object();
	struct archive_path p;
	struct walk w = { .path = &p };
	int code = 0;

	if (archive_path_find(open, &p, &code) < 0)
		return code;
	if (!head || !archive_path_stat(head, &p) || !json_add_str(head, "type", "application/x-tar"))
		return task_fail(500, "%s can't be described", p.path);
	if (access(p.path, R_OK) < 0 && !S_ISLNK(p.st.st_mode))
		return task_fail(500, "open %s: permission denied", p.path);
	w.root = !p.path[1];
	if (pack_open(&w.pack) < 0)
		return task_fail(500, "out of memory");
	if (task_head(200, head) < 0)
		return 1;
	/* Without its end the tar is seen to be cut. */
	if (write_tar(&w) < 0)
		return 1;
	return pack_close(&w.pack) < 0;
}
