/* Passwords and tokens: nothing of them is left in memory that is given back. */
#ifndef SOCKERLESS_SECRET_H
#define SOCKERLESS_SECRET_H

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

/* NULL is fine. */
static inline void free_secret(char *text)
{
	if (text)
		OPENSSL_cleanse(text, strlen(text));
	free(text);
}

#endif
