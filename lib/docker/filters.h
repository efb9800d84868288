/*
 * The `filters` parameter of list requests. Clients send it in two shapes,
 * {"label":{"a=b":true}} and {"label":["a=b"]}; inside it is the second one.
 */
#ifndef SOCKERLESS_DOCKER_FILTERS_H
#define SOCKERLESS_DOCKER_FILTERS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"

#define FILTERS_VALUES_MAX 1024 /* of all keys together */

/* "" gives an empty object. The caller owns *ret: an object of arrays of strings. ERR_INVALID: "invalid filter". */
int filters_parse(const char *text, struct json_object **ret, struct err *e);
/* Every key is one of `accepted` (ended by NULL). ERR_INVALID in dockerd's words. */
int filters_check(struct json_object *filters, const char *const *accepted, struct err *e);

/* How many values a key has; 0 when it isn't given. */
size_t filters_count(struct json_object *filters, const char *key);
const char *filters_value(struct json_object *filters, const char *key, size_t i);

/* As dockerd's: true without the key, or if one value is exactly `text`. */
bool filters_exact(struct json_object *filters, const char *key, const char *text);
/* True without the key, or if one value, a regular expression, is found in `text`. Never takes long: expressions that could are compared as plain text. */
bool filters_match(struct json_object *filters, const char *key, const char *text);
/* True without the key, or if every "k" or "k=v" is among the labels (an object of strings, or NULL). */
bool filters_match_labels(struct json_object *filters, const char *key, struct json_object *labels);
/* One boolean value: 0, 1, or `def` without the key; ERR_INVALID for anything else. */
int filters_boolean(struct json_object *filters, const char *key, int def, struct err *e);

#endif
