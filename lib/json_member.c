#include "lib/json_member.h"

bool json_int_fits(struct json_object *v)
{
	return json_object_get_int64(v) < INT64_MAX || json_object_get_uint64(v) <= INT64_MAX;
}

static bool is_of(struct json_object *v, enum json_type type)
{
	return !v || (json_object_is_type(v, type) && (type != json_type_int || json_int_fits(v)));
}

bool json_member_holds(const struct json_member *m, struct json_object *v)
{
	if (!is_of(v, m->type))
		return false;
	if (!v || m->inner == json_type_null)
		return true;
	if (m->type == json_type_array) {
		for (size_t i = 0; i < json_object_array_length(v); i++)
			if (!json_object_is_type(json_object_array_get_idx(v, i), m->inner))
				return false;
		return true;
	}
	json_object_object_foreach(v, key, value) {
		(void)key;
		if (!is_of(value, m->inner))
			return false;
	}
	return true;
}
