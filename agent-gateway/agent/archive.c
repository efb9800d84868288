#include "agent-gateway/agent/archive.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent-gateway/agent/task.h"

const char *errno_text(int error, char text[128])
{
	snprintf(text, 128, "%s", strerror(error));
	text[0] = (char)tolower((unsigned char)text[0]);
	return text;
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
	bool follow;

	if (!path_clean(ret->path, sizeof ret->path, path)) {
		*ret_code = fail_errno(open, path, ENAMETOOLONG);
		return -1;
	}
	snprintf(ret->name, sizeof ret->name, "%s", path_stat_name(path, ret->path, &follow));
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
	ssize_t n;

	target[0] = '\0';
	if (!S_ISLNK(p->st.st_mode))
		return;
	if (realpath(p->path, resolved)) {
		strcpy(target, resolved);
		return;
	}
	/* Where it would lead. */
	n = readlink(p->path, raw, sizeof raw - 1);
	if (n < 0)
		return;
	raw[n] = '\0';
	snprintf(joined, sizeof joined, "%.*s/%s", raw[0] == '/' ? 0 : (int)(strrchr(p->path, '/') - p->path), p->path, raw);
	if (!path_clean(target, PATH_MAX, joined))
		target[0] = '\0';
}

bool archive_path_stat(struct json_object *head, const struct archive_path *p)
{
	char target[PATH_MAX], text[PATH_STAT_MAX];
	struct path_stat s = { .name = p->name, .size = p->st.st_size, .mode = p->st.st_mode, .target = target,
			       .mtime = p->st.st_mtim.tv_sec * 1000000000LL + p->st.st_mtim.tv_nsec };

	link_target(p, target);
	return path_stat_encode(&s, text) && json_add_str(head, "stat", text);
}
