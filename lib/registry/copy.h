/* Copies an image between registries, several layers at once. Blocking; memory bounded by COPY_THREADS times REGISTRY_CHUNK. */
#ifndef SOCKERLESS_REGISTRY_COPY_H
#define SOCKERLESS_REGISTRY_COPY_H

#include <stdint.h>

#include "lib/err.h"
#include "lib/registry/client.h"
#include "lib/registry/image.h"

#define COPY_THREADS 3 /* as many as dockerd's downloads at a time */

struct copy_progress {
	const char *id;     /* first 12 digits of the layer's digest at its source */
	const char *status; /* "Pulling fs layer", "Waiting", "Already exists", "Downloading", "Retrying in 1 second", "Verifying Checksum", "Download complete", "Pull complete" */
	int64_t current;    /* bytes; 0 with total 0: none to show */
	int64_t total;
};

/* A layer at its source and as the target has it: another blob if it came by zstd or plain. */
struct copy_known {
	char digest[DIGEST_SIZE];
	char stored[DIGEST_SIZE];
	int64_t size;             /* of the stored one */
};

/*
 * Called as the copy goes on, from its threads, but never two at a time; a
 * negative result, with e set, ends it. Members may be NULL.
 */
struct copy_listener {
	void *arg;
	int (*report)(void *arg, const struct copy_progress *p, struct err *e);
	/* 1: the owner of the target has read this layer (digest) at a source before, and *k tells how it is stored; 0: not. NULL: what the target has is taken. */
	int (*known)(void *arg, struct copy_known *k, struct err *e);
	/* 1: a repository beside the target's (free()) that has got the blob; 0: none. */
	int (*elsewhere)(void *arg, const char *digest, char **ret_repository, struct err *e);
	/* A layer was read to its end at the source, found right, and is in the target. */
	int (*keep)(void *arg, const struct copy_known *k, struct err *e);
	/* File by which copies of the same layer, of the same `owner`, take turns (lib/registry/turn.h); NULL: they don't. */
	const char *turns;
	const char *owner;
	/* Directory for what has come of a layer while it comes (lib/registry/partial.h), for owners of turns alone; NULL: a copy that dies begins anew. */
	const char *partials;
	int64_t partials_max; /* bytes, of an owner */
};

/*
 * Sees the bytes of a layer as the target gets them (gzip, or the tar itself of
 * a layer that is packed on the way); calls come from several threads at once.
 * Only layers that pass are seen, not those that are there.
 */
struct copy_sink {
	void *arg;
	int (*begin)(void *arg, void **ret_layer, struct err *e);
	int (*write)(void *layer, const void *data, size_t len, struct err *e);
	/* Ends it; `digest`: of the stored blob; NULL: the copy failed. -1: the layer isn't taken. */
	int (*end)(void *arg, void *layer, const char *digest, struct err *e);
};

/*
 * Copies layers, config and manifest of what image_fetch() read. A layer is
 * always read to its end from `from`, unless `known` says that this was done
 * before; only then is one that another repository beside the target holds
 * mounted in place of keeping the upload. Layers by zstd and plain ones become gzip; then manifest, digest and
 * size of *i are made anew, while id and config stay. Otherwise the manifest is
 * kept byte for byte. `tag` may be NULL (the image is then named by digest
 * alone), so may `l` and `s`.
 */
int image_copy(struct registry *from, struct image *i, struct registry *to, const char *tag, const struct copy_listener *l,
	       const struct copy_sink *s, struct err *e);

#endif
