/*
 * Access to json-c objects that come from a peer: bounded parsing with an
 * error a user understands, and getters that give a default instead of
 * crashing on an absent member or one of another type.
 */
#ifndef SOCKERLESS_JSON_H
#define SOCKERLESS_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

#define JSON_DEPTH_MAX 64

static inline void cleanup_json(struct json_object **o)
{
	json_object_put(*o);
}
#define CLEANUP_JSON __attribute__((cleanup(cleanup_json)))

/* Parses exactly one JSON value with nothing but white space after it. The caller owns *ret (json_object_put). ERR_INVALID. */
int json_parse(const char *text, size_t len, struct json_object **ret, struct err *e);

/* Borrowed; NULL if `o` is no object or has no such member. */
struct json_object *json_get(struct json_object *o, const char *key);
/* Walks several members: json_path(o, "HostConfig", "Memory", NULL). */
struct json_object *json_path(struct json_object *o, ...) __attribute__((sentinel));

/* `def` when the member is absent or of another type. The string is borrowed. */
const char *json_str(struct json_object *o, const char *key, const char *def);
int64_t json_int(struct json_object *o, const char *key, int64_t def);
bool json_flag(struct json_object *o, const char *key, bool def);
/* Borrowed; NULL if absent or no array / no object. */
struct json_object *json_array(struct json_object *o, const char *key);
struct json_object *json_obj(struct json_object *o, const char *key);

/* A JSON string; what is no UTF-8 becomes U+FFFD, as Go writes it. NULL when out of memory. */
struct json_object *json_string(const char *text);

/* Adds a member; takes ownership of `value`. False when out of memory (value is freed). */
bool json_add(struct json_object *o, const char *key, struct json_object *value);
bool json_add_str(struct json_object *o, const char *key, const char *value); /* NULL: JSON null */
bool json_add_int(struct json_object *o, const char *key, int64_t value);
bool json_add_bool(struct json_object *o, const char *key, bool value);

/* Compact text without escaped slashes, as Docker writes it. Borrowed: lives as long as `o` is unchanged. */
const char *json_text(struct json_object *o);

#endif
