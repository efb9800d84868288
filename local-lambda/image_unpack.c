#include "local-lambda/image_unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <zlib.h>

#include "lib/cleanup.h"
#include "lib/ids.h"

#define CHUNK (256u << 10)
#define PATH_PARTS_MAX 256

struct unpack {
	gzFile gz;
	EVP_MD_CTX *hash;
	uint64_t *left;
	bool too_large;
	bool broken;
	int root;
	unsigned entries;
	unsigned char chunk[CHUNK];
};

static la_ssize_t unpack_read(struct archive *archive, void *arg, const void **ret)
{
	struct unpack *u = arg;
	int n = gzread(u->gz, u->chunk, sizeof u->chunk);

	if (n < 0) {
		u->broken = true;
		archive_set_error(archive, EINVAL, "the compressed data is damaged");
		return -1;
	}
	if ((uint64_t)n > *u->left) {
		u->too_large = true;
		archive_set_error(archive, EFBIG, "too large");
		return -1;
	}
	*u->left -= (uint64_t)n;
	EVP_DigestUpdate(u->hash, u->chunk, (size_t)n);
	*ret = u->chunk;
	return n;
}

/* Strips leading slashes and "./"; false for a name with ".." or one that is too deep. An empty result is the root itself. */
static bool path_clean(const char *path, char out[PATH_MAX])
{
	size_t len = 0;
	unsigned parts = 0;

	out[0] = '\0';
	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && !memcmp(path, "..", 2))
			return false;
		if (n && !(n == 1 && *path == '.')) {
			if (len + n + 2 > PATH_MAX || n > NAME_MAX || ++parts > PATH_PARTS_MAX)
				return false;
			if (len)
				out[len++] = '/';
			memcpy(out + len, path, n);
			len += n;
			out[len] = '\0';
		}
		path += n;
		path += *path == '/';
	}
	return true;
}

static int open_inside(int root, const char *path, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};

	return (int)syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof how);
}

/* Opens the directory `path`, making what is missing of it. */
static int parent_open(int root, const char *path)
{
	char part[PATH_MAX];
	int fd = open_inside(root, path, O_PATH | O_DIRECTORY);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");
		size_t upto = (size_t)(p - path);
		CLEANUP_CLOSE int dir = -1;
		char name[NAME_MAX + 1];

		memcpy(part, path, upto);
		part[upto ? upto - 1 : 0] = '\0';
		memcpy(name, p, n);
		name[n] = '\0';
		dir = open_inside(root, part, O_PATH | O_DIRECTORY);
		if (dir < 0 || (mkdirat(dir, name, 0755) < 0 && errno != EEXIST))
			return -1;
		p += n;
		p += *p == '/';
	}
	return open_inside(root, path, O_PATH | O_DIRECTORY);
}

/* Makes room for an entry: a directory stays if a directory comes. */
static int name_clear(int dir, const char *name, bool directory)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	if (S_ISDIR(st.st_mode) && directory)
		return 0;
	return unlinkat(dir, name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0);
}

static int data_write(struct archive *archive, int fd, struct err *e)
{
	const void *data;
	size_t len;
	la_int64_t offset;
	int rc;

	while ((rc = archive_read_data_block(archive, &data, &len, &offset)) == ARCHIVE_OK)
		for (size_t done = 0; done < len;) {
			ssize_t w = pwrite(fd, (const char *)data + done, len - done, offset + (off_t)done);

			if (w < 0 && errno == EINTR)
				continue;
			if (w <= 0)
				return err_errno(e, errno, "unpacking");
			done += (size_t)w;
		}
	return rc == ARCHIVE_EOF ? 0 : err_set(e, ERR_INVALID, "the layer is damaged: %s", archive_error_string(archive));
}

static int file_make(struct archive *archive, struct archive_entry *entry, int dir, const char *name, struct err *e)
{
	CLEANUP_CLOSE int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	la_int64_t size = archive_entry_size(entry);

	if (fd < 0)
		return err_errno(e, errno, "unpacking %s", name);
	if (data_write(archive, fd, e) < 0)
		return -1;
	/* A sparse tail isn't written by the loop above. */
	if (size > 0 && ftruncate(fd, size) < 0)
		return err_errno(e, errno, "unpacking %s", name);
	return 0;
}

