/* Images of a tenant in the store: names, ids, prefixes. No network. */
#ifndef SOCKERLESS_IMAGE_STORE_H
#define SOCKERLESS_IMAGE_STORE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "fcgi/request.h"
#include "lib/docker/reference.h"
#include "lib/err.h"
#include "lib/registry/image.h"
#include "lib/store/store.h"

struct image_row {
	char id[DIGEST_SIZE];
	char manifest_digest[DIGEST_SIZE];
	struct json_object *config; /* the whole image config; owned */
	char *config_text;          /* the same, exact bytes; owned */
	int64_t size;
	int64_t pulled_at;
	char manifest_type[128];
	int64_t manifest_size;      /* bytes of the manifest; 0: not known, nor its type */
};

void image_row_free(struct image_row *r);
#define IMAGE_ROW_CLEANUP __attribute__((cleanup(image_row_free)))

/* 1: *ret is filled, 0: there is none. */
int image_load(struct store *s, const char *tenant, const char *id, struct image_row *ret, struct err *e);

/*
 * What a client calls an image: name, name:tag, name@digest, id, prefix of an
 * id. ERR_NOT_FOUND "No such image: x:latest"; ERR_INVALID: no reference.
 */
int image_find(struct store *s, const char *tenant, const char *text, struct image_row *ret, struct err *e);

/* The same for the id alone. 1: ret_id is filled; 0: there is none, also of what is no reference. */
int image_id_of(struct store *s, const char *tenant, const char *text, char ret_id[DIGEST_SIZE], struct err *e);

/* True if `text` names the image `id` by (part of) its id. */
bool image_is_id_prefix(const char *id, const char *text);

/* All names of an image: array of normalised references; owned by the caller. */
int image_names(struct store *s, const char *tenant, const char *id, struct json_object **ret, struct err *e);
/* "name:tag" of one tag, or of all (NULL) that a normalised name has, at most 1000: array owned by the caller. */
int image_tags(struct store *s, const char *tenant, const char *name, const char *tag, struct json_object **ret, struct err *e);
/* Fills `unpacked` of the layers whose size the store knows. */
int image_layers_known(struct store *s, const char *tenant, struct image *i, struct err *e);
/* "busybox:latest" for "docker.io/library/busybox:latest"; free(). */
char *image_familiar(const char *reference);
/* True for name@digest. */
bool image_is_digest(const char *reference);

/* Within a transaction: keeps an image and gives it its names (NULL: none). */
int image_keep(struct store *s, const char *tenant, const struct image *i, const char *tag_reference, const char *digest_reference, struct err *e);

/* An event of type image; attributes are the image's labels (config: NULL for none) and `name`. */
int image_event(struct store *s, const char *tenant, const char *action, const char *actor, const char *name, struct json_object *config, struct err *e);

/* A client has given the image this name: full and as clients write it. Keeps the time, and tells the event "tag". */
int image_tag_event(struct store *s, const char *tenant, const char *full, const char *shown, const char *id, struct json_object *config, struct err *e);

/* All images as GET /images/json shows them, newest first: an array owned by the caller. */
int image_list_all(struct request *req, struct json_object **ret, struct err *e);

/*
 * Within a transaction: deletes an image that no container uses, with all its
 * names, and appends what dockerd would tell to `records`. 1: deleted, 0: it is in use.
 */
int image_remove_unused(struct request *req, const char *id, struct json_object *records, struct err *e);

/* Seconds since the epoch of the config's "created"; 0 if it has none. */
int64_t image_created(struct json_object *config);

#endif
