/* put: unpacks a tar from stdin in a directory of the container's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent-gateway/agent/archive.h"
#include "agent-gateway/agent/task.h"
#include "agent-gateway/agent/unpack.h"

static int open_root(struct unpack *u, struct json_object *open)
{
	char clean[PATH_MAX];
	struct stat st;

	if (!path_clean(clean, sizeof clean, u->shown) || !realpath(clean, u->root)) {
		u->code = task_fail(404, "Could not find the file %s in container %s", u->shown, json_str(open, "name", ""));
		return -1;
	}
	if (stat(u->root, &st) < 0 || !S_ISDIR(st.st_mode)) {
		u->code = task_fail(500, "extraction point is not a directory");
		return -1;
	}
	if (!u->root[1])
		u->root[0] = '\0';
	return 0;
}

int task_put(struct json_object *open)
{
	CLEANUP_JSON struct json_object *head = json_object_new_object();
	struct unpack u = { .shown = json_str(open, "path", ""), .no_overwrite = !strcmp(json_str(open, "no_overwrite", ""), "1") };

	if (open_root(&u, open) < 0 || unpack_stdin(&u) < 0)
		return u.code;
	return task_head(200, head) < 0;
}