static int hardlink_make(struct unpack *u, const char *target, int dir, const char *name, struct err *e)
{
	char clean[PATH_MAX], proc[64];
	CLEANUP_CLOSE int fd = -1;
	struct stat st;

	if (!path_clean(target, clean) || !*clean)
		return err_set(e, ERR_INVALID, "the layer holds a hard link out of it: %s", target);
	fd = open_inside(u->root, clean, O_PATH | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0 || S_ISDIR(st.st_mode))
		return err_set(e, ERR_INVALID, "the layer holds a hard link to what isn't in it: %s", target);
	if (name_clear(dir, name, false) < 0)
		return err_errno(e, errno, "unpacking %s", name);
	if (linkat(fd, "", dir, name, AT_EMPTY_PATH) == 0)
		return 0;
	snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, proc, dir, name, AT_SYMLINK_FOLLOW) < 0 ? err_errno(e, errno, "unpacking %s", name) : 0;
}

/* 1: was a whiteout. */
static int whiteout_make(int dir, const char *name, struct err *e)
{
	char proc[64];

	if (strncmp(name, ".wh.", 4))
		return 0;
	if (!strcmp(name, ".wh..wh..opq")) {
		snprintf(proc, sizeof proc, "/proc/self/fd/%d", dir);
		return setxattr(proc, "trusted.overlay.opaque", "y", 1, 0) < 0 ? err_errno(e, errno, "marking a directory opaque") : 1;
	}
	if (!strncmp(name, ".wh..wh.", 8))
		return 1;
	name += 4;
	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return err_set(e, ERR_INVALID, "the layer holds a whiteout of nothing");
	/* What the same layer brings itself is stronger than its whiteout. */
	if (mknodat(dir, name, S_IFCHR, makedev(0, 0)) < 0 && errno != EEXIST)
		return err_errno(e, errno, "making the whiteout of %s", name);
	return 1;
}

