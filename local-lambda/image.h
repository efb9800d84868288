/*
 * Images as the stand-in keeps them: each layer unpacked once into a
 * directory of its own (named by its diff id, whiteouts in overlay form), and
 * for each image a directory of links "0" (lowest) to "n-1", so that a mount
 * can name a hundred layers in few bytes.
 *
 *   DIR/layers/<diff id>/   DIR/images/<manifest digest>/{manifest.json,config.json,0,1,...}   DIR/tmp/
 */
#ifndef SOCKERLESS_LOCAL_IMAGE_H
#define SOCKERLESS_LOCAL_IMAGE_H

#include <json-c/json.h>

#include "lib/err.h"

#define IMAGE_LAYERS_MAX 128
#define IMAGE_BYTES_MAX (10ull << 30) /* uncompressed, as in Lambda */

struct image;
struct image_store;

/* Creates `dir` (mode 0700) where it is missing and empties its tmp/. */
int image_store_open(struct image_store **ret, const char *dir, struct err *e);
/* Images that are still referenced must not be used afterwards. NULL is fine. */
void image_store_close(struct image_store *store);

/*
 * `uri` is "host:port/repo@sha256:..." or "host:port/repo:tag"; only plain
 * HTTP to a loopback address is spoken. `auth` is "user:password" for Basic
 * (NULL: none), `architecture` Lambda's x86_64 or arm64. Fetches and unpacks
 * what is missing; a known digest needs no network. Blocks; thread-safe.
 * ERR_INVALID for an image Lambda refuses, ERR_NOT_FOUND, ERR_FORBIDDEN
 * (registry said 401 or 403), ERR_UPSTREAM.
 */
int image_prepare(struct image_store *store, const char *uri, const char *auth, const char *architecture, struct image **ret,
		  struct err *e);

/* The "config" member of the OCI image config; borrowed, NULL if there is none. */
struct json_object *image_config(const struct image *image);
/* The directory of links; borrowed. */
const char *image_dir(const struct image *image);
unsigned image_layer_count(const struct image *image);

/* Thread-safe. unref takes NULL. */
struct image *image_ref(struct image *image);
void image_unref(struct image *image);

#endif
