/* X-Docker-Container-Path-Stat: what stands at a path of a container, as `docker cp` reads it. */
#ifndef SOCKERLESS_DOCKER_PATH_STAT_H
#define SOCKERLESS_DOCKER_PATH_STAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PATH_STAT_MAX 16384

struct path_stat {
	const char *name;   /* the last element of the path, "." or "/" */
	int64_t size;
	mode_t mode;        /* with the type, as stat has it */
	int64_t mtime;      /* nanoseconds since the epoch */
	const char *target; /* of a symbolic link, as an absolute path; "" */
};

/* The header's value. False: it is too long, or memory is out. */
bool path_stat_encode(const struct path_stat *s, char ret[PATH_STAT_MAX]);

/*
 * What of `path` matters beside its cleaned form: "/" or "/." at its end ask
 * for what a link leads to (*ret_follow). The result, "." or "/" or the
 * cleaned path's last element, is what the client calls it.
 */
const char *path_stat_name(const char *path, const char *clean, bool *ret_follow);

/* "/a/../b//c/" -> "/b/c": dots are taken out of the text alone. False: too long. */
bool path_clean(char *to, size_t size, const char *path);

#endif
