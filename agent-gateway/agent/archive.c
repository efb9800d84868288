#include "agent-gateway/agent/archive.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent-gateway/agent/fake_root.h"
#include "agent-gateway/agent/task.h"
#include "lib/docker/time.h"

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

const char *errno_text(int error, char text[128])
{
	snprintf(text, 128, "%s", strerror(error));
	text[0] = (char)tolower((unsigned char)text[0]);
	return text;
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

/* "/." and "/" at the end ask for what a link points to, and "/." for the content. */
static void read_ending(const char *path, const char *clean, char *name, size_t size, bool *ret_follow)
{
	size_t len = strlen(path);
	bool dot = len && path[len - 1] == '.' && (len == 1 || path[len - 2] == '/');

	*ret_follow = dot || (len && path[len - 1] == '/');
	snprintf(name, size, "%s", dot ? "." : clean[1] ? strrchr(clean, '/') + 1 : "/");
}

static int fail_errno(struct json_object *open, const char *path, int error)
{
	char text[128];

	if (error == ENOENT || error == ENOTDIR)
		return task_fail(404, "Could not find the file %s in container %s", path, json_str(open, "name", ""));
	return task_fail(500, "lstat %s: %s", path, errno_text(error, text));
}

int archive_path_find(struct json_object *open, struct archive_path *ret, int *ret_code)
{
	const char *path = json_str(open, "path", "");
	char clean[PATH_MAX];
	bool follow;

	if (!path_clean(clean, sizeof clean, path)) {
		*ret_code = fail_errno(open, path, ENAMETOOLONG);
		return -1;
	}
	read_ending(path, clean, ret->name, sizeof ret->name, &follow);
	if (!fake_root_path(clean, follow, ret->path, sizeof ret->path)) {
		*ret_code = fail_errno(open, path, ENAMETOOLONG);
		return -1;
	}
	if ((follow ? stat(ret->path, &ret->st) : lstat(ret->path, &ret->st)) < 0) {
		*ret_code = fail_errno(open, path, errno);
		return -1;
	}
	/* As for the shell: only a directory can be named with a slash behind it. */
	if (follow && !S_ISDIR(ret->st.st_mode)) {
		*ret_code = fail_errno(open, path, ENOTDIR);
		return -1;
	}
	return 0;
}

static void link_target(const struct archive_path *p, char target[PATH_MAX])
{
	char resolved[PATH_MAX], raw[PATH_MAX], joined[2 * PATH_MAX];
	const char *shown = fake_root_shown(p->path);
	ssize_t n;

	target[0] = '\0';
	if (!S_ISLNK(p->st.st_mode))
		return;
	if (fake_root_path(shown, true, raw, sizeof raw) && realpath(raw, resolved)) {
		strcpy(target, fake_root_shown(resolved));
		return;
	}
	/* Where it would lead. */
	n = readlink(p->path, raw, sizeof raw - 1);
	if (n < 0)
		return;
	raw[n] = '\0';
	snprintf(joined, sizeof joined, "%.*s/%s", raw[0] == '/' ? 0 : (int)(strrchr(shown, '/') - shown), shown, raw);
	if (!path_clean(target, PATH_MAX, joined))
		target[0] = '\0';
}

bool archive_path_stat(struct json_object *head, const struct archive_path *p)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();
	char time[TIME_TEXT_MAX], target[PATH_MAX], encoded[16384];
	const char *text;

	/* Time zero is Go's zero time for time_format, but an honest date of a file. */
	time_format(time, p->st.st_mtim.tv_sec * 1000000000LL + p->st.st_mtim.tv_nsec);
	if (!p->st.st_mtim.tv_sec && !p->st.st_mtim.tv_nsec)
		strcpy(time, "1970-01-01T00:00:00Z");
	link_target(p, target);
	if (!o || !json_add_str(o, "name", p->name) || !json_add_int(o, "size", p->st.st_size) ||
	    !json_add_int(o, "mode", go_mode(p->st.st_mode)) || !json_add_str(o, "mtime", time) || !json_add_str(o, "linkTarget", target))
		return false;
	text = json_text(o);
	if (strlen(text) > sizeof encoded / 4 * 3 - 4)
		return false;
	EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)text, (int)strlen(text));
	return json_add_str(head, "stat", encoded);
}
