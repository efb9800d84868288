/* Paths of the container as `docker cp` names them, for the archive tasks. */
#ifndef SOCKERLESS_AGENT_ARCHIVE_H
#define SOCKERLESS_AGENT_ARCHIVE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "lib/docker/path_stat.h"
#include "lib/json.h"

struct archive_path {
	char path[PATH_MAX];     /* absolute, cleaned; links before the last element are the kernel's to follow */
	char name[NAME_MAX + 2]; /* what the client calls it: the last element, "." or "/" */
	struct stat st;          /* of the link itself, unless the client's path ends with / or /. */
};

/* Looks at the message's path. 0, or -1 after telling the client why not (its exit code is *ret_code). */
int archive_path_find(struct json_object *open, struct archive_path *ret, int *ret_code);

/* The head of a reply about it: X-Docker-Container-Path-Stat's value as "stat". */
bool archive_path_stat(struct json_object *head, const struct archive_path *p);

/* errno as Go words it: "read-only file system". */
const char *errno_text(int error, char text[128]);

#endif
