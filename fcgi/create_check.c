/* The types and policies of create_fields.def. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fcgi/create.h"
#include "lib/json_member.h"

enum place { CONFIG, HOST };
enum policy { KEEP, WARN, REFUSE, OWN };
enum type { STRING, BOOL, INT, OPTBOOL, OPTINT, STRINGS, COMMAND, STRMAP, SET, PORTS, OBJECT, OBJECTS, ARRAY };

struct field {
	enum place place;
	const char *name;
	enum type type;
	const char *fallback;
	enum policy policy;
	const char *harmless;
	const char *text;
};

static const struct field fields[] = {
#define FIELD(place, name, type, fallback, policy, harmless, text) { place, #name, type, fallback, policy, harmless, text },
#include "fcgi/create_fields.def"
#undef FIELD
};
#define N_FIELDS (sizeof fields / sizeof *fields)

static const char *const go_types[] = {
	[STRING] = "string", [BOOL] = "bool", [OPTBOOL] = "bool", [INT] = "int64", [OPTINT] = "int64", [STRINGS] = "string", [COMMAND] = "string", [STRMAP] = "string",
	[SET] = "struct {}", [PORTS] = "nat.PortBinding", [OBJECT] = "struct", [OBJECTS] = "struct", [ARRAY] = "uint",
};

static const char *const go_containers[] = {
	[STRING] = "string", [BOOL] = "bool", [OPTBOOL] = "bool", [INT] = "int64", [OPTINT] = "int64", [STRINGS] = "[]string", [COMMAND] = "[]string",
	[STRMAP] = "map[string]string", [SET] = "map[string]struct {}", [PORTS] = "nat.PortMap", [OBJECT] = "struct", [OBJECTS] = "[]struct",
	[ARRAY] = "[2]uint",
};

static const char *go_value(struct json_object *v)
{
	switch (json_object_get_type(v)) {
	case json_type_boolean:
		return "bool";
	case json_type_int:
	case json_type_double:
		return "number";
	case json_type_string:
		return "string";
	case json_type_array:
		return "array";
	default:
		return "object";
	}
}

static int wrong_type(const struct field *f, struct json_object *v, const char *wanted, struct err *e)
{
	if (f->place == HOST)
		return err_set(e, ERR_INVALID, "invalid JSON: json: cannot unmarshal %s into Go struct field HostConfig.HostConfig.%s of type %s",
			       go_value(v), f->name, wanted);
	return err_set(e, ERR_INVALID, "invalid JSON: json: cannot unmarshal %s into Go struct field ContainerConfigWrapper.%s of type %s",
		       go_value(v), f->name, wanted);
}

static int check_elements(const struct field *f, struct json_object *list, enum json_type type, struct err *e)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *v = json_object_array_get_idx(list, i);

		if (v && (!json_object_is_type(v, type) || (type == json_type_int && (json_object_get_int64(v) < 0 || !json_int_fits(v)))))
			return wrong_type(f, v, go_types[f->type], e);
		if (!v && type == json_type_string)
			return err_set(e, ERR_INVALID, "invalid JSON: %s holds null", f->name);
	}
	return 0;
}

static int check_members(const struct field *f, struct json_object *map, enum json_type type, struct err *e)
{
	json_object_object_foreach(map, key, v) {
		(void)key;
		if (v && !json_object_is_type(v, type))
			return wrong_type(f, v, go_types[f->type], e);
	}
	return 0;
}

/* An empty text instead of null in a list is Go's; a list of texts never holds null here. */
static int check_type(const struct field *f, struct json_object *v, struct err *e)
{
	static const struct {
		enum json_type outer;
		enum json_type inner;
	} shape[] = {
		[STRING] = { json_type_string }, [BOOL] = { json_type_boolean }, [INT] = { json_type_int },
		[OPTBOOL] = { json_type_boolean }, [OPTINT] = { json_type_int },
		[STRINGS] = { json_type_array, json_type_string }, [COMMAND] = { json_type_array, json_type_string },
		[STRMAP] = { json_type_object, json_type_string }, [SET] = { json_type_object, json_type_object },
		[PORTS] = { json_type_object, json_type_array }, [OBJECT] = { json_type_object },
		[OBJECTS] = { json_type_array, json_type_object }, [ARRAY] = { json_type_array, json_type_int },
	};

	if (!v || (f->type == COMMAND && json_object_is_type(v, json_type_string)))
		return 0;
	if (!json_object_is_type(v, shape[f->type].outer) || (shape[f->type].outer == json_type_int && !json_int_fits(v)))
		return wrong_type(f, v, go_containers[f->type], e);
	if (shape[f->type].outer == json_type_array)
		return check_elements(f, v, shape[f->type].inner, e);
	if (shape[f->type].outer == json_type_object && f->type != OBJECT)
		return check_members(f, v, shape[f->type].inner, e);
	return 0;
}

static bool is_empty(struct json_object *v)
{
	switch (json_object_get_type(v)) {
	case json_type_null:
		return true;
	case json_type_boolean:
		return !json_object_get_boolean(v);
	case json_type_int:
		return json_object_get_int64(v) == 0;
	case json_type_string:
		return json_object_get_string_len(v) == 0;
	case json_type_array:
		return json_object_array_length(v) == 0;
	case json_type_object:
		return json_object_object_length(v) == 0;
	default:
		return false;
	}
}

