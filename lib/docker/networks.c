#include "lib/docker/networks.h"

#include <stdbool.h>
#include <string.h>

#include "lib/json.h"

/* An endpoint's members in dockerd's order: KEPT ones come from what the client asked for. */
static const struct {
	const char *key;
	enum { KEPT, TEXT, NUMBER, NOTHING } kind;
	int since; /* API 1.x */
} members[] = {
	{ "IPAMConfig", KEPT, 0 },       { "Links", KEPT, 0 },
	{ "Aliases", KEPT, 0 },          { "MacAddress", TEXT, 44 },
	{ "DriverOpts", KEPT, 44 },      { "NetworkID", TEXT, 0 },
	{ "EndpointID", TEXT, 0 },       { "Gateway", TEXT, 0 },
	{ "IPAddress", TEXT, 0 },        { "IPPrefixLen", NUMBER, 0 },
	{ "IPv6Gateway", TEXT, 0 },      { "GlobalIPv6Address", TEXT, 0 },
	{ "GlobalIPv6PrefixLen", NUMBER, 0 }, { "MacAddress", TEXT, 0 },
	{ "DriverOpts", KEPT, 0 },       { "DNSNames", NOTHING, 44 },
};

static bool add_member(struct json_object *to, struct json_object *asked, size_t i)
{
	const char *key = members[i].key;

	switch (members[i].kind) {
	case TEXT:
		return json_add_str(to, key, "");
	case NUMBER:
		return json_add_int(to, key, 0);
	case KEPT:
		return json_add(to, key, json_object_get(json_get(asked, key)));
	default:
		return json_add(to, key, NULL);
	}
}

static struct json_object *endpoint(struct json_object *asked, int api_minor)
{
	struct json_object *out = json_object_new_object();

	for (size_t i = 0; out && i < sizeof members / sizeof *members; i++) {
		if (members[i].since > api_minor || json_object_object_get_ex(out, members[i].key, NULL))
			continue;
		if (!add_member(out, asked, i)) {
			json_object_put(out);
			return NULL;
		}
	}
	return out;
}

static const char *network_name(const char *name)
{
	return !*name || strcmp(name, "default") == 0 ? "bridge" : name;
}

struct json_object *networks_render(struct json_object *endpoints, const char *mode, int api_minor)
{
	struct json_object *out = json_object_new_object();

	if (!out)
		return NULL;
	if (json_object_is_type(endpoints, json_type_object)) {
		json_object_object_foreach(endpoints, key, asked) {
			struct json_object *e = endpoint(asked, api_minor);

			if (!e || !json_add(out, network_name(key), e)) {
				json_object_put(out);
				return NULL;
			}
		}
	}
	if (json_object_object_length(out) == 0) {
		struct json_object *e = endpoint(NULL, api_minor);

		if (!e || !json_add(out, network_name(mode), e)) {
			json_object_put(out);
			return NULL;
		}
	}
	return out;
}

struct json_object *networks_ports(struct json_object *exposed)
{
	struct json_object *out = json_object_new_object();

	if (!out || !json_object_is_type(exposed, json_type_object))
		return out;
	json_object_object_foreach(exposed, key, unused) {
		(void)unused;
		if (!json_add(out, key, NULL)) {
			json_object_put(out);
			return NULL;
		}
	}
	return out;
}
