#include <archive_entry.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "lib/rootfs/layer_index.h"
#include "lib/rootfs/rootfs.h"

#define LAYERS_MAX 4
#define MEMBERS_MAX 12

/* type: as `ls` shows it, 'h' a hard link; text: content or target */
struct member {
	char type;
	const char *path, *text;
	unsigned int mode;
};

static char dir[] = "/tmp/test_rootfs.XXXXXX";

static int make_dir(void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	return rmdir(dir);
}

static void write_member(struct archive *a, const struct member *m)
{
	static const struct { char type; unsigned int ae; } types[] = {
		{ '-', AE_IFREG }, { 'd', AE_IFDIR }, { 'l', AE_IFLNK }, { 'c', AE_IFCHR }, { 'p', AE_IFIFO }, { 'h', AE_IFREG },
	};
	struct archive_entry *e = archive_entry_new();
	const char *text = m->text ? m->text : "";

	archive_entry_set_pathname(e, m->path);
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (types[i].type == m->type)
			archive_entry_set_filetype(e, types[i].ae);
	archive_entry_set_perm(e, m->mode ? m->mode : 0755);
	archive_entry_set_mtime(e, 1000, 0);
	archive_entry_set_size(e, m->type == '-' ? (int64_t)strlen(text) : 0);
	if (m->type == 'l')
		archive_entry_set_symlink(e, text);
	if (m->type == 'h')
		archive_entry_set_hardlink(e, text);
	assert_true(archive_write_header(a, e) >= ARCHIVE_WARN);
	if (m->type == '-')
		assert_int_equal(archive_write_data(a, text, strlen(text)), strlen(text));
	archive_entry_free(e);
}

static char *layer_file(int n)
{
	static char path[64];

	snprintf(path, sizeof path, "%s/%d", dir, n);
	return path;
}

static void write_layer(int n, const struct member *m, int filter)
{
	struct archive *a = archive_write_new();

	assert_int_equal(archive_write_set_format_pax_restricted(a), ARCHIVE_OK);
	assert_int_equal(archive_write_add_filter(a, filter), ARCHIVE_OK);
	assert_int_equal(archive_write_open_filename(a, layer_file(n)), ARCHIVE_OK);
	for (; m->type; m++)
		write_member(a, m);
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
}

static struct rootfs *open_layers(int n)
{
	struct rootfs_source sources[LAYERS_MAX] = { 0 };
	static char paths[LAYERS_MAX][64]; /* borrowed by the rootfs */
	struct rootfs *fs = NULL;
	struct err e = { 0 };

	for (int i = 0; i < n; i++) {
		snprintf(paths[i], sizeof paths[i], "%s", layer_file(i));
		sources[i].tar = paths[i];
	}
	if (rootfs_open(dir, sources, (size_t)n, &fs, &e) < 0)
		fail_msg("%s", e.text);
	return fs;
}

static void remove_layers(int n)
{
	for (int i = 0; i < n; i++)
		unlink(layer_file(i));
}

/* "path" of everything, with a space after each but the root. */
static void list(const struct rootfs *fs, struct buf *b)
{
	const struct rootfs_node *root, *n;
	struct err e;

	assert_int_equal(rootfs_find(fs, "/", true, &root, &e), 0);
	buf_puts(b, "");
	for (n = rootfs_next(root, root); n; n = rootfs_next(root, n)) {
		rootfs_path(n, b);
		buf_putc(b, ' ');
	}
}

