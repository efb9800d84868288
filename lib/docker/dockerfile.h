/*
 * A Dockerfile as far as the builder must know it before buildah reads it:
 * its instructions, its stages, and the images it names. Pure; the text is a
 * peer's.
 */
#ifndef SOCKERLESS_DOCKER_DOCKERFILE_H
#define SOCKERLESS_DOCKER_DOCKERFILE_H

#include <json-c/json.h>
#include <stddef.h>

#include "lib/err.h"

#define DOCKERFILE_MAX (1u << 20)   /* bytes */
#define DOCKERFILE_STEPS_MAX 1000

struct dockerfile_step {
	char name[16];     /* "RUN" */
	char *text;        /* the whole instruction as written, its lines joined; owned */
	const char *args;  /* in text: what follows the name */
	int stage;         /* 0, 1 ..; -1: an ARG before the first FROM */
	size_t end;        /* offset in the Dockerfile behind it */
	char *image;       /* FROM: image or stage, variables replaced; COPY: of --from; NULL: none; owned */
	char *written;     /* FROM: the same before variables were replaced; NULL: none; owned */
	char *as;          /* FROM: the stage's name; NULL: none; owned */
	int from_stage;    /* the stage that `image` means; -1: none, it is an image */
};

struct dockerfile {
	struct dockerfile_step *steps;
	size_t count;
	int stages;
	size_t length;     /* of the text that is needed: cut behind the target stage */
};

#define DOCKERFILE_CLEANUP __attribute__((cleanup(dockerfile_free)))
void dockerfile_free(struct dockerfile *d);

/*
 * `args` are the client's build arguments (NULL: none), `target` the last
 * stage wanted ("": the last one): steps behind it are dropped. ERR_INVALID
 * with dockerd's words.
 */
int dockerfile_parse(const char *text, size_t len, struct json_object *args, const char *target, struct dockerfile *ret, struct err *e);

#endif
