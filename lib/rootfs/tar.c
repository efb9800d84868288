#include <archive_entry.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/rootfs/layer_reader.h"
#include "lib/rootfs/tree.h"

#define CHUNK 65536

void rootfs_members_free(struct rootfs_members *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->list[i].name);
	free(m->list);
	*m = (struct rootfs_members){ 0 };
}

int rootfs_members_add(struct rootfs_members *m, const struct rootfs_node *n, const char *name, uint16_t mode, struct err *e)
{
	char *copy = strdup(name);

	if (copy && m->n == m->cap) {
		size_t cap = m->cap ? 2 * m->cap : 64;
		struct rootfs_member *more = realloc(m->list, cap * sizeof *more);

		if (more) {
			m->list = more;
			m->cap = cap;
		}
	}
	if (!copy || m->n == m->cap) {
		free(copy);
		return err_nomem(e);
	}
	m->list[m->n++] = (struct rootfs_member){ n, copy, mode };
	return 0;
}

struct writer {
	struct archive *out;
	const struct err *why;
	const struct rootfs_member **files; /* by layer, then by place in it */
	size_t n_files, at;
	const struct layer_index *index;    /* of the layer that is read */
	size_t ordinal;
	char *data;
};

static bool has_failed(const struct writer *w)
{
	return w->why && w->why->kind;
}

static int out_failed(const struct writer *w, struct err *e)
{
	const char *text = archive_error_string(w->out);

	if (has_failed(w))
		return err_set(e, w->why->kind, "%s", w->why->text);
	return err_set(e, ERR_INTERNAL, "tar: %s", text ? text : "failed");
}

static struct archive_entry *make_entry(const struct rootfs_member *m)
{
	struct archive_entry *entry = archive_entry_new();
	struct rootfs_stat st;

	if (!entry)
		return NULL;
	rootfs_stat(m->node, &st);
	archive_entry_copy_pathname(entry, m->name);
	archive_entry_set_filetype(entry, st.mode & S_IFMT);
	archive_entry_set_perm(entry, m->mode);
	archive_entry_set_uid(entry, st.uid);
	archive_entry_set_gid(entry, st.gid);
	archive_entry_set_mtime(entry, st.mtime, 0);
	archive_entry_set_size(entry, S_ISREG(st.mode) ? st.size : 0);
	if (S_ISLNK(st.mode))
		archive_entry_copy_symlink(entry, st.link);
	if (S_ISCHR(st.mode) || S_ISBLK(st.mode)) {
		archive_entry_set_rdevmajor(entry, st.major);
		archive_entry_set_rdevminor(entry, st.minor);
	}
	return entry;
}

/* `first` not NULL: a link to that name. */
static int write_head(struct writer *w, const struct rootfs_member *m, const char *first, struct err *e)
{
	struct archive_entry *entry = make_entry(m);
	int rc;

	if (!entry)
		return err_nomem(e);
	if (first) {
		archive_entry_set_size(entry, 0);
		archive_entry_copy_hardlink(entry, first);
	}
	rc = archive_write_header(w->out, entry);
	archive_entry_free(entry);
	return rc < ARCHIVE_WARN || has_failed(w) ? out_failed(w, e) : 0;
}

static int copy_data(struct writer *w, struct archive *tar, int64_t size, struct err *e)
{
	int64_t left = size;

	while (left > 0) {
		la_ssize_t n = archive_read_data(tar, w->data, CHUNK);

		if (n <= 0 || n > left)
			return err_set(e, ERR_UPSTREAM, "a layer can't be read: %s", n < 0 && archive_error_string(tar) ? archive_error_string(tar) : "it isn't what its index says");
		if (archive_write_data(w->out, w->data, (size_t)n) != n || has_failed(w))
			return out_failed(w, e);
		left -= n;
	}
	return 0;
}

/* All members that are this file: the first name with the content. */
static int write_file(struct writer *w, struct archive *tar, struct err *e)
{
	const struct rootfs_member *first = w->files[w->at];
	const struct layer_entry *entry = first->node->entry;

	if (write_head(w, first, NULL, e) < 0 || copy_data(w, tar, entry->size, e) < 0)
		return -1;
	for (w->at++; w->at < w->n_files && w->files[w->at]->node->entry == entry; w->at++)
		if (write_head(w, w->files[w->at], first->name, e) < 0)
			return -1;
	return 0;
}

static bool wanted(const struct writer *w)
{
	return w->at < w->n_files && w->files[w->at]->node->entry >= w->index->entries &&
	       w->files[w->at]->node->entry < w->index->entries + w->index->n;
}

static int member(void *arg, struct archive *tar, struct archive_entry *entry, struct err *e)
{
	struct writer *w = arg;
	const struct layer_entry *known;
	char path[LAYER_PATH_MAX + 1];
	const char *name = archive_entry_pathname(entry);

	if (!wanted(w))
		return 1;
	if (w->ordinal >= w->index->n)
		return err_set(e, ERR_INTERNAL, "a layer holds more than its index says");
	known = &w->index->entries[w->ordinal++];
	if (known != w->files[w->at]->node->entry)
		return 0;
	if (!name || layer_path_clean(name, path) < 0 || strcmp(path, known->path) != 0 || archive_entry_size(entry) != known->size)
		return err_set(e, ERR_INTERNAL, "a layer isn't what its index says");
	return write_file(w, tar, e);
}

static int pass_on(void *arg, const void *data, size_t len, struct err *e)
{
	return layer_reader_write(arg, data, len, e);
}