static int attributes_set(struct archive_entry *entry, int dir, const char *name, struct err *e)
{
	struct timespec times[2] = {
		{ .tv_nsec = UTIME_OMIT },
		{ .tv_sec = archive_entry_mtime(entry), .tv_nsec = archive_entry_mtime_nsec(entry) },
	};
	bool symlink = archive_entry_filetype(entry) == AE_IFLNK;

	if (fchownat(dir, name, (uid_t)archive_entry_uid(entry), (gid_t)archive_entry_gid(entry), AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(e, errno, "owner of %s", name);
	if (!symlink && fchmodat(dir, name, archive_entry_perm(entry) & 07777, 0) < 0)
		return err_errno(e, errno, "mode of %s", name);
	if (archive_entry_mtime_is_set(entry))
		utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW);
	return 0;
}

static int node_make(struct unpack *u, struct archive *archive, struct archive_entry *entry, int dir, const char *name,
		     struct err *e)
{
	mode_t type = archive_entry_filetype(entry);

	if (name_clear(dir, name, type == AE_IFDIR) < 0)
		return err_errno(e, errno, "unpacking %s", name);
	switch (type) {
	case AE_IFDIR:
		if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
			return err_errno(e, errno, "unpacking %s", name);
		break;
	case AE_IFREG:
		if (file_make(archive, entry, dir, name, e) < 0)
			return -1;
		break;
	case AE_IFLNK:
		if (!archive_entry_symlink(entry))
			return err_set(e, ERR_INVALID, "the layer's link %s leads nowhere", name);
		if (symlinkat(archive_entry_symlink(entry), dir, name) < 0)
			return err_errno(e, errno, "unpacking %s", name);
		break;
	case AE_IFIFO:
		if (mkfifoat(dir, name, 0600) < 0)
			return err_errno(e, errno, "unpacking %s", name);
		break;
	default: /* device nodes have no place in a function */
		return 0;
	}
	return attributes_set(entry, dir, name, e);
}

static int entry_unpack(struct unpack *u, struct archive *archive, struct archive_entry *entry, struct err *e)
{
	char path[PATH_MAX], parent[PATH_MAX];
	const char *raw = archive_entry_pathname(entry);
	const char *hardlink = archive_entry_hardlink(entry);
	CLEANUP_CLOSE int dir = -1;
	char *slash;
	int rc;

	if (!raw || !path_clean(raw, path))
		return err_set(e, ERR_INVALID, "the layer holds a name that leads out of it: %s", raw ? raw : "(none)");
	if (!*path)
		return archive_entry_filetype(entry) == AE_IFDIR ? attributes_set(entry, u->root, ".", e) : 0;
	slash = strrchr(path, '/');
	snprintf(parent, sizeof parent, "%.*s", slash ? (int)(slash - path) : 0, path);
	const char *name = slash ? slash + 1 : path;

	dir = parent_open(u->root, parent);
	if (dir < 0)
		return err_set(e, ERR_INVALID, "the layer's %s can't be unpacked: %s", path, strerror(errno));
	rc = whiteout_make(dir, name, e);
	if (rc)
		return rc < 0 ? -1 : 0;
	return hardlink ? hardlink_make(u, hardlink, dir, name, e) : node_make(u, archive, entry, dir, name, e);
}

static int entries_unpack(struct unpack *u, struct archive *archive, struct err *e)
{
	struct archive_entry *entry;
	int rc;

	while ((rc = archive_read_next_header(archive, &entry)) == ARCHIVE_OK || rc == ARCHIVE_WARN) {
		if (++u->entries > LAYER_ENTRIES_MAX)
			return err_set(e, ERR_INVALID, "the layer has more than %u entries", LAYER_ENTRIES_MAX);
		if (entry_unpack(u, archive, entry, e) < 0)
			break;
	}
	if (u->too_large)
		return err_set(e, ERR_INVALID, "the image is larger than 10 GB uncompressed");
	if (rc == ARCHIVE_OK || rc == ARCHIVE_WARN)
		return -1;
	return rc == ARCHIVE_EOF ? 0 : err_set(e, ERR_INVALID, "the layer is damaged: %s", archive_error_string(archive));
}

/* What follows the tar's end belongs to the digest too. */
static int digest_check(struct unpack *u, const char *diff_hex, struct err *e)
{
	unsigned char digest[32];
	char hex[65];
	const void *data;
	la_ssize_t n;

	struct archive *unused = archive_read_new();
	if (!unused)
		return err_nomem(e);
	while ((n = unpack_read(unused, u, &data)) > 0)
		;
	archive_read_free(unused);
	if (u->too_large)
		return err_set(e, ERR_INVALID, "the image is larger than 10 GB uncompressed");
	if (n < 0 || EVP_DigestFinal_ex(u->hash, digest, NULL) != 1)
		return err_set(e, ERR_INVALID, "the layer's compressed data is damaged");
	hex_encode(hex, digest, sizeof digest);
	if (strcmp(hex, diff_hex))
		return err_set(e, ERR_INVALID, "a layer's diff id is sha256:%s, the image config says sha256:%s", hex, diff_hex);
	return 0;
}

static int magic_check(int fd, struct err *e)
{
	unsigned char magic[4] = { 0 };

	if (pread(fd, magic, sizeof magic, 0) < 0)
		return err_errno(e, errno, "reading a layer");
	if (!memcmp(magic, "\x28\xb5\x2f\xfd", 4))
		return err_set(e, ERR_INVALID, "a layer is compressed with zstd, which Lambda does not take");
	return 0;
}

int layer_unpack(int blob_fd, int dir_fd, const char *diff_hex, uint64_t *bytes_left, struct err *e)
{
	CLEANUP_FREE struct unpack *u = calloc(1, sizeof *u);
	struct archive *archive = archive_read_new();
	int copy = fcntl(blob_fd, F_DUPFD_CLOEXEC, 3);
	int rc = -1;

	if (u) {
		*u = (struct unpack){ .root = dir_fd, .left = bytes_left };
		u->hash = EVP_MD_CTX_new();
		u->gz = copy >= 0 && lseek(copy, 0, SEEK_SET) == 0 ? gzdopen(copy, "rb") : NULL;
	}
	if (!u || !archive || !u->hash || !u->gz || EVP_DigestInit_ex(u->hash, EVP_sha256(), NULL) != 1) {
		err_nomem(e);
	} else if (magic_check(blob_fd, e) == 0) {
		gzbuffer(u->gz, CHUNK);
		archive_read_support_format_tar(archive);
		/* An empty layer may be no tar at all: an empty stream. */
		archive_read_support_format_empty(archive);
		if (archive_read_open(archive, u, NULL, unpack_read, NULL) != ARCHIVE_OK)
			err_set(e, ERR_INVALID, "a layer is no tar: %s", archive_error_string(archive));
		else if (entries_unpack(u, archive, e) == 0)
			rc = digest_check(u, diff_hex, e);
	}
	if (u && u->gz)
		gzclose(u->gz);
	else if (copy >= 0)
		close(copy);
	if (u)
		EVP_MD_CTX_free(u->hash);
	archive_read_free(archive);
	return rc;
}
