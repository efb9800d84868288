/* Reads manifests and blobs from a registry on loopback, each checked against its digest. */
#ifndef SOCKERLESS_LOCAL_IMAGE_FETCH_H
#define SOCKERLESS_LOCAL_IMAGE_FETCH_H

#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

#define DIGEST_HEX_LEN 64

struct image_source {
	char host[256];      /* host:port */
	char repo[256];
	char reference[256]; /* tag, or sha256:<hex> */
	const char *auth;    /* borrowed; may be NULL */
};

/* ERR_INVALID for a reference that is none, or whose host is not a loopback address. */
int image_source_parse(struct image_source *ret, const char *uri, const char *auth, struct err *e);

/* Fetches the manifest `reference` names; `digest_hex` gets the SHA-256 of its bytes. Blocks. */
int image_fetch_manifest(const struct image_source *source, struct buf *ret_body, char digest_hex[DIGEST_HEX_LEN + 1],
			 struct err *e);

/* Writes blob `digest` ("sha256:<hex>") of at most `limit` bytes to `fd` and checks it. Blocks. */
int image_fetch_blob(const struct image_source *source, const char *digest, uint64_t limit, int fd, struct err *e);

/* The 64 hex digits of a "sha256:..." digest; NULL if it is none. */
const char *digest_hex(const char *digest);

#endif
