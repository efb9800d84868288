/*
 * The types of an object's members, as a table: what a peer sent is shown to
 * clients in Go, which can't read an answer with a member of another type.
 */
#ifndef SOCKERLESS_JSON_MEMBER_H
#define SOCKERLESS_JSON_MEMBER_H

#include "lib/json.h"

struct json_member {
	const char *name;
	enum json_type type, inner; /* inner: of an array's or object's values; json_type_null: any */
};

/* Whether `v` is absent, null, or of the member's type. */
bool json_member_holds(const struct json_member *m, struct json_object *v);
/* Whether the number isn't beyond an int64, to which json-c would clamp it. */
bool json_int_fits(struct json_object *v);

#endif
