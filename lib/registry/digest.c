#include "lib/registry/digest.h"

#include <string.h>

#include "lib/ids.h"

#define PREFIX "sha256:"
#define PREFIX_LEN 7
#define HASH_LEN 32

bool digest_valid(const char *text)
{
	return text && !strncmp(text, PREFIX, PREFIX_LEN) && strlen(text) == DIGEST_SIZE - 1 && hex_is(text + PREFIX_LEN, 64);
}

EVP_MD_CTX *digest_begin(struct err *e)
{
	EVP_MD_CTX *d = EVP_MD_CTX_new();

	if (d && EVP_DigestInit_ex(d, EVP_sha256(), NULL) == 1)
		return d;
	EVP_MD_CTX_free(d);
	err_set(e, ERR_INTERNAL, "SHA-256 failed");
	return NULL;
}

int digest_update(EVP_MD_CTX *d, const void *data, size_t len, struct err *e)
{
	if (len && EVP_DigestUpdate(d, data, len) != 1)
		return err_set(e, ERR_INTERNAL, "SHA-256 failed");
	return 0;
}

int digest_end(EVP_MD_CTX *d, char ret[DIGEST_SIZE], struct err *e)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned int n = 0;
	int rc = EVP_DigestFinal_ex(d, hash, &n);

	EVP_MD_CTX_free(d);
	if (rc != 1 || n != HASH_LEN)
		return err_set(e, ERR_INTERNAL, "SHA-256 failed");
	memcpy(ret, PREFIX, PREFIX_LEN);
	hex_encode(ret + PREFIX_LEN, hash, n);
	return 0;
}

void digest_drop(EVP_MD_CTX *d)
{
	EVP_MD_CTX_free(d);
}

int digest_of(const void *data, size_t len, char ret[DIGEST_SIZE], struct err *e)
{
	EVP_MD_CTX *d = digest_begin(e);

	if (!d)
		return -1;
	if (digest_update(d, data, len, e) < 0) {
		digest_drop(d);
		return -1;
	}
	return digest_end(d, ret, e);
}
