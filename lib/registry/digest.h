/* "sha256:<64 hex>": computing, checking. */
#ifndef SOCKERLESS_REGISTRY_DIGEST_H
#define SOCKERLESS_REGISTRY_DIGEST_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"

#define DIGEST_SIZE 72 /* "sha256:", 64 hex digits, NUL */

/* True for exactly sha256: and 64 lower-case hex digits. NULL is none. */
bool digest_valid(const char *text);

/* Of `len` bytes. */
int digest_of(const void *data, size_t len, char ret[DIGEST_SIZE], struct err *e);

/* A running one: digest_begin, digest_update ..., digest_end (frees it). digest_drop frees without a result; NULL is fine. */
EVP_MD_CTX *digest_begin(struct err *e);
int digest_update(EVP_MD_CTX *d, const void *data, size_t len, struct err *e);
int digest_end(EVP_MD_CTX *d, char ret[DIGEST_SIZE], struct err *e);
void digest_drop(EVP_MD_CTX *d);

#endif
