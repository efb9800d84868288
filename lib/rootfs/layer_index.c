#include "lib/rootfs/layer_index.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/rootfs/layer_reader.h"

#define BLOCK (256u << 10)
#define WHITEOUT ".wh."
#define OPAQUE ".wh..wh..opq"

void layer_index_free(struct layer_index *i)
{
	if (!i)
		return;
	for (size_t n = 0; n < i->n_blocks; n++)
		free(i->blocks[n]);
	free(i->blocks);
	free(i->entries);
	free(i);
}

int layer_path_clean(const char *path, char *ret)
{
	size_t len = 0;

	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && !memcmp(path, "..", 2))
			return -1;
		if (n && !(n == 1 && *path == '.')) {
			if (len + n + 1 > LAYER_PATH_MAX)
				return -1;
			if (len)
				ret[len++] = '/';
			memcpy(ret + len, path, n);
			len += n;
		}
		path += n + (path[n] == '/');
	}
	ret[len] = '\0';
	return 0;
}

struct builder {
	struct layer_index *index;
	size_t cap, used, room; /* entries; bytes in the last block and of it */
	size_t text;            /* bytes in all */
};

/* A copy in the index's blocks; NULL and e set. */
static const char *keep(struct builder *b, const char *text, struct err *e)
{
	size_t len = strlen(text) + 1;
	char *at;

	if (len == 1)
		return "";
	b->text += len;
	if (b->text > LAYER_TEXT_MAX) {
		err_set(e, ERR_NOT_SUPPORTED, "a layer whose names take more than %u bytes is not supported", LAYER_TEXT_MAX);
		return NULL;
	}
	if (b->used + len > b->room) {
		char **more = realloc(b->index->blocks, (b->index->n_blocks + 1) * sizeof *more);

		if (more)
			b->index->blocks = more;
		b->room = len > BLOCK ? len : BLOCK;
		b->used = 0;
		at = more ? malloc(b->room) : NULL;
		if (!at) {
			b->room = 0;
			err_nomem(e);
			return NULL;
		}
		b->index->blocks[b->index->n_blocks++] = at;
	}
	at = b->index->blocks[b->index->n_blocks - 1] + b->used;
	b->used += len;
	return memcpy(at, text, len);
}

static int add(struct builder *b, struct layer_entry *entry, const char *path, const char *link, struct err *e)
{
	struct layer_index *i = b->index;

	if (i->n >= LAYER_ENTRIES_MAX)
		return err_set(e, ERR_NOT_SUPPORTED, "a layer of more than %u files is not supported", LAYER_ENTRIES_MAX);
	if (i->n == b->cap) {
		size_t cap = b->cap ? 2 * b->cap : 256;
		struct layer_entry *more = realloc(i->entries, cap * sizeof *more);

		if (!more)
			return err_nomem(e);
		i->entries = more;
		b->cap = cap;
	}
	entry->path = keep(b, path, e);
	entry->link = entry->path ? keep(b, link, e) : NULL;
	if (!entry->link)
		return -1;
	i->entries[i->n++] = *entry;
	return 0;
}

/* Names that are marks: path becomes what they speak of. */
static uint8_t take_mark(char *path, uint8_t type)
{
	char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	if (strncmp(name, WHITEOUT, strlen(WHITEOUT)) != 0)
		return type;
	if (!strcmp(name, OPAQUE)) {
		if (slash)
			*slash = '\0';
		else
			*path = '\0';
		return LAYER_OPAQUE;
	}
	memmove(name, name + strlen(WHITEOUT), strlen(name + strlen(WHITEOUT)) + 1);
	/* ".wh..wh.plnk" and its like are aufs' own; a mark without a name speaks of nothing. */
	if (!*name || !strcmp(name, ".") || !strcmp(name, "..") || !strncmp(name, WHITEOUT, strlen(WHITEOUT)))
		return LAYER_OTHER;
	return LAYER_WHITEOUT;
}

