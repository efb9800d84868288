/* Reads what stands at a URL, http or https, as a stream. Blocking; bounded memory; a handful of redirects. */
#ifndef SOCKERLESS_REGISTRY_FETCH_URL_H
#define SOCKERLESS_REGISTRY_FETCH_URL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"

struct url_fetch;

struct url_policy {
	const char *private_hosts; /* hosts (host or host:port) that may be at addresses of private networks, comma-separated; they may not redirect */
	bool (*cancelled)(void *arg); /* NULL: never */
	void *cancelled_arg;
};

/* Until the head of the reply is there. ERR_INVALID: no such URL, or what the policy forbids; ERR_UPSTREAM: no success. `policy` is borrowed until url_close(). */
int url_open(const char *url, const struct url_policy *policy, struct url_fetch **ret, struct err *e);
/* Bytes of the body, 0 at its end, -1. */
ssize_t url_read(struct url_fetch *f, void *data, size_t cap, struct err *e);
int64_t url_length(const struct url_fetch *f); /* -1: not told */
void url_close(struct url_fetch *f);           /* NULL is fine */

#endif
