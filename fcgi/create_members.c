/*
 * The types within the objects of POST /containers/create's body: what is kept
 * is shown by inspect, and a client in Go can't read an answer with a member
 * of another type.
 */
#include <string.h>
#include <strings.h>

#include "fcgi/create.h"
#include "lib/json_member.h"

static const struct {
	const char *field;
	struct json_member is;
} members[] = {
	{ "Healthcheck", { "Test", json_type_array, json_type_string } },
	{ "Healthcheck", { "Interval", json_type_int, json_type_null } },
	{ "Healthcheck", { "Timeout", json_type_int, json_type_null } },
	{ "Healthcheck", { "StartPeriod", json_type_int, json_type_null } },
	{ "Healthcheck", { "StartInterval", json_type_int, json_type_null } },
	{ "Healthcheck", { "Retries", json_type_int, json_type_null } },
	{ "LogConfig", { "Type", json_type_string, json_type_null } },
	{ "LogConfig", { "Config", json_type_object, json_type_string } },
	{ "RestartPolicy", { "Name", json_type_string, json_type_null } },
	{ "RestartPolicy", { "MaximumRetryCount", json_type_int, json_type_null } },
	{ "PortBindings", { "HostIp", json_type_string, json_type_null } },
	{ "PortBindings", { "HostPort", json_type_string, json_type_null } },
	{ "Ulimits", { "Name", json_type_string, json_type_null } },
	{ "Ulimits", { "Soft", json_type_int, json_type_null } },
	{ "Ulimits", { "Hard", json_type_int, json_type_null } },
	{ "BlkioWeightDevice", { "Path", json_type_string, json_type_null } },
	{ "BlkioWeightDevice", { "Weight", json_type_int, json_type_null } },
	{ "BlkioDeviceReadBps", { "Path", json_type_string, json_type_null } },
	{ "BlkioDeviceReadBps", { "Rate", json_type_int, json_type_null } },
	{ "BlkioDeviceWriteBps", { "Path", json_type_string, json_type_null } },
	{ "BlkioDeviceWriteBps", { "Rate", json_type_int, json_type_null } },
	{ "BlkioDeviceReadIOps", { "Path", json_type_string, json_type_null } },
	{ "BlkioDeviceReadIOps", { "Rate", json_type_int, json_type_null } },
	{ "BlkioDeviceWriteIOps", { "Path", json_type_string, json_type_null } },
	{ "BlkioDeviceWriteIOps", { "Rate", json_type_int, json_type_null } },
	{ "Mounts", { "Type", json_type_string, json_type_null } },
	{ "Mounts", { "Source", json_type_string, json_type_null } },
	{ "Mounts", { "Target", json_type_string, json_type_null } },
	{ "Mounts", { "ReadOnly", json_type_boolean, json_type_null } },
	{ "Mounts", { "Consistency", json_type_string, json_type_null } },
	{ "Mounts", { "BindOptions", json_type_object, json_type_null } },
	{ "Mounts", { "VolumeOptions", json_type_object, json_type_null } },
	{ "Mounts", { "TmpfsOptions", json_type_object, json_type_null } },
};

static int check_object(const char *field, struct json_object *o, struct err *e)
{
	if (!json_object_is_type(o, json_type_object))
		return o ? err_set(e, ERR_INVALID, "invalid JSON: %s holds what is no object", field) : 0;
	json_object_object_foreach(o, key, v)
		for (size_t i = 0; i < sizeof members / sizeof *members; i++)
			if (!strcmp(members[i].field, field) && !strcasecmp(members[i].is.name, key) && !json_member_holds(&members[i].is, v))
				return err_set(e, ERR_INVALID, "invalid JSON: json: cannot unmarshal %s.%s: it is of a wrong type", field, members[i].is.name);
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
