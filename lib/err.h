/*
 * One error type for the whole project: a kind and a text, no allocation.
 * A function that can fail takes `struct err *` last and returns a negative
 * number; its outputs are untouched then. Kinds map to HTTP statuses by one
 * table (err_status).
 */
#ifndef SOCKERLESS_ERR_H
#define SOCKERLESS_ERR_H

#include <stdarg.h>

enum err_kind {
	ERR_NONE = 0,
	ERR_INVALID,       /* 400: the caller's mistake */
	ERR_UNAUTHORIZED,  /* 401 */
	ERR_FORBIDDEN,     /* 403 */
	ERR_NOT_FOUND,     /* 404 */
	ERR_CONFLICT,      /* 409 */
	ERR_TOO_LARGE,     /* 413 */
	ERR_THROTTLED,     /* 429 */
	ERR_INTERNAL,      /* 500 */
	ERR_NOT_SUPPORTED, /* 501: the text says "not supported" and why */
	ERR_UPSTREAM,      /* 502: AWS, a registry or an agent answered nonsense */
	ERR_UNAVAILABLE,   /* 503: try again: database busy, AWS out of reach */
	ERR_TIMEOUT,       /* 504 */
	ERR_KINDS
};

struct err {
	enum err_kind kind;
	char text[2048]; /* what the user reads; cut, never overrun */
};

/* Sets kind and text; always returns -1, so that `return err_set(...)` reads well. e may be NULL. */
int err_set(struct err *e, enum err_kind kind, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int err_vset(struct err *e, enum err_kind kind, const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));

/* As err_set with ERR_INTERNAL, ": " and strerror(errno_value) appended. */
int err_errno(struct err *e, int errno_value, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "fmt...: " before the text that is there already; the kind stays. Returns -1. */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Out of memory. Returns -1. */
int err_nomem(struct err *e);

/* HTTP status of a kind (500 for an unknown one). */
int err_status(enum err_kind kind);

/* The kind of an HTTP status (ERR_INTERNAL for one without a kind of its own). */
enum err_kind err_kind_of_status(int status);

#endif
