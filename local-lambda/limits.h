/* The limits that Lambda sets to what a function may be. */
#ifndef SOCKERLESS_LOCAL_LIMITS_H
#define SOCKERLESS_LOCAL_LIMITS_H

#include "lib/err.h"
#include "lib/json.h"

#define LIMIT_PAYLOAD 6291456
#define LIMIT_RESPONSE 6291556
#define LIMIT_CONTROL_BODY 70167211
#define LIMIT_NAME 64

/* At most 64 of a-zA-Z0-9-_ */
bool limits_name_ok(const char *name);
/* Checks every member that is there; what CreateFunction and UpdateFunctionConfiguration share. ERR_INVALID with AWS's text. */
int limits_check_configuration(struct json_object *in, struct err *e);
/* What CreateFunction asks for beyond that. */
int limits_check_create(struct json_object *in, struct err *e);
/* Exactly one of x86_64 and arm64; absent is fine. */
int limits_check_architectures(struct json_object *in, struct err *e);
/* A map of tags, together with those that are there already (may be NULL). */
int limits_check_tags(struct json_object *tags, struct json_object *present, struct err *e);

#endif