static const struct merge {
	const char *what, *all;
	struct member layers[LAYERS_MAX][MEMBERS_MAX];
} merges[] = {
	{ "one layer", "/a /a/b /c ", { { { 'd', "a/", 0, 0 }, { '-', "a/b", "x", 0 }, { '-', "./c", "y", 0 } } } },
	{ "absolute and doubled slashes", "/a /a/b ", { { { '-', "///a//./b", "x", 0 } } } },
	{ "whiteout", "/a ", { { { '-', "a", "x", 0 }, { '-', "b", "x", 0 } }, { { '-', ".wh.b", 0, 0 } } } },
	{ "whiteout of a directory", "/d ", { { { '-', "d/x/y", "x", 0 } }, { { '-', "d/.wh.x", 0, 0 } } } },
	{ "whiteout and the same name in one layer", "/b ", { { { '-', "b", "x", 0 } }, { { '-', "b", "new", 0 }, { '-', ".wh.b", 0, 0 } } } },
	{ "whiteout of nothing", "/a ", { { { '-', "a", "x", 0 } }, { { '-', ".wh.q", 0, 0 }, { '-', "n/.wh.m", 0, 0 } } } },
	{ "opaque hides what is lower only", "/d /d/new ", { { { '-', "d/old", "x", 0 } }, { { '-', "d/new", "x", 0 }, { '-', "d/.wh..wh..opq", 0, 0 } } } },
	{ "opaque root", "/b ", { { { '-', "a", "x", 0 } }, { { '-', ".wh..wh..opq", 0, 0 }, { '-', "b", "x", 0 } } } },
	{ "marks of aufs", "", { { { '-', ".wh..wh.plnk", "x", 0 }, { '-', ".wh.", "x", 0 } } } },
	{ "file over a directory", "/a ", { { { '-', "a/b", "x", 0 } }, { { '-', "a", "x", 0 } } } },
	{ "directory over a file", "/a /a/b ", { { { '-', "a", "x", 0 } }, { { '-', "a/b", "x", 0 } } } },
	{ "directory over a link", "/a /a/b /t ", { { { 'l', "a", "t", 0 }, { 'd', "t", 0, 0 } }, { { '-', "a/b", "x", 0 } } } },
	{ "hard link below", "/a /b ", { { { '-', "a", "x", 0 } }, { { 'h', "b", "a", 0 } } } },
	{ "hard links to nothing and to a directory", "/d ", { { { 'd', "d", 0, 0 }, { 'h', "b", "none", 0 }, { 'h', "c", "d", 0 }, { 'h', "s", "s", 0 } } } },
	{ "a root that is a file", "/a ", { { { '-', ".", "x", 0 }, { '-', "a", "x", 0 } } } },
	{ "deleted and made again", "/d /d/n ", { { { '-', "d/o", "x", 0 } }, { { '-', ".wh.d", 0, 0 } }, { { '-', "d/n", "x", 0 } } } },
};

static void merged(void **state)
{
	for (size_t i = 0; i < sizeof merges / sizeof *merges; i++) {
		BUF_CLEANUP struct buf b = BUF_INIT;
		struct rootfs *fs;
		int n = 0;

		for (; n < LAYERS_MAX && merges[i].layers[n][0].type; n++)
			write_layer(n, merges[i].layers[n], n % 2 ? ARCHIVE_FILTER_GZIP : ARCHIVE_FILTER_NONE);
		fs = open_layers(n);
		list(fs, &b);
		if (strcmp(b.data, merges[i].all) != 0)
			fail_msg("%s: %s", merges[i].what, b.data);
		rootfs_close(fs);
		remove_layers(n);
	}
}

static const struct member tree[] = {
	{ 'd', "run", 0, 0 }, { 'd', "var/log", 0, 0 }, { 'l', "var/run", "/run", 0 }, { '-', "run/f", "text", 0600 }, { 'l', "up", "../../../run", 0 },
	{ 'l', "l1", "l2", 0 }, { 'l', "l2", "l1", 0 }, { 'l', "rel", "var/../run/f", 0 }, { 'l', "dangling", "no/where", 0 }, { 'h', "hard", "run/f", 0 }, { 0 },
};

