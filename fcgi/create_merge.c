/* The image's config under the client's, as dockerd merges them. */
#include <string.h>

#include "fcgi/create.h"
#include "lib/cleanup.h"
#include "lib/json.h"

static size_t count(struct json_object *v)
{
	if (json_object_is_type(v, json_type_array))
		return json_object_array_length(v);
	return json_object_is_type(v, json_type_object) ? (size_t)json_object_object_length(v) : 0;
}

static int set_copy(struct json_object *config, const char *key, struct json_object *from, struct err *e)
{
	struct json_object *copy = NULL;

	if (from && json_object_deep_copy(from, &copy, NULL) < 0)
		return err_nomem(e);
	return json_add(config, key, copy) ? 0 : err_nomem(e);
}

/* A text that the client left empty is the image's. */
static int merge_text(struct json_object *config, struct json_object *image, const char *key, struct err *e)
{
	const char *theirs = json_str(image, key, "");

	if (*json_str(config, key, "") || !*theirs)
		return 0;
	return json_add_str(config, key, theirs) ? 0 : err_nomem(e);
}

/* Members of the image's object that the client didn't give. */
static int merge_members(struct json_object *config, struct json_object *image, const char *key, bool omit, struct err *e)
{
	struct json_object *ours = json_obj(config, key);
	struct json_object *theirs = json_obj(image, key);

	if (!count(ours)) {
		if (omit && !count(theirs)) {
			json_object_object_del(config, key);
			return 0;
		}
		return set_copy(config, key, theirs, e);
	}
	if (!theirs)
		return 0;
	json_object_object_foreach(theirs, name, v)
		if (!json_object_object_get_ex(ours, name, NULL) && set_copy(ours, name, v, e) < 0)
			return -1;
	return 0;
}

/* The names of an environment's entries as members of an object. */
static struct json_object *variable_names(struct json_object *env)
{
	struct json_object *names = json_object_new_object();

	for (size_t i = 0; names && i < json_object_array_length(env); i++) {
		const char *entry = json_object_get_string(json_object_array_get_idx(env, i));
		CLEANUP_FREE char *name = strndup(entry, strcspn(entry, "="));

		if (!name || !json_add(names, name, NULL)) {
			json_object_put(names);
			return NULL;
		}
	}
	return names;
}

static int append_variable(struct json_object *env, struct json_object *names, struct json_object *entry, struct err *e)
{
	const char *text = json_object_get_string(entry);
	CLEANUP_FREE char *name = strndup(text, strcspn(text, "="));

	if (!name)
		return err_nomem(e);
	if (json_object_object_get_ex(names, name, NULL))
		return 0;
	return json_object_array_add(env, json_object_get(entry)) < 0 ? err_nomem(e) : 0;
}

static int merge_env(struct json_object *config, struct json_object *image, struct err *e)
{
	struct json_object *ours = json_array(config, "Env");
	struct json_object *theirs = json_array(image, "Env");
	CLEANUP_JSON struct json_object *names = NULL;

	if (!count(ours))
		return set_copy(config, "Env", theirs, e);
	names = variable_names(ours);
	if (!names)
		return err_nomem(e);
	for (size_t i = 0; i < count(theirs); i++) {
		struct json_object *entry = json_object_array_get_idx(theirs, i);

		if (json_object_is_type(entry, json_type_string) && append_variable(ours, names, entry, e) < 0)
			return -1;
	}
	return 0;
}

static int merge_command(struct json_object *config, struct json_object *image, struct err *e)
{
	struct json_object *entrypoint = json_array(config, "Entrypoint");
	const char *only = count(entrypoint) == 1 ? json_object_get_string(json_object_array_get_idx(entrypoint, 0)) : NULL;

	if (!count(entrypoint)) {
		if (!count(json_array(config, "Cmd")) && set_copy(config, "Cmd", json_array(image, "Cmd"), e) < 0)
			return -1;
		if (!entrypoint && set_copy(config, "Entrypoint", json_array(image, "Entrypoint"), e) < 0)
			return -1;
	}
	/* [""] is how clients say "none, the image's neither". */
	if (only && !*only && !json_add(config, "Entrypoint", NULL))
		return err_nomem(e);
	if (!count(json_array(config, "Entrypoint")) && !count(json_array(config, "Cmd")))
		return err_set(e, ERR_INVALID, "No command specified");
	return 0;
}

static int merge_health(struct json_object *config, struct json_object *image, struct err *e)
{
	static const char *const parts[] = { "Test", "Interval", "Timeout", "StartPeriod", "StartInterval", "Retries" };
	struct json_object *ours = json_obj(config, "Healthcheck");
	struct json_object *theirs = json_obj(image, "Healthcheck");

	if (!theirs)
		return 0;
	if (!ours)
		return set_copy(config, "Healthcheck", theirs, e);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		struct json_object *v = json_get(theirs, parts[i]);

		if (v && !count(json_array(ours, parts[i])) && !json_int(ours, parts[i], 0) && set_copy(ours, parts[i], v, e) < 0)
			return -1;
	}
	return 0;
}

/* Labels are an object even if there are none. */
static int merge_labels(struct json_object *config, struct json_object *image, struct err *e)
{
	if (!json_obj(config, "Labels") && !json_add(config, "Labels", json_object_new_object()))
		return err_nomem(e);
	if (!count(json_obj(image, "Labels")))
		return 0;
	return merge_members(config, image, "Labels", false, e);
}

int create_merge(struct create *c, struct json_object *image, struct err *e)
{
	struct json_object *config = c->config;

	if (merge_text(config, image, "User", e) < 0 || merge_text(config, image, "WorkingDir", e) < 0 || merge_text(config, image, "StopSignal", e) < 0)
		return -1;
	if (merge_members(config, image, "ExposedPorts", true, e) < 0 || merge_members(config, image, "Volumes", false, e) < 0)
		return -1;
	if (merge_labels(config, image, e) < 0 || merge_env(config, image, e) < 0 || merge_health(config, image, e) < 0)
		return -1;
	return merge_command(config, image, e);
}

int create_name_host(struct create *c, const char *id, struct err *e)
{
	char host[13];

	if (c->hostname_given)
		return 0;
	memcpy(host, id, 12);
	host[12] = '\0';
	return json_add_str(c->config, "Hostname", host) ? 0 : err_nomem(e);
}
