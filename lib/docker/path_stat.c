#include "lib/docker/path_stat.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/docker/time.h"
#include "lib/json.h"

/* Go's FileMode: its own bits above the permissions. */
#define GO_DIR (1u << 31)
#define GO_SYMLINK (1u << 27)
#define GO_DEVICE (1u << 26)
#define GO_FIFO (1u << 25)
#define GO_SOCKET (1u << 24)
#define GO_SETUID (1u << 23)
#define GO_SETGID (1u << 22)
#define GO_CHAR_DEVICE (1u << 21)
#define GO_STICKY (1u << 20)

static uint32_t go_mode(mode_t mode)
{
	uint32_t go = mode & 0777;

	go |= mode & S_ISUID ? GO_SETUID : 0;
	go |= mode & S_ISGID ? GO_SETGID : 0;
	go |= mode & S_ISVTX ? GO_STICKY : 0;
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return go | GO_DIR;
	case S_IFLNK:
		return go | GO_SYMLINK;
	case S_IFIFO:
		return go | GO_FIFO;
	case S_IFSOCK:
		return go | GO_SOCKET;
	case S_IFBLK:
		return go | GO_DEVICE;
	case S_IFCHR:
		return go | GO_DEVICE | GO_CHAR_DEVICE;
	default:
		return go;
	}
}

bool path_clean(char *to, size_t size, const char *path)
{
	size_t at = 0;

	while (*path) {
		size_t len = strcspn(path, "/");

		if (len == 2 && !strncmp(path, "..", 2)) {
			while (at && to[--at] != '/')
				;
		} else if (len && !(len == 1 && *path == '.')) {
			if (at + len + 2 > size)
				return false;
			to[at++] = '/';
			memcpy(to + at, path, len);
			at += len;
		}
		path += len + (path[len] == '/');
	}
	if (!at)
		to[at++] = '/';
	to[at] = '\0';
	return true;
}

const char *path_stat_name(const char *path, const char *clean, bool *ret_follow)
{
	size_t len = strlen(path);
	bool dot = len && path[len - 1] == '.' && (len == 1 || path[len - 2] == '/');

	*ret_follow = dot || (len && path[len - 1] == '/');
	return dot ? "." : clean[1] ? strrchr(clean, '/') + 1 : "/";
}

bool path_stat_encode(const struct path_stat *s, char ret[PATH_STAT_MAX])
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();
	char time[TIME_TEXT_MAX];
	const char *text;

	/* Time zero is Go's zero time for time_format, but an honest date of a file. */
	time_format(time, s->mtime);
	if (!s->mtime)
		strcpy(time, "1970-01-01T00:00:00Z");
	if (!o || !json_add_str(o, "name", s->name) || !json_add_int(o, "size", s->size) || !json_add_int(o, "mode", go_mode(s->mode)) ||
	    !json_add_str(o, "mtime", time) || !json_add_str(o, "linkTarget", s->target))
		return false;
	text = json_text(o);
	if (strlen(text) > PATH_STAT_MAX / 4 * 3 - 4)
		return false;
	EVP_EncodeBlock((unsigned char *)ret, (const unsigned char *)text, (int)strlen(text));
	return true;
}
