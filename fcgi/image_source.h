/* The registry that an image comes from, with the account that the client gives. Blocks. */
#ifndef SOCKERLESS_IMAGE_SOURCE_H
#define SOCKERLESS_IMAGE_SOURCE_H

#include <json-c/json.h>

#include "fcgi/request.h"
#include "lib/docker/reference.h"
#include "lib/registry/image.h"

/* X-Registry-Auth: base64url of JSON. NULL without it; what can't be read counts as none, as in dockerd. Owned by the caller. */
struct json_object *image_source_auth(const struct request *req);
/* The same of any header's text (NULL: NULL); X-Registry-Config is written so, too. */
struct json_object *image_source_json(const char *text);

/*
 * Opens the repository of a reference with {username, password},
 * {identitytoken} or {registrytoken} of `auth` (NULL: anonymous); `push`: with leave to push. No network yet.
 */
int image_source_open(struct request *req, const struct reference *r, struct json_object *auth, bool push, struct registry **ret, struct err *e);

/* Opens what answers searches: a registry's host, or NULL for the index behind docker.io (SOCKERLESS_DOCKER_IO_INDEX). */
int image_source_open_index(struct request *req, const char *host, struct json_object *auth, struct registry **ret, struct err *e);

/*
 * Reads manifest and config of a reference (image_fetch()): of docker.io from
 * its mirrors first (SOCKERLESS_REGISTRY_MIRRORS), which get no account. *ret_from
 * is what the layers are to be read from; both outputs are the caller's.
 */
int image_source_fetch(struct request *req, const struct reference *r, struct json_object *auth, const char *architecture,
		       struct registry **ret_from, struct image *ret, struct err *e);

#endif
