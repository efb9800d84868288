/*
 * A growing byte buffer. The bytes are always followed by a NUL that doesn't
 * count, so that buf.data of text is a C string. The first failure to
 * allocate, or growth beyond `limit`, sticks in `failed`: append freely and
 * check once at the end.
 */
#ifndef SOCKERLESS_BUF_H
#define SOCKERLESS_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data;   /* owned; NULL while nothing was appended */
	size_t len;
	size_t cap;
	size_t limit; /* 0: none */
	bool failed;
};

#define BUF_INIT { 0 }
#define BUF_LIMITED(n) { .limit = (n) }
#define BUF_CLEANUP __attribute__((cleanup(buf_free)))

void buf_free(struct buf *b);
void buf_reset(struct buf *b); /* empty, memory kept */
void buf_append(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *text);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Room for `extra` more bytes at data + len; false on failure. */
bool buf_reserve(struct buf *b, size_t extra);
/* Removes the first n bytes. */
void buf_consume(struct buf *b, size_t n);
/* Hands the bytes to the caller (free()); the buffer is empty after. NULL on failure; never NULL otherwise. */
char *buf_steal(struct buf *b);

#endif