static int read_layer(struct writer *w, const struct rootfs_layer *l, struct err *e)
{
	struct layer_reader *r = NULL;

	w->index = l->index;
	w->ordinal = 0;
	if (!wanted(w))
		return 0;
	if (!l->registry)
		return layer_read_file(l->tar, member, w, e);
	if (layer_reader_begin(member, w, &r, e) < 0)
		return -1;
	if (registry_get_blob(l->registry, l->blob->digest, l->blob->size, pass_on, r, NULL, e) < 0) {
		layer_reader_abort(r);
		return -1;
	}
	return layer_reader_end(r, e);
}

/* By layer and place in it; the names of one file as the list has them. */
static int compare(const void *a, const void *b)
{
	const struct rootfs_member *x = *(const struct rootfs_member *const *)a, *y = *(const struct rootfs_member *const *)b;

	if (x->node->layer != y->node->layer)
		return x->node->layer < y->node->layer ? -1 : 1;
	if (x->node->entry != y->node->entry)
		return x->node->entry < y->node->entry ? -1 : 1;
	return x < y ? -1 : x > y;
}

static int write_members(struct writer *w, const struct rootfs *fs, const struct rootfs_members *m, struct err *e)
{
	for (size_t i = 0; i < m->n; i++) {
		if (m->list[i].node->type == LAYER_FILE)
			w->files[w->n_files++] = &m->list[i];
		else if (write_head(w, &m->list[i], NULL, e) < 0)
			return -1;
	}
	qsort(w->files, w->n_files, sizeof *w->files, compare);
	for (size_t i = 0; i < fs->n_layers; i++)
		if (read_layer(w, &fs->layers[i], e) < 0)
			return -1;
	return w->at == w->n_files ? 0 : err_set(e, ERR_INTERNAL, "a layer doesn't hold what its index says");
}

int rootfs_write(const struct rootfs *fs, const struct rootfs_members *m, struct archive *out, const struct err *why, struct err *e)
{
	CLEANUP_FREE const struct rootfs_member **files = calloc(m->n ? m->n : 1, sizeof *files);
	CLEANUP_FREE char *data = malloc(CHUNK);
	struct writer w = { .out = out, .why = why, .files = files, .data = data };
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0), before;
	int rc;

	if (!files || !data || !utf8) {
		if (utf8)
			freelocale(utf8);
		return err_nomem(e);
	}
	before = uselocale(utf8);
	rc = write_members(&w, fs, m, e);
	uselocale(before);
	freelocale(utf8);
	return rc;
}

/* What a tar goes to, and the error that libarchive can't carry; after one nothing more goes out. */
struct sink {
	int (*write)(void *arg, const void *data, size_t len, struct err *e);
	void *arg;
	struct err why;
};

static la_ssize_t sink_write(struct archive *a, void *arg, const void *data, size_t len)
{
	struct sink *s = arg;

	/* libarchive, told of an error, would leak its buffer. */
	(void)a;
	if (!s->why.kind && s->write(s->arg, data, len, &s->why) < 0 && !s->why.kind)
		err_set(&s->why, ERR_INTERNAL, "write");
	return (la_ssize_t)len;
}

/* What a node below `top` is called: `base` is top's own path. */
static int add_named(struct rootfs_members *m, const struct rootfs_node *n, size_t base, const char *name, struct err *e)
{
	BUF_CLEANUP struct buf path = BUF_INIT;
	BUF_CLEANUP struct buf whole = BUF_INIT;
	struct rootfs_stat st;
	const char *below;

	rootfs_path(n, &path);
	if (path.failed)
		return err_nomem(e);
	below = path.data + base;
	if (!*name || !strcmp(below, "/"))
		below += *below == '/';
	buf_printf(&whole, "%s%s%s", name, below, rootfs_is_dir(n) ? "/" : "");
	if (whole.failed)
		return err_nomem(e);
	rootfs_stat(n, &st);
	return rootfs_members_add(m, n, whole.data, st.mode & 07777, e);
}

static int collect(const struct rootfs_node *top, const char *name, struct rootfs_members *m, struct err *e)
{
	BUF_CLEANUP struct buf base = BUF_INIT;
	const struct rootfs_node *n = *name ? top : rootfs_next(top, top);

	rootfs_path(top, &base);
	if (base.failed)
		return err_nomem(e);
	for (; n; n = rootfs_next(top, n))
		if (add_named(m, n, top->parent ? base.len : 0, name, e) < 0)
			return -1;
	return 0;
}

int rootfs_tar(const struct rootfs *fs, const struct rootfs_node *top, const char *name,
	       int (*write)(void *arg, const void *data, size_t len, struct err *e), void *arg, struct err *e)
{
	ROOTFS_MEMBERS_CLEANUP struct rootfs_members m = { 0 };
	struct sink s = { .write = write, .arg = arg };
	struct archive *out;
	int rc;

	if (collect(top, name, &m, e) < 0)
		return -1;
	out = archive_write_new();
	if (!out)
		return err_nomem(e);
	if (archive_write_set_format_pax_restricted(out) != ARCHIVE_OK || archive_write_add_filter_none(out) != ARCHIVE_OK ||
	    archive_write_open(out, &s, NULL, sink_write, NULL) != ARCHIVE_OK)
		rc = err_set(e, ERR_INTERNAL, "tar: %s", archive_error_string(out));
	else
		rc = rootfs_write(fs, &m, out, &s.why, e);
	if (rc == 0 && archive_write_close(out) != ARCHIVE_OK)
		rc = err_set(e, ERR_INTERNAL, "tar: %s", archive_error_string(out));
	if (rc == 0 && s.why.kind)
		rc = err_set(e, s.why.kind, "%s", s.why.text);
	/* No end mark, so that no one takes the tar for whole. */
	if (rc < 0 && !s.why.kind)
		err_set(&s.why, ERR_INTERNAL, "given up");
	archive_write_free(out);
	return rc;
}
