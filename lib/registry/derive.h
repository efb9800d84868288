/*
 * The derived image: an image's own layers and one more that holds
 * /.sockerless/agent, with the agent as entrypoint. The same image and agent
 * give the same digest. Blocking.
 */
#ifndef SOCKERLESS_REGISTRY_DERIVE_H
#define SOCKERLESS_REGISTRY_DERIVE_H

#include "lib/err.h"
#include "lib/registry/client.h"
#include "lib/registry/image.h"

#define DERIVE_AGENT "/.sockerless/agent"
#define DERIVE_KEY_SIZE 65

/* Hex SHA-256 over the image's id, the agent's bytes and the version of the layout: what a cache of URIs goes by. */
int derive_key(const char *image_id, const char *agent_path, char ret[DERIVE_KEY_SIZE], struct err *e);

/*
 * `base` must have been copied to `to` already (image_copy). Gives
 * "host:port/repository@sha256:..." (free()), the ImageUri for Lambda. Nothing
 * is uploaded if it is there (tag "sockerless-<key>"). The agent's layer is
 * made once for a repository (tag "sockerless-agent-<key>").
 */
int derive_image(struct registry *to, const struct image *base, const char *agent_path, char **ret_uri, struct err *e);

/* Only for tests and tools: the derived config of a base config. */
int derive_config(struct json_object *base, struct json_object **ret, struct err *e);

#endif
