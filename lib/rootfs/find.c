#include <limits.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/rootfs/tree.h"

#define LINKS_MAX 40 /* Linux' own */

/* A walk from the root: `left` is what remains to be gone. */
struct walk {
	const struct rootfs *fs;
	const struct rootfs_node *at;
	struct buf left;
	int links;
	bool follow;
};

static int too_long(struct err *e)
{
	return err_set(e, ERR_INVALID, "file name too long");
}

/* The link's target takes the place of its name. */
static int enter_link(struct walk *w, const char *target, const char *rest, struct err *e)
{
	BUF_CLEANUP struct buf joined = BUF_INIT;
	struct buf old = w->left;

	if (++w->links > LINKS_MAX)
		return err_set(e, ERR_INVALID, "too many levels of symbolic links");
	if (strlen(target) + 1 + strlen(rest) > LAYER_PATH_MAX)
		return too_long(e);
	buf_printf(&joined, "%s%s%s", target, *rest ? "/" : "", rest);
	if (joined.failed)
		return err_nomem(e);
	if (*target == '/')
		w->at = w->fs->root;
	w->left = joined;
	joined = old;
	return 0;
}

/* Goes one element on. 1: went, 0: it isn't there (`left` still begins with it). */
static int step(struct walk *w, struct err *e)
{
	char *text = w->left.data;
	size_t skip = strspn(text, "/"), len = strcspn(text + skip, "/");
	const char *rest = text + skip + len + strspn(text + skip + len, "/");
	const struct rootfs_node *n;

	if (len == 0 || (len == 1 && text[skip] == '.')) {
		n = w->at;
	} else if (len == 2 && !memcmp(text + skip, "..", 2)) {
		n = w->at->parent ? w->at->parent : w->at;
	} else {
		if (len > NAME_MAX)
			return too_long(e);
		n = tree_child(w->fs, w->at, text + skip, len);
		if (!n)
			return 0;
		if (n->type == LAYER_SYMLINK && (w->follow || *rest || text[skip + len] == '/'))
			return enter_link(w, n->entry->link, rest, e) < 0 ? -1 : 1;
		if (n->type != LAYER_DIR && text[skip + len] == '/')
			return err_set(e, ERR_INVALID, "not a directory");
	}
	w->at = n;
	buf_consume(&w->left, (size_t)(rest - text));
	return 1;
}

/* As far as there is something; `left` is empty when all of it is. */
static int go(struct walk *w, const char *path, struct err *e)
{
	int rc = 1;

	if (strlen(path) > LAYER_PATH_MAX)
		return too_long(e);
	w->at = w->fs->root;
	buf_puts(&w->left, path);
	while (rc > 0 && !w->left.failed && w->left.len)
		rc = step(w, e);
	return w->left.failed ? err_nomem(e) : rc < 0 ? -1 : 0;
}

int rootfs_find(const struct rootfs *fs, const char *path, bool follow, const struct rootfs_node **ret, struct err *e)
{
	struct walk w = { .fs = fs, .follow = follow };
	int rc = go(&w, path, e);

	if (rc == 0 && w.left.len)
		rc = err_set(e, ERR_NOT_FOUND, "no such file or directory");
	if (rc == 0)
		*ret = w.at;
	buf_free(&w.left);
	return rc;
}

/* Appends elements that aren't there to a real path: only dots need care. */
static int append_missing(struct buf *to, const char *rest, struct err *e)
{
	while (*rest) {
		size_t len = strcspn(rest, "/");

		if (len == 2 && !memcmp(rest, "..", 2))
			return err_set(e, ERR_INVALID, "no such file or directory");
		if (len > NAME_MAX)
			return too_long(e);
		if (len && !(len == 1 && *rest == '.'))
			buf_printf(to, "%s%.*s", to->len == 1 ? "" : "/", (int)len, rest);
		rest += len + (rest[len] == '/');
	}
	return to->failed ? err_nomem(e) : 0;
}

int rootfs_resolve(const struct rootfs *fs, const char *path, struct buf *ret, struct err *e)
{
	BUF_CLEANUP struct buf real = BUF_INIT;
	struct walk w = { .fs = fs, .follow = true };
	int rc = go(&w, path, e);

	if (rc == 0 && w.left.len && w.at->type != LAYER_DIR)
		rc = err_set(e, ERR_INVALID, "not a directory");
	if (rc == 0) {
		rootfs_path(w.at, &real);
		rc = append_missing(&real, w.left.len ? w.left.data : "", e);
	}
	if (rc == 0) {
		buf_reset(ret);
		buf_append(ret, real.data, real.len);
		rc = ret->failed ? err_nomem(e) : 0;
	}
	buf_free(&w.left);
	return rc;
}
