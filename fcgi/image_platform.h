/* Platforms that clients name, against those of images and of this deployment's functions. */
#ifndef SOCKERLESS_IMAGE_PLATFORM_H
#define SOCKERLESS_IMAGE_PLATFORM_H

#include <json-c/json.h>
#include <stdbool.h>

#include "fcgi/request.h"
#include "lib/err.h"

#define PLATFORM_TEXT_MAX 130

/* "linux/amd64", "amd64", "linux/x86_64/v2", "" against what functions have. */
bool image_platform_is_ours(const char *platform, const char *architecture);

/* `platform` ("linux/arm64"; NULL or "": any) against an image's config. ERR_NOT_FOUND with dockerd's text, ERR_INVALID. */
int image_platform_match(struct json_object *config, const char *image, const char *platform, struct err *e);

/*
 * ?platform= of push, save and load, {"os":"linux","architecture":"arm64"}, as text ("": not given). A variant is
 * left out, as every variant of amd64 and arm64 runs what is made for the first. ERR_INVALID in dockerd's words.
 */
int image_platform_asked(struct request *req, char ret[PLATFORM_TEXT_MAX], struct err *e);

#endif
