/* NetworkMode and NetworkingConfig: there is one network, Lambda's; the tenant's own are kept and shown only. */
#include <string.h>

#include "fcgi/create.h"
#include "lib/json.h"

/* In inspect's order. */
#define ENDPOINT_EMPTY \
	"{\"IPAMConfig\":null,\"Links\":null,\"Aliases\":null,\"NetworkID\":\"\",\"EndpointID\":\"\",\"Gateway\":\"\",\"IPAddress\":\"\"," \
	"\"IPPrefixLen\":0,\"IPv6Gateway\":\"\",\"GlobalIPv6Address\":\"\",\"GlobalIPv6PrefixLen\":0,\"MacAddress\":\"\",\"DriverOpts\":null}"

static int add_endpoint(struct json_object *networks, const char *name, struct json_object *given, struct err *e)
{
	static const char *const kept[] = { "IPAMConfig", "Links", "Aliases", "MacAddress", "DriverOpts" };
	struct json_object *endpoint = json_tokener_parse(ENDPOINT_EMPTY);

	if (!endpoint || !json_add(networks, name, endpoint))
		return err_nomem(e);
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
		struct json_object *v = json_get(given, kept[i]);

		if (v && !json_add(endpoint, kept[i], json_object_get(v)))
			return err_nomem(e);
	}
	return 0;
}

static const char *shown_name(const char *name)
{
	return strcmp(name, "default") == 0 ? "bridge" : name;
}

static int check_mode(struct create *c, const char *mode, struct err *e)
{
	if (strcmp(mode, "host") == 0)
		return err_set(e, ERR_INVALID, "NetworkMode host is not supported: each Lambda function is a machine of its own");
	if (strncmp(mode, "container:", 10) == 0)
		return err_set(e, ERR_INVALID, "NetworkMode %s is not supported: Lambda functions can't share a network", mode);
	if (strcmp(mode, "none") == 0)
		return create_warn(c, "NetworkMode none has no effect: a Lambda function always has a network", e);
	if (strcmp(mode, "default") != 0 && strcmp(mode, "bridge") != 0)
		return create_warn(c, "containers on a network can't reach each other yet: Lambda functions accept no connections", e);
	return 0;
}

int create_networking(struct create *c, struct json_object *endpoints, struct err *e)
{
	const char *mode = json_str(c->host_config, "NetworkMode", "default");

	if (endpoints && !json_object_is_type(endpoints, json_type_object))
		return err_set(e, ERR_INVALID, "invalid JSON: NetworkingConfig.EndpointsConfig is no object");
	if (check_mode(c, mode, e) < 0)
		return -1;
	c->networking = json_object_new_object();
	if (!c->networking)
		return err_nomem(e);
	if (endpoints) {
		json_object_object_foreach(endpoints, name, v) {
			if (v && !json_object_is_type(v, json_type_object))
				return err_set(e, ERR_INVALID, "invalid JSON: NetworkingConfig.EndpointsConfig.%s is no object", name);
			if (add_endpoint(c->networking, shown_name(name), v, e) < 0)
				return -1;
		}
	}
	if (!json_get(c->networking, shown_name(mode)))
		return add_endpoint(c->networking, shown_name(mode), NULL, e);
	return 0;
}
