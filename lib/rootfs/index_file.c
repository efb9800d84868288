/*
 * An index as a file: a head, then each entry as a fixed record followed by
 * its two texts with their NULs. Of this machine's byte order: it never leaves
 * it, and can be made again from the layer.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/ids.h"
#include "lib/rootfs/layer_index.h"

#define MAGIC "SKLSIDX1"
#define FILE_MAX ((size_t)LAYER_TEXT_MAX + (size_t)LAYER_ENTRIES_MAX * sizeof(struct record))

struct head {
	char magic[8];
	uint64_t n;
	uint64_t len; /* bytes that follow */
	uint32_t crc; /* of those */
	uint32_t zero;
};

struct record {
	int64_t size, mtime;
	uint32_t uid, gid, major, minor;
	uint16_t mode, path, link; /* lengths without the NUL */
	uint16_t type;
};

static void put(struct buf *b, const struct layer_entry *entry)
{
	struct record r = {
		.size = entry->size, .mtime = entry->mtime, .uid = entry->uid, .gid = entry->gid, .major = entry->major, .minor = entry->minor,
		.mode = entry->mode, .path = (uint16_t)strlen(entry->path), .link = (uint16_t)strlen(entry->link), .type = entry->type,
	};

	buf_append(b, &r, sizeof r);
	buf_append(b, entry->path, r.path + 1u);
	buf_append(b, entry->link, r.link + 1u);
}

static int write_all(int fd, const void *data, size_t len)
{
	for (const char *at = data; len;) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

int layer_index_save(const struct layer_index *i, const char *path, struct err *e)
{
	BUF_CLEANUP struct buf body = BUF_INIT;
	BUF_CLEANUP struct buf name = BUF_INIT;
	CLEANUP_CLOSE int fd = -1;
	struct head head = { .magic = MAGIC, .n = i->n };
	char unique[17];

	for (size_t n = 0; n < i->n; n++)
		put(&body, &i->entries[n]);
	id_random(unique, 8);
	buf_printf(&name, "%s.%s.new", path, unique);
	if (body.failed || name.failed)
		return err_nomem(e);
	head.len = body.len;
	head.crc = (uint32_t)crc32_z(0, (const unsigned char *)body.data, body.len);
	fd = open(name.data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(e, errno, "%s", name.data);
	if (write_all(fd, &head, sizeof head) == 0 && write_all(fd, body.data, body.len) == 0 && rename(name.data, path) == 0)
		return 0;
	err_errno(e, errno, "%s", path);
	unlink(name.data);
	return -1;
}

static int damaged(const char *path, struct err *e)
{
	return err_set(e, ERR_INVALID, "%s is damaged", path);
}

/* The text at *at, which must end within `end` just where the record says. */
static const char *text_at(const char **at, const char *end, size_t len)
{
	const char *text = *at;

	if (len > LAYER_PATH_MAX || (size_t)(end - text) <= len || memchr(text, '\0', len + 1) != text + len)
		return NULL;
	*at += len + 1;
	return text;
}

static bool get(const char **at, const char *end, struct layer_entry *ret)
{
	struct record r;

	if ((size_t)(end - *at) < sizeof r)
		return false;
	memcpy(&r, *at, sizeof r);
	*at += sizeof r;
	*ret = (struct layer_entry){
		.size = r.size, .mtime = r.mtime, .uid = r.uid, .gid = r.gid, .major = r.major, .minor = r.minor, .mode = r.mode & 07777,
		.type = (uint8_t)r.type,
	};
	ret->path = text_at(at, end, r.path);
	ret->link = ret->path ? text_at(at, end, r.link) : NULL;
	return ret->link && r.type < LAYER_TYPES && r.size >= 0;
}

static int parse(const char *path, const struct head *head, struct layer_index *i, struct err *e)
{
	const char *at = i->blocks[0], *end = at + head->len;

	if ((uint32_t)crc32_z(0, (const unsigned char *)at, head->len) != head->crc)
		return damaged(path, e);
	for (; i->n < head->n; i->n++)
		if (!get(&at, end, &i->entries[i->n]))
			return damaged(path, e);
	return at == end ? 0 : damaged(path, e);
}

static int read_all(int fd, void *data, size_t len)
{
	for (char *at = data; len;) {
		ssize_t n = read(fd, at, len);

		if (n == 0 || (n < 0 && errno != EINTR))
			return -1;
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

int layer_index_load(const char *path, struct layer_index **ret, struct err *e)
{
	LAYER_INDEX_CLEANUP struct layer_index *i = calloc(1, sizeof *i);
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct head head;
	struct stat st;

	if (!i)
		return err_nomem(e);
	if (fd < 0)
		return errno == ENOENT ? err_set(e, ERR_NOT_FOUND, "%s isn't there", path) : err_errno(e, errno, "%s", path);
	if (fstat(fd, &st) < 0 || read_all(fd, &head, sizeof head) < 0 || memcmp(head.magic, MAGIC, sizeof head.magic) != 0 ||
	    head.n > LAYER_ENTRIES_MAX || head.len > FILE_MAX || (uint64_t)st.st_size != head.len + sizeof head)
		return damaged(path, e);
	i->entries = calloc(head.n ? head.n : 1, sizeof *i->entries);
	i->blocks = calloc(1, sizeof *i->blocks);
	if (!i->entries || !i->blocks || !(i->blocks[0] = malloc(head.len ? head.len : 1)))
		return err_nomem(e);
	i->n_blocks = 1;
	if (read_all(fd, i->blocks[0], head.len) < 0)
		return damaged(path, e);
	if (parse(path, &head, i, e) < 0)
		return -1;
	*ret = STEAL(i);
	return 0;
}