static void found(void **state)
{
	static const struct {
		const char *path;
		bool follow;
		const char *real, *error;
	} cases[] = {
		{ "/var/run/f", true, "/run/f", NULL }, { "var/run", false, "/var/run", NULL }, { "/var/run/", false, "/run", NULL }, { "/var/run", true, "/run", NULL },
		{ "/../../up/f", true, "/run/f", NULL }, { "/rel", true, "/run/f", NULL }, { "/rel", false, "/rel", NULL }, { "", true, "/", NULL }, { "/.", true, "/", NULL },
		{ "/l1", true, NULL, "too many levels of symbolic links" }, { "/l1/x", false, NULL, "too many levels of symbolic links" }, { "/l1", false, "/l1", NULL },
		{ "/dangling", true, NULL, "no such file or directory" }, { "/nothing", true, NULL, "no such file or directory" },
		{ "/run/f/x", true, NULL, "not a directory" }, { "/run/f/", true, NULL, "not a directory" }, { "/var/run/../var", true, "/var", NULL },
	};
	struct rootfs *fs;

	write_layer(0, tree, ARCHIVE_FILTER_NONE);
	fs = open_layers(1);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		BUF_CLEANUP struct buf b = BUF_INIT;
		const struct rootfs_node *n;
		struct err e = { 0 };

		if (rootfs_find(fs, cases[i].path, cases[i].follow, &n, &e) == 0)
			rootfs_path(n, &b);
		if (strcmp(b.data ? b.data : e.text, cases[i].real ? cases[i].real : cases[i].error) != 0)
			fail_msg("%s: %s", cases[i].path, b.data ? b.data : e.text);
	}
	rootfs_close(fs);
	remove_layers(1);
}

static void resolved(void **state)
{
	static const struct { const char *path, *real; } cases[] = {
		{ "/var/run/a/b/", "/run/a/b" }, { "/new//x", "/new/x" }, { "/var/run", "/run" }, { "/dangling", "/no/where" }, { "/up/../q", "/q" }, { "/", "/" },
		{ "/run/f/x", NULL }, { "/l1/x", NULL }, { "/new/../x", NULL },
	};
	struct rootfs *fs;

	write_layer(0, tree, ARCHIVE_FILTER_NONE);
	fs = open_layers(1);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		BUF_CLEANUP struct buf b = BUF_INIT;
		struct err e = { 0 };
		int rc = rootfs_resolve(fs, cases[i].path, &b, &e);

		if ((rc == 0) != (cases[i].real != NULL) || (rc == 0 && strcmp(b.data, cases[i].real) != 0))
			fail_msg("%s: %s", cases[i].path, rc == 0 ? b.data : e.text);
	}
	rootfs_close(fs);
	remove_layers(1);
}

static void stats(void **state)
{
	const struct rootfs_node *n;
	struct rootfs_stat st;
	struct rootfs *fs;
	struct err e;

	write_layer(0, tree, ARCHIVE_FILTER_NONE);
	fs = open_layers(1);
	assert_int_equal(rootfs_find(fs, "/hard", false, &n, &e), 0);
	rootfs_stat(n, &st);
	assert_true(S_ISREG(st.mode) && (st.mode & 07777) == 0600 && st.size == 4 && st.mtime == 1000);
	assert_int_equal(rootfs_find(fs, "/up", false, &n, &e), 0);
	rootfs_stat(n, &st);
	assert_true(S_ISLNK(st.mode));
	assert_string_equal(st.link, "../../../run");
	assert_int_equal(rootfs_find(fs, "/var", false, &n, &e), 0);
	rootfs_stat(n, &st);
	assert_true(S_ISDIR(st.mode) && (st.mode & 07777) == 0755);
	rootfs_close(fs);
	remove_layers(1);
}

static int take(void *arg, const void *data, size_t len, struct err *e)
{
	buf_append(arg, data, len);
	return 0;
}

/* "type name text" of each member of a tar. */
static void describe(const struct buf *tar, struct buf *b)
{
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	char data[64];

	archive_read_support_format_tar(a);
	assert_int_equal(archive_read_open_memory(a, tar->data, tar->len), ARCHIVE_OK);
	while (archive_read_next_header(a, &e) == ARCHIVE_OK) {
		la_ssize_t n = archive_read_data(a, data, sizeof data);

		buf_printf(b, "%s%s%s", archive_entry_pathname(e), archive_entry_hardlink(e) ? "=" : archive_entry_symlink(e) ? ">" : ":",
			   archive_entry_hardlink(e) ? archive_entry_hardlink(e) : archive_entry_symlink(e) ? archive_entry_symlink(e) : "");
		buf_printf(b, "%.*s ", n > 0 ? (int)n : 0, data);
	}
	archive_read_free(a);
}