static uint8_t type_of(struct archive_entry *entry)
{
	if (archive_entry_hardlink(entry))
		return LAYER_HARDLINK;
	switch (archive_entry_filetype(entry)) {
	case AE_IFREG:
		return LAYER_FILE;
	case AE_IFDIR:
		return LAYER_DIR;
	case AE_IFLNK:
		return LAYER_SYMLINK;
	case AE_IFCHR:
		return LAYER_CHAR;
	case AE_IFBLK:
		return LAYER_BLOCK;
	case AE_IFIFO:
		return LAYER_FIFO;
	default:
		return LAYER_OTHER;
	}
}

static uint32_t id_of(int64_t id)
{
	return id < 0 || id > UINT32_MAX ? UINT32_MAX : (uint32_t)id;
}

static int bad_name(const char *name, struct err *e)
{
	return err_set(e, ERR_UPSTREAM, "a layer can't be read: %.200s is no path within the image", name ? name : "a name");
}

static int member(void *arg, struct archive *tar, struct archive_entry *entry, struct err *e)
{
	const char *name = archive_entry_pathname(entry), *link = "";
	char path[LAYER_PATH_MAX + 1], target[LAYER_PATH_MAX + 1];
	struct layer_entry out = {
		.size = archive_entry_size(entry),
		.mtime = archive_entry_mtime(entry),
		.uid = id_of(archive_entry_uid(entry)),
		.gid = id_of(archive_entry_gid(entry)),
		.mode = (uint16_t)(archive_entry_perm(entry) & 07777),
		.type = type_of(entry),
	};

	if (!name || layer_path_clean(name, path) < 0)
		return bad_name(name, e);
	out.type = take_mark(path, out.type);
	if (out.type == LAYER_HARDLINK) {
		if (layer_path_clean(archive_entry_hardlink(entry), target) < 0)
			return bad_name(archive_entry_hardlink(entry), e);
		link = target;
	} else if (out.type == LAYER_SYMLINK) {
		link = archive_entry_symlink(entry);
		if (!link || strlen(link) > LAYER_PATH_MAX)
			return bad_name(name, e);
	} else if (out.type == LAYER_CHAR || out.type == LAYER_BLOCK) {
		out.major = (uint32_t)archive_entry_rdevmajor(entry);
		out.minor = (uint32_t)archive_entry_rdevminor(entry);
	}
	if (out.type != LAYER_FILE)
		out.size = 0;
	return add(arg, &out, path, link, e);
}

struct layer_indexer {
	struct layer_reader *reader;
	struct builder b;
};

void layer_indexer_abort(struct layer_indexer *b)
{
	if (!b)
		return;
	layer_reader_abort(b->reader);
	layer_index_free(b->b.index);
	free(b);
}

int layer_indexer_begin(struct layer_indexer **ret, struct err *e)
{
	struct layer_indexer *b = calloc(1, sizeof *b);

	if (!b || !(b->b.index = calloc(1, sizeof *b->b.index))) {
		free(b);
		return err_nomem(e);
	}
	if (layer_reader_begin(member, &b->b, &b->reader, e) < 0) {
		layer_indexer_abort(b);
		return -1;
	}
	*ret = b;
	return 0;
}

int layer_indexer_write(struct layer_indexer *b, const void *data, size_t len, struct err *e)
{
	return layer_reader_write(b->reader, data, len, e);
}

int layer_indexer_end(struct layer_indexer *b, struct layer_index **ret, struct err *e)
{
	int rc = layer_reader_end(STEAL(b->reader), e);

	if (rc == 0)
		*ret = STEAL(b->b.index);
	layer_indexer_abort(b);
	return rc;
}

int layer_index_of_file(const char *path, struct layer_index **ret, struct err *e)
{
	struct builder b = { .index = calloc(1, sizeof *b.index) };

	if (!b.index)
		return err_nomem(e);
	if (layer_read_file(path, member, &b, e) < 0) {
		layer_index_free(b.index);
		return -1;
	}
	*ret = b.index;
	return 0;
}
