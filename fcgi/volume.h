/*
 * Volumes: names with labels and options. Nothing can be mounted in a Lambda
 * function, so that they hold nothing; container create says so.
 */
#ifndef SOCKERLESS_FCGI_VOLUME_H
#define SOCKERLESS_FCGI_VOLUME_H

#include <json-c/json.h>
#include <stdbool.h>

#include "fcgi/request.h"

#define VOLUME_ANONYMOUS "com.docker.volume.anonymous"

/* The path that dockerd would show; there is nothing at it. */
#define VOLUME_PATH "/var/lib/docker/volumes/%s/_data"

/* Another driver than local: ERR_NOT_FOUND; a name that no volume can have: ERR_INVALID. In dockerd's words. */
int volume_check(const char *name, const char *driver, struct err *e);

/*
 * Within a transaction: makes a volume unless it is there; labels and options
 * (objects of strings, borrowed, NULL: none). 1: made, with its event; 0: there already.
 */
int volume_make(struct request *req, const char *name, struct json_object *labels, struct json_object *options, struct err *e);
/* Within a transaction: takes it away, with its event. */
int volume_destroy(struct request *req, const char *name, struct err *e);

/* ERR_NOT_FOUND "get x: no such volume". The caller owns *ret. */
int volume_inspect(struct request *req, const char *name, struct json_object **ret, struct err *e);

/*
 * All volumes as inspect shows them, in order of their names, with the member
 * UsageData {RefCount, Size}, which list doesn't show. The caller owns *ret, an array.
 */
int volume_all(struct request *req, struct json_object **ret, struct err *e);

/* Containers that use it, an array of ids owned by the caller. */
int volume_users(struct request *req, const char *name, struct json_object **ret, struct err *e);

#endif
