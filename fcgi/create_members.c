/*
 * The types within the objects of POST /containers/create's body: what is kept
 * is shown by inspect, and a client in Go can't read an answer with a member
 * of another type.
 */
#include <string.h>
#include <strings.h>

#include "fcgi/create.h"
#include "lib/json.h"

static const struct member {
	const char *field, *name;
	enum json_type type, inner;
} members[] = {
	{ "Healthcheck", "Test", json_type_array, json_type_string },
	{ "Healthcheck", "Interval", json_type_int },
	{ "Healthcheck", "Timeout", json_type_int },
	{ "Healthcheck", "StartPeriod", json_type_int },
	{ "Healthcheck", "StartInterval", json_type_int },
	{ "Healthcheck", "Retries", json_type_int },
	{ "LogConfig", "Type", json_type_string },
	{ "LogConfig", "Config", json_type_object, json_type_string },
	{ "RestartPolicy", "Name", json_type_string },
	{ "RestartPolicy", "MaximumRetryCount", json_type_int },
	{ "PortBindings", "HostIp", json_type_string },
	{ "PortBindings", "HostPort", json_type_string },
	{ "Ulimits", "Name", json_type_string },
	{ "Ulimits", "Soft", json_type_int },
	{ "Ulimits", "Hard", json_type_int },
	{ "BlkioWeightDevice", "Path", json_type_string },
	{ "BlkioWeightDevice", "Weight", json_type_int },
	{ "BlkioDeviceReadBps", "Path", json_type_string },
	{ "BlkioDeviceReadBps", "Rate", json_type_int },
	{ "BlkioDeviceWriteBps", "Path", json_type_string },
	{ "BlkioDeviceWriteBps", "Rate", json_type_int },
	{ "BlkioDeviceReadIOps", "Path", json_type_string },
	{ "BlkioDeviceReadIOps", "Rate", json_type_int },
	{ "BlkioDeviceWriteIOps", "Path", json_type_string },
	{ "BlkioDeviceWriteIOps", "Rate", json_type_int },
	{ "Mounts", "Type", json_type_string },
	{ "Mounts", "Source", json_type_string },
	{ "Mounts", "Target", json_type_string },
	{ "Mounts", "ReadOnly", json_type_boolean },
	{ "Mounts", "Consistency", json_type_string },
	{ "Mounts", "BindOptions", json_type_object },
	{ "Mounts", "VolumeOptions", json_type_object },
	{ "Mounts", "TmpfsOptions", json_type_object },
};

bool create_fits(struct json_object *v)
{
	return json_object_get_int64(v) < INT64_MAX || json_object_get_uint64(v) <= INT64_MAX;
}

static bool is_of(struct json_object *v, enum json_type type)
{
	return !v || (json_object_is_type(v, type) && (type != json_type_int || create_fits(v)));
}

static bool holds(const struct member *m, struct json_object *v)
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

static int check_object(const char *field, struct json_object *o, struct err *e)
{
	if (!json_object_is_type(o, json_type_object))
		return o ? err_set(e, ERR_INVALID, "invalid JSON: %s holds what is no object", field) : 0;
	json_object_object_foreach(o, key, v)
		for (size_t i = 0; i < sizeof members / sizeof *members; i++)
			if (!strcmp(members[i].field, field) && !strcasecmp(members[i].name, key) && !holds(&members[i], v))
				return err_set(e, ERR_INVALID, "invalid JSON: json: cannot unmarshal %s.%s: it is of a wrong type", field, members[i].name);
	return 0;
}

static int check_list(const char *field, struct json_object *list, struct err *e)
{
	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		if (check_object(field, json_object_array_get_idx(list, i), e) < 0)
			return -1;
	return 0;
}

int create_members(const char *field, struct json_object *v, struct err *e)
{
	if (json_object_is_type(v, json_type_array))
		return check_list(field, v, e);
	if (strcmp(field, "PortBindings") != 0)
		return check_object(field, v, e);
	json_object_object_foreach(v, port, list) {
		(void)port;
		if (check_list(field, list, e) < 0)
			return -1;
	}
	return 0;
}