static bool is_harmless(const struct field *f, struct json_object *v)
{
	const char *text = json_object_is_type(v, json_type_string) ? json_object_get_string(v) : json_text(v);
	size_t n = strlen(text);

	if (is_empty(v) || (f->fallback && strcmp(json_text(v), f->fallback) == 0))
		return true;
	for (const char *p = f->harmless; *p;) {
		size_t len = strcspn(p, "|");

		if (len == n && memcmp(p, text, n) == 0)
			return true;
		p += len + (p[len] == '|');
	}
	return false;
}

/* Go takes a member by its name in any case; the last one of several wins. */
static struct json_object *find(struct json_object *o, const char *name, bool *ret_given)
{
	struct json_object *found = NULL;

	*ret_given = false;
	json_object_object_foreach(o, key, v) {
		if (strcasecmp(key, name) == 0) {
			found = v;
			*ret_given = true;
		}
	}
	return found;
}

/* The value as it is kept: a copy, a command given as text as a list, the default if there is none. */
static int take(const struct field *f, struct json_object *o, struct json_object *given, struct err *e)
{
	struct json_object *v = NULL;

	if (is_empty(given) && (f->type == STRING || f->type == INT))
		given = NULL;
	if (given && f->type == COMMAND && json_object_is_type(given, json_type_string)) {
		v = json_object_new_array();
		if (!v || json_object_array_add(v, json_object_get(given)) < 0)
			return err_nomem(e);
	} else if (given) {
		if (json_object_deep_copy(given, &v, NULL) < 0)
			return err_nomem(e);
	} else if (!f->fallback) {
		return 0;
	} else if (strcmp(f->fallback, "null") != 0) {
		v = json_tokener_parse(f->fallback);
		if (!v)
			return err_nomem(e);
	}
	if (f->fallback || !is_empty(v) || f->type == OPTBOOL || f->type == OPTINT)
		return json_add(o, f->name, v) ? 0 : err_nomem(e);
	json_object_put(v);
	return 0;
}

static int apply(const struct field *f, struct json_object *body, struct create *c, struct err *e)
{
	bool given = false;
	struct json_object *v = body ? find(body, f->name, &given) : NULL;

	if (check_type(f, v, e) < 0 || (v && (f->type == OBJECT || f->type == OBJECTS || f->type == PORTS) && create_members(f->name, v, e) < 0))
		return -1;
	if (v && !is_harmless(f, v)) {
		if (f->policy == REFUSE)
			return err_set(e, ERR_INVALID, "%s", f->text);
		if (f->policy == WARN && create_warn(c, f->text, e) < 0)
			return -1;
	}
	return take(f, f->place == HOST ? c->host_config : c->config, v, e);
}

int create_warn(struct create *c, const char *text, struct err *e)
{
	struct json_object *t;

	for (size_t i = 0; i < json_object_array_length(c->warnings); i++)
		if (strcmp(json_object_get_string(json_object_array_get_idx(c->warnings, i)), text) == 0)
			return 0;
	t = json_object_new_string(text);
	if (!t || json_object_array_add(c->warnings, t) < 0)
		return err_nomem(e);
	return 0;
}

static int check(struct json_object *body, struct create *c, struct err *e)
{
	bool given;
	struct json_object *host = find(body, "HostConfig", &given);
	struct json_object *net = find(body, "NetworkingConfig", &given);

	if (host && !json_object_is_type(host, json_type_object))
		return err_set(e, ERR_INVALID, "invalid JSON: json: cannot unmarshal %s into Go struct field ContainerConfigWrapper.HostConfig of type container.HostConfig",
			       go_value(host));
	if (net && !json_object_is_type(net, json_type_object))
		return err_set(e, ERR_INVALID, "invalid JSON: json: cannot unmarshal %s into Go struct field ContainerConfigWrapper.NetworkingConfig of type network.NetworkingConfig",
			       go_value(net));
	c->host_given = host != NULL;
	c->config = json_object_new_object();
	c->host_config = json_object_new_object();
	c->warnings = json_object_new_array();
	c->mounts = json_object_new_array();
	c->volumes = json_object_new_array();
	if (!c->config || !c->host_config || !c->warnings || !c->mounts || !c->volumes)
		return err_nomem(e);
	for (size_t i = 0; i < N_FIELDS; i++)
		if (apply(&fields[i], fields[i].place == HOST ? host : body, c, e) < 0)
			return -1;
	if (create_rules(c, e) < 0)
		return -1;
	return create_networking(c, net ? json_get(net, "EndpointsConfig") : NULL, e);
}

int create_check(struct json_object *body, struct create *ret, struct err *e)
{
	struct create c = { 0 };

	if (check(body, &c, e) < 0) {
		create_free(&c);
		return -1;
	}
	*ret = c;
	return 0;
}

void create_free(struct create *c)
{
	json_object_put(c->config);
	json_object_put(c->host_config);
	json_object_put(c->networking);
	json_object_put(c->warnings);
	json_object_put(c->mounts);
	json_object_put(c->volumes);
	memset(c, 0, sizeof *c);
}

const char *create_field_text(const char *name)
{
	for (size_t i = 0; i < N_FIELDS; i++)
		if (strcmp(fields[i].name, name) == 0)
			return fields[i].text;
	return "";
}
