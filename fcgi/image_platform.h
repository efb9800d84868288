/* Platforms that clients name, against those of images and of this deployment's functions. */
#ifndef SOCKERLESS_IMAGE_PLATFORM_H
#define SOCKERLESS_IMAGE_PLATFORM_H

#include <json-c/json.h>
#include <stdbool.h>

#include "fcgi/request.h"
#include "lib/err.h"

#define PLATFORM_TEXT_MAX 130

/* The architecture (amd64, arm64) of functions for which none is asked. */
const char *image_platform_usual(const struct settings *s);

/* The architecture of the machine itself, on which builds run; NULL: neither amd64 nor arm64. */
const char *image_platform_machine(void);

/* The agent for functions of an image's architecture; NULL: there can be none of it. */
const char *image_platform_agent(const struct settings *s, const char *architecture);

/*
 * The architecture that "linux/amd64", "amd64", "linux/x86_64/v2" or "" (the usual one) means, among those of
 * which there can be functions. NULL: it is another, and `e` says which there are (ERR_NOT_SUPPORTED).
 */
const char *image_platform_choose(const struct settings *s, const char *platform, struct err *e);

/* Can functions run what an image of this architecture holds? ERR_NOT_SUPPORTED. */
int image_platform_check(const struct settings *s, const char *architecture, struct err *e);
/* The error alone, where it is known that they can't. -1. */
int image_platform_refuse(const struct settings *s, const char *architecture, struct err *e);

/* `platform` ("linux/arm64"; NULL or "": any) against an image's config. ERR_NOT_FOUND with dockerd's text, ERR_INVALID. */
int image_platform_match(struct json_object *config, const char *image, const char *platform, struct err *e);

/*
 * ?platform= of push, save and load, {"os":"linux","architecture":"arm64"}, as text ("": not given). A variant is
 * left out, as every variant of amd64 and arm64 runs what is made for the first. ERR_INVALID in dockerd's words.
 */
int image_platform_asked(struct request *req, char ret[PLATFORM_TEXT_MAX], struct err *e);

#endif
