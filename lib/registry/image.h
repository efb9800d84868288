/*
 * An image of one platform as a registry holds it: manifest and config, read
 * with suspicion, and written.
 */
#ifndef SOCKERLESS_REGISTRY_IMAGE_H
#define SOCKERLESS_REGISTRY_IMAGE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/registry/client.h"

#define IMAGE_LAYERS_MAX 127
#define IMAGE_CONFIG_MAX (4u << 20)

struct image_layer {
	char digest[DIGEST_SIZE];  /* of the blob */
	char diff_id[DIGEST_SIZE]; /* of the tar in it */
	int64_t size;              /* of the blob, bytes */
	int64_t unpacked;          /* of the tar, bytes; 0: not known */
	char media_type[128];
};

struct image {
	char id[DIGEST_SIZE];              /* digest of the config: Docker's image id */
	char digest[DIGEST_SIZE];          /* of this platform's manifest */
	char index_digest[DIGEST_SIZE];    /* of what the reference named: an index's, else as `digest`; what "Digest:" of a pull shows */
	char *manifest;                    /* exact bytes; owned */
	size_t manifest_len;
	char manifest_type[128];
	char *config_text;                 /* exact bytes; owned */
	size_t config_len;
	char config_type[128];
	struct json_object *config;        /* the same, parsed; owned */
	struct image_layer *layers;        /* from the lowest; owned */
	size_t n_layers;
	int64_t size;                      /* sum of the layers' blobs and the config, bytes */
};

void image_free(struct image *i);
#define IMAGE_CLEANUP __attribute__((cleanup(image_free)))

/* "amd64" for x86_64, "arm64" for arm64; others as they are. */
const char *image_architecture(const char *lambda_architecture);
/* ... and back. */
const char *image_lambda_architecture(const char *architecture);
/* What an image's config says; one that says nothing is for amd64. Borrowed. */
const char *image_config_architecture(struct json_object *config);

/*
 * Reads manifest (of a tag or digest), chooses linux/`architecture` (amd64,
 * arm64) if it is an index, reads and checks the config. ERR_NOT_FOUND with
 * dockerd's texts; ERR_NOT_SUPPORTED: foreign layers, schema 1,
 * another platform.
 */
int image_fetch(struct registry *r, const char *reference, const char *architecture, struct image *ret, struct err *e);

/* The types of what clients are shown of a config; part of image_parse_config(). ERR_UPSTREAM. */
int image_check_config(struct json_object *config, struct err *e);

/* The digest of linux/architecture in an index. ERR_NOT_FOUND: "no matching manifest for linux/... in the manifest list entries". */
int image_choose_platform(struct json_object *index, const char *architecture, char ret[DIGEST_SIZE], struct err *e);
/* Fills all of *ret but config, diff_ids and index_digest from a manifest's bytes. */
int image_parse_manifest(const struct registry_manifest *m, struct image *ret, struct err *e);
/* Adds the config, compared with id and layers. */
int image_parse_config(struct image *i, const char *text, size_t len, struct err *e);

/*
 * Makes config_text, id, manifest and digest of an image whose `config`
 * (object) and `layers` (with digest, diff_id, size) are set; rootfs.diff_ids
 * of the config are set from the layers. Manifest: Docker schema 2.
 */
int image_seal(struct image *i, struct err *e);
/* Makes manifest, digest and size anew of layers that have changed; config, id and index_digest stay. */
int image_rewrite_manifest(struct image *i, struct err *e);
/* Pushes config and manifest (the layers must be there) under its digest and, unless NULL, `tag`. */
int image_push(struct registry *to, const struct image *i, const char *tag, struct err *e);

#endif
