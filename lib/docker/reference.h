/*
 * Docker's image references: "busybox" means docker.io/library/busybox:latest.
 * Parsing, normalising and error texts follow dockerd.
 */
#ifndef SOCKERLESS_DOCKER_REFERENCE_H
#define SOCKERLESS_DOCKER_REFERENCE_H

#include <stdbool.h>

#include "lib/err.h"

struct reference {
	char *domain; /* "docker.io", "127.0.0.1:5000" */
	char *path;   /* "library/busybox" */
	char *tag;    /* NULL if none was given */
	char *digest; /* "sha256:..." or NULL */
};

#define REFERENCE_CLEANUP __attribute__((cleanup(reference_free)))
void reference_free(struct reference *r);

/* ERR_INVALID with dockerd's text. The tag stays NULL when none was given: see reference_default_tag(). */
int reference_parse(const char *text, struct reference *ret, struct err *e);

/* As the Engine API gives it: a name, and a tag or digest apart (either may be in the name; `tag` wins; NULL and "" are none). */
int reference_parse_with_tag(const char *name, const char *tag, struct reference *ret, struct err *e);

/* Sets "latest" if there is neither tag nor digest. */
int reference_default_tag(struct reference *r, struct err *e);

/* True for what dockerd takes as a tag: [A-Za-z0-9_][A-Za-z0-9_.-]{0,127}. */
bool reference_tag_valid(const char *tag);

/* All of these give a string to free(), NULL when out of memory. */
char *reference_familiar_name(const struct reference *r); /* "busybox", "127.0.0.1:5000/gold" */
char *reference_familiar(const struct reference *r);      /* "busybox:latest", "busybox@sha256:..." */
char *reference_name(const struct reference *r);          /* "docker.io/library/busybox" */
char *reference_full(const struct reference *r);          /* "docker.io/library/busybox:latest" */

/* What stands in /v2/<path>/manifests/<this>: the digest, else the tag, else "latest". Borrowed. */
const char *reference_target(const struct reference *r);

#endif
