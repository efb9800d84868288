/*
 * What the documents of an image archive say is in it: docker's manifest.json
 * (`docker save`, skopeo docker-archive:) or OCI's index.json. Pure; the
 * documents are a stranger's.
 */
#ifndef SOCKERLESS_REGISTRY_ARCHIVE_PLAN_H
#define SOCKERLESS_REGISTRY_ARCHIVE_PLAN_H

#include <json-c/json.h>

#include "lib/err.h"

#define ARCHIVE_IMAGES_MAX 1000

struct archive_documents {
	struct json_object *texts; /* member's name -> its text */
	struct json_object *links; /* member's name -> the name that its symbolic or hard link means */
};

/* A member's name without "./", "//" and "x/.."; relative to the directory `base` unless NULL. NULL: it leaves the archive, or no memory. free(). */
char *archive_name(const char *base, const char *name);
/* Where links lead from `name`; borrowed. */
const char *archive_follow(const struct archive_documents *d, const char *name);

/* *ret: [{"config":member,"layers":[member,..],"names":["busybox:latest",..]},..], owned by the caller. `architecture` chooses in indexes. ERR_INVALID. */
int archive_plan(const struct archive_documents *d, const char *architecture, struct json_object **ret, struct err *e);

#endif