static void tars(void **state)
{
	static const struct member upper[] = { { '-', "run/new", "over", 0 }, { '-', ".wh.up", 0, 0 }, { '-', "var/log/l\xc3\xa4nge", "u", 0 }, { 0 } };
	static const struct { const char *path, *name, *all; } cases[] = {
		{ "/run", "there", "there/: there/f:text there/new:over " },
		{ "/run", "", "f:text new:over " },
		{ "/run/f", "g", "g:text " },
		{ "/var", "v", "v/: v/log/: v/run>/run v/log/l\xc3\xa4nge:u " },
		{ "/", "", "run/: var/: var/log/: var/run>/run l1>l2 l2>l1 rel>var/../run/f dangling>no/where run/f:text hard=run/f run/new:over var/log/l\xc3\xa4nge:u " },
	};
	struct rootfs *fs;

	write_layer(0, tree, ARCHIVE_FILTER_GZIP);
	write_layer(1, upper, ARCHIVE_FILTER_ZSTD);
	fs = open_layers(2);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		BUF_CLEANUP struct buf tar = BUF_INIT;
		BUF_CLEANUP struct buf text = BUF_INIT;
		const struct rootfs_node *n;
		struct err e = { 0 };

		assert_int_equal(rootfs_find(fs, cases[i].path, false, &n, &e), 0);
		if (rootfs_tar(fs, n, cases[i].name, take, &tar, &e) < 0)
			fail_msg("%s: %s", cases[i].path, e.text);
		describe(&tar, &text);
		if (strcmp(text.data, cases[i].all) != 0)
			fail_msg("%s: %s", cases[i].path, text.data);
	}
	rootfs_close(fs);
	remove_layers(2);
}

static int refuse(void *arg, const void *data, size_t len, struct err *e)
{
	return err_set(e, ERR_UNAVAILABLE, "the client left");
}

static void writer_fails(void **state)
{
	const struct rootfs_node *n;
	struct rootfs *fs;
	struct err e = { 0 };

	write_layer(0, tree, ARCHIVE_FILTER_NONE);
	fs = open_layers(1);
	assert_int_equal(rootfs_find(fs, "/", false, &n, &e), 0);
	assert_true(rootfs_tar(fs, n, "", refuse, NULL, &e) < 0);
	assert_string_equal(e.text, "the client left");
	/* A layer that changed since it was indexed isn't passed off as what it was. */
	write_layer(0, &tree[3], ARCHIVE_FILTER_NONE);
	{
		BUF_CLEANUP struct buf tar = BUF_INIT;

		assert_true(rootfs_tar(fs, n, "", take, &tar, &e) < 0);
		assert_int_equal(e.kind, ERR_INTERNAL);
	}
	rootfs_close(fs);
	remove_layers(1);
}

static void hostile(void **state)
{
	static char long_name[5000];
	static const struct { struct member m[2]; bool refused; } cases[] = {
		{ { { '-', "../x", "x", 0 } }, true }, { { { '-', "a/../../x", "x", 0 } }, true }, { { { 'h', "a", "../../etc/passwd", 0 } }, true },
		{ { { '-', long_name, "x", 0 } }, true }, { { { 'l', "a", long_name, 0 } }, true },
		{ { { 'l', "a", "../../../etc", 0 } }, false }, { { { 'c', "null", 0, 0 } }, false }, { { { 'p', "pipe", 0, 0 } }, false },
	};

	memset(long_name, 'a', sizeof long_name - 1);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		LAYER_INDEX_CLEANUP struct layer_index *index = NULL;
		struct err e = { 0 };
		int rc;

		write_layer(0, cases[i].m, ARCHIVE_FILTER_NONE);
		rc = layer_index_of_file(layer_file(0), &index, &e);
		if ((rc < 0) != cases[i].refused)
			fail_msg("case %zu: %d %s", i, rc, e.text);
		remove_layers(1);
	}
}

