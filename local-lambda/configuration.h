/* A function's configuration as the API shows it, made from what a call asks for. */
#ifndef SOCKERLESS_LOCAL_CONFIGURATION_H
#define SOCKERLESS_LOCAL_CONFIGURATION_H

#include "lib/json.h"

/* A new function's: Pending, with Lambda's defaults. The input was checked before. NULL when out of memory. */
struct json_object *configuration_new(struct json_object *input, const char *arn, const char *resolved_uri);
/* Applies the members of the input that are there. False when out of memory. */
bool configuration_apply(struct json_object *config, struct json_object *input);
/* After any change: the time, a new revision id, and the image's hash when it is given. */
bool configuration_touch(struct json_object *config, const char *resolved_uri);

#endif
