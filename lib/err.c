#include "lib/err.h"

#include <stdio.h>
#include <string.h>

static const int status_of[ERR_KINDS] = {
	[ERR_NONE] = 200,
	[ERR_INVALID] = 400,
	[ERR_UNAUTHORIZED] = 401,
	[ERR_FORBIDDEN] = 403,
	[ERR_NOT_FOUND] = 404,
	[ERR_CONFLICT] = 409,
	[ERR_TOO_LARGE] = 413,
	[ERR_THROTTLED] = 429,
	[ERR_INTERNAL] = 500,
	[ERR_NOT_SUPPORTED] = 501,
	[ERR_UPSTREAM] = 502,
	[ERR_UNAVAILABLE] = 503,
	[ERR_TIMEOUT] = 504,
};

int err_vset(struct err *e, enum err_kind kind, const char *fmt, va_list ap)
{
	/* The text may be built from e's own old text, so it is made aside. */
	char text[sizeof e->text];

	if (!e)
		return -1;
	vsnprintf(text, sizeof text, fmt, ap);
	memcpy(e->text, text, sizeof text);
	e->kind = kind;
	return -1;
}

int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vset(e, kind, fmt, ap);
	va_end(ap);
	return -1;
}

int err_errno(struct err *e, int errno_value, const char *fmt, ...)
{
	char what[sizeof e->text / 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	return err_set(e, ERR_INTERNAL, "%s: %s", what, strerror(errno_value));
}

int err_prefix(struct err *e, const char *fmt, ...)
{
	char what[sizeof e->text / 2];
	va_list ap;

	if (!e)
		return -1;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	return err_set(e, e->kind, "%s: %s", what, e->text);
}

int err_nomem(struct err *e)
{
	return err_set(e, ERR_INTERNAL, "out of memory");
}

int err_status(enum err_kind kind)
{
	return kind < ERR_KINDS && status_of[kind] ? status_of[kind] : 500;
}

enum err_kind err_kind_of_status(int status)
{
	for (int kind = ERR_INVALID; kind < ERR_KINDS; kind++)
		if (status_of[kind] == status)
			return (enum err_kind)kind;
	return ERR_INTERNAL;
}