/* Fed in pieces, kept as a file, read back the same; each damage is seen. */
static void kept(void **state)
{
	LAYER_INDEX_CLEANUP struct layer_index *index = NULL;
	struct layer_indexer *b = NULL;
	struct err e = { 0 };
	struct stat st;
	char byte;
	FILE *f;

	write_layer(0, tree, ARCHIVE_FILTER_GZIP);
	f = fopen(layer_file(0), "re");
	assert_true(f && layer_indexer_begin(&b, &e) == 0);
	while (fread(&byte, 1, 1, f) == 1)
		assert_int_equal(layer_indexer_write(b, &byte, 1, &e), 0);
	fclose(f);
	assert_int_equal(layer_indexer_end(b, &index, &e), 0);
	assert_int_equal(index->n, 10);
	assert_int_equal(layer_index_save(index, layer_file(1), &e), 0);
	assert_int_equal(stat(layer_file(1), &st), 0);
	for (off_t at = -1; at < st.st_size; at += 7) {
		struct layer_index *again = NULL;

		f = fopen(layer_file(1), "r+e");
		if (at >= 0) {
			assert_true(fseek(f, at, SEEK_SET) == 0 && fread(&byte, 1, 1, f) == 1 && fseek(f, at, SEEK_SET) == 0);
			byte ^= 1;
			assert_int_equal(fwrite(&byte, 1, 1, f), 1);
		}
		fclose(f);
		assert_int_equal(layer_index_load(layer_file(1), &again, &e), at < 0 || at == sizeof(uint64_t) * 3 + 4 ? 0 : -1);
		if (again) {
			assert_int_equal(again->n, index->n);
			for (size_t i = 0; i < index->n; i++) {
				assert_string_equal(again->entries[i].path, index->entries[i].path);
				assert_string_equal(again->entries[i].link, index->entries[i].link);
				assert_int_equal(again->entries[i].mode, index->entries[i].mode);
			}
			layer_index_free(again);
		}
		assert_int_equal(layer_index_save(index, layer_file(1), &e), 0);
	}
	assert_int_equal(truncate(layer_file(1), st.st_size - 1), 0);
	assert_int_equal(layer_index_load(layer_file(1), &(struct layer_index *){ NULL }, &e), -1);
	remove_layers(2);
}

static void cut_short(void **state)
{
	struct layer_index *index = NULL;
	struct layer_indexer *b = NULL;
	struct err e = { 0 };
	char data[600];
	FILE *f;

	write_layer(0, tree, ARCHIVE_FILTER_GZIP);
	f = fopen(layer_file(0), "re");
	assert_true(f && layer_indexer_begin(&b, &e) == 0);
	assert_true(fread(data, 1, 100, f) == 100);
	fclose(f);
	assert_int_equal(layer_indexer_write(b, data, 100, &e), 0);
	assert_int_equal(layer_indexer_end(b, &index, &e), -1);
	assert_int_equal(e.kind, ERR_UPSTREAM);
	assert_int_equal(layer_indexer_begin(&b, &e), 0);
	memset(data, 'x', sizeof data);
	/* No tar: the writer is told while it writes, or at the end. */
	for (int i = 0; i < 10000 && layer_indexer_write(b, data, sizeof data, &e) == 0; i++)
		;
	assert_int_equal(layer_indexer_end(b, &index, &e), -1);
	assert_int_equal(e.kind, ERR_UPSTREAM);
	assert_int_equal(layer_indexer_begin(&b, &e), 0);
	layer_indexer_abort(b);
	remove_layers(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merged), cmocka_unit_test(found), cmocka_unit_test(resolved), cmocka_unit_test(stats), cmocka_unit_test(tars),
		cmocka_unit_test(writer_fails), cmocka_unit_test(hostile), cmocka_unit_test(kept), cmocka_unit_test(cut_short),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
