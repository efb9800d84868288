#include "agent-gateway/agent/snapshot.h"

#include <errno.h>
#include <fts.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"

struct entry {
	size_t path; /* in names */
	ino_t inode;
	struct timespec changed;
	mode_t type;
};

struct snapshot {
	struct buf names;
	struct entry *entries; /* in the order of the walk */
	size_t n;
};

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* The order of a walk that goes by names: a slash comes before everything. */
static int by_walk(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	if (!*a || !*b)
		return (*a != 0) - (*b != 0);
	if (*a == '/' || *b == '/')
		return *a == '/' ? -1 : 1;
	return (unsigned char)*a - (unsigned char)*b;
}

static FTS *open_walk(const char *root)
{
	char *const roots[] = { (char *)(uintptr_t)root, NULL };

	return fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW | FTS_XDEV, by_name);
}

/* The next entry beneath the root; NULL at the end (*ret_error 0), or when the tree can't be read. */
static FTSENT *walk_next(FTS *fts, int *ret_error)
{
	FTSENT *f;

	for (;;) {
		errno = 0;
		f = fts_read(fts);
		if (!f) {
			*ret_error = errno;
			return NULL;
		}
		if (f->fts_info == FTS_DP || f->fts_level == 0)
			continue;
		if (f->fts_info == FTS_DNR || f->fts_info == FTS_ERR || f->fts_info == FTS_NS) {
			if (f->fts_errno == ENOENT)
				continue;
			*ret_error = f->fts_errno;
			return NULL;
		}
		return f;
	}
}

static const char *beneath(const FTSENT *f, const char *root)
{
	const char *path = f->fts_path + strlen(root);

	return path + strspn(path, "/");
}

static bool add(struct snapshot *s, const char *path, const struct stat *st)
{
	struct entry *more = s->n % 1024 ? s->entries : reallocarray(s->entries, s->n + 1024, sizeof *more);

	if (!more || s->n == SNAPSHOT_MAX)
		return false;
	s->entries = more;
	s->entries[s->n++] = (struct entry){ .path = s->names.len, .inode = st->st_ino, .changed = st->st_ctim, .type = st->st_mode & S_IFMT };
	buf_append(&s->names, path, strlen(path) + 1);
	return !s->names.failed;
}

struct snapshot *snapshot_take(const char *root)
{
	struct snapshot *s = calloc(1, sizeof *s);
	FTS *fts = s ? open_walk(root) : NULL;
	int error = fts ? 0 : EIO;
	FTSENT *f;

	while (!error && (f = walk_next(fts, &error)))
		if (!add(s, beneath(f, root), f->fts_statp))
			error = ENOMEM;
	if (fts)
		fts_close(fts);
	if (!error)
		return s;
	snapshot_free(s);
	return NULL;
}

void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	buf_free(&s->names);
	free(s->entries);
	free(s);
}

static const char *name(const struct snapshot *s, size_t i)
{
	return s->names.data + s->entries[i].path;
}

static bool is_beneath(const char *path, const char *top)
{
	size_t len = strlen(top);

	return !strncmp(path, top, len) && path[len] == '/';
}

/* What the walk has passed without meeting it is gone, with what was in it. */
static int tell_deleted(const struct snapshot *s, size_t *at, const char *until, int (*each)(void *, const struct snapshot_change *), void *arg)
{
	while (*at < s->n && (!until || by_walk(name(s, *at), until) < 0)) {
		const char *top = name(s, *at);
		int rc = each(arg, &(struct snapshot_change){ .kind = SNAPSHOT_DELETED, .path = top });

		if (rc)
			return rc;
		while (++*at < s->n && is_beneath(name(s, *at), top))
			;
	}
	return 0;
}

static int tell_one(const struct snapshot *s, size_t *at, const FTSENT *f, const char *path, int (*each)(void *, const struct snapshot_change *), void *arg)
{
	struct snapshot_change c = { .kind = SNAPSHOT_ADDED, .path = path, .whole = f->fts_path, .st = f->fts_statp };
	const struct entry *e = *at < s->n && !strcmp(name(s, *at), path) ? &s->entries[*at] : NULL;
	const struct stat *st = f->fts_statp;

	if (e) {
		c.kind = SNAPSHOT_CHANGED;
		++*at;
		if (e->inode == st->st_ino && e->changed.tv_sec == st->st_ctim.tv_sec && e->changed.tv_nsec == st->st_ctim.tv_nsec)
			return 0;
		/* What was in a directory that is none any more went with it. */
		while (e->type == S_IFDIR && !S_ISDIR(st->st_mode) && *at < s->n && is_beneath(name(s, *at), path))
			++*at;
	}
	return each(arg, &c);
}

int snapshot_compare(const struct snapshot *s, const char *root, int (*each)(void *arg, const struct snapshot_change *c), void *arg)
{
	FTS *fts = open_walk(root);
	size_t at = 0;
	int rc = 0, error = 0;
	FTSENT *f;

	if (!fts)
		return -1;
	while (!rc && (f = walk_next(fts, &error))) {
		const char *path = beneath(f, root);

		rc = tell_deleted(s, &at, path, each, arg);
		if (!rc)
			rc = tell_one(s, &at, f, path, each, arg);
	}
	fts_close(fts);
	if (!rc && error)
		return -1;
	return rc ? rc : tell_deleted(s, &at, NULL, each, arg);
}

static int differs(void *arg, const struct snapshot_change *c)
{
	(void)arg;
	(void)c;
	return 1;
}

bool snapshot_differs(const struct snapshot *s, const char *root)
{
	return !s || snapshot_compare(s, root, differs, NULL) != 0;
}
