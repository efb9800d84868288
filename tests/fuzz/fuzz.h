/*
 * What the fuzz targets share. A target is one file fuzz_NAME.c with
 * LLVMFuzzerTestOneInput(); its main is libFuzzer (tests/fuzz/run) or replay.c.
 */
#ifndef SOCKERLESS_FUZZ_H
#define SOCKERLESS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold for every input. */
#define FUZZ_CHECK(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s doesn't hold\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

/* The input as it is taken apart. */
struct fuzz_input {
	const uint8_t *data;
	size_t len;
};

/* 0 at the end. */
static inline uint8_t fuzz_byte(struct fuzz_input *in)
{
	if (!in->len)
		return 0;
	in->len--;
	return *in->data++;
}

/* An owned copy of exactly len bytes and a NUL, so that AddressSanitizer sees each step beyond it. */
static inline char *fuzz_copy(const void *data, size_t len)
{
	char *text = malloc(len + 1);

	FUZZ_CHECK(text);
	if (len)
		memcpy(text, data, len);
	text[len] = '\0';
	return text;
}

/* The bytes up to `end` (which is skipped) or to the input's end; owned. */
static inline char *fuzz_text(struct fuzz_input *in, char end, size_t *ret_len)
{
	const uint8_t *at = in->len ? memchr(in->data, end, in->len) : NULL;
	size_t n = at ? (size_t)(at - in->data) : in->len;
	char *text = fuzz_copy(in->data, n);

	in->data += n + (at ? 1 : 0);
	in->len -= n + (at ? 1 : 0);
	if (ret_len)
		*ret_len = n;
	return text;
}

/* The length of the next part of `len` bytes that come in pieces; *state 0: all at once. */
static inline size_t fuzz_cut(uint8_t *state, size_t len)
{
	size_t n = len;

	if (*state) {
		*state = (uint8_t)(*state * 37 + 11) | 1;
		n = 1 + *state % 29u;
	}
	return n < len ? n : len;
}

/* All that is left; owned. */
static inline char *fuzz_rest(struct fuzz_input *in, size_t *ret_len)
{
	char *text = fuzz_copy(in->data, in->len);

	*ret_len = in->len;
	in->data += in->len;
	in->len = 0;
	return text;
}

#endif
