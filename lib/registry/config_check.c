/*
 * The types within an image's config: clients are shown it, and those in Go
 * can't read an answer with a member of another type.
 */
#include "lib/json_member.h"
#include "lib/registry/image.h"

static const struct json_member outside[] = {
	{ "architecture", json_type_string, json_type_null },
	{ "author", json_type_string, json_type_null },
	{ "config", json_type_object, json_type_null },
	{ "created", json_type_string, json_type_null },
	{ "history", json_type_array, json_type_object },
	{ "os", json_type_string, json_type_null },
	{ "os.version", json_type_string, json_type_null },
	{ "variant", json_type_string, json_type_null },
	{ NULL, json_type_null, json_type_null },
};

static const struct json_member inside[] = {
	{ "ArgsEscaped", json_type_boolean, json_type_null },
	{ "Cmd", json_type_array, json_type_string },
	{ "Entrypoint", json_type_array, json_type_string },
	{ "Env", json_type_array, json_type_string },
	{ "ExposedPorts", json_type_object, json_type_object },
	{ "Healthcheck", json_type_object, json_type_null },
	{ "Hostname", json_type_string, json_type_null },
	{ "Labels", json_type_object, json_type_string },
	{ "OnBuild", json_type_array, json_type_string },
	{ "Shell", json_type_array, json_type_string },
	{ "StopSignal", json_type_string, json_type_null },
	{ "User", json_type_string, json_type_null },
	{ "Volumes", json_type_object, json_type_object },
	{ "WorkingDir", json_type_string, json_type_null },
	{ NULL, json_type_null, json_type_null },
};

static const struct json_member health[] = {
	{ "Interval", json_type_int, json_type_null },
	{ "Retries", json_type_int, json_type_null },
	{ "StartInterval", json_type_int, json_type_null },
	{ "StartPeriod", json_type_int, json_type_null },
	{ "Test", json_type_array, json_type_string },
	{ "Timeout", json_type_int, json_type_null },
	{ NULL, json_type_null, json_type_null },
};

static int check(const struct json_member *table, struct json_object *o, struct err *e)
{
	for (const struct json_member *m = table; o && m->name; m++)
		if (!json_member_holds(m, json_get(o, m->name)))
			return err_set(e, ERR_UPSTREAM, "the image's config is malformed: %s is of a wrong type", m->name);
	return 0;
}

int image_check_config(struct json_object *config, struct err *e)
{
	struct json_object *inner;

	if (check(outside, config, e) < 0)
		return -1;
	inner = json_obj(config, "config");
	return check(inside, inner, e) < 0 ? -1 : check(health, json_obj(inner, "Healthcheck"), e);
}
