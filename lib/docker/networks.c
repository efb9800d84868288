#include "lib/docker/networks.h"

#include <stdbool.h>
#include <string.h>

#include "lib/docker/versions.h"
#include "lib/json.h"

/* An endpoint's members in dockerd's order: KEPT ones come from what is in the store. */
static const struct {
	const char *key;
	enum { KEPT, KEPT_TEXT, TEXT, NUMBER, NOTHING } kind;
	int since; /* API 1.x */
} members[] = {
	{ "IPAMConfig", KEPT, 0 },       { "Links", KEPT, 0 },
	{ "Aliases", KEPT, 0 },          { "MacAddress", TEXT, VERSION_FIRST_ENDPOINT_DNS_NAMES },
	{ "DriverOpts", KEPT, VERSION_FIRST_ENDPOINT_DNS_NAMES },      { "NetworkID", KEPT_TEXT, 0 },
	{ "EndpointID", KEPT_TEXT, 0 },       { "Gateway", TEXT, 0 },
	{ "IPAddress", TEXT, 0 },        { "IPPrefixLen", NUMBER, 0 },
	{ "IPv6Gateway", TEXT, 0 },      { "GlobalIPv6Address", TEXT, 0 },
	{ "GlobalIPv6PrefixLen", NUMBER, 0 }, { "MacAddress", TEXT, 0 },
	{ "DriverOpts", KEPT, 0 },       { "DNSNames", NOTHING, VERSION_FIRST_ENDPOINT_DNS_NAMES },
};

static const char *value(struct json_object *asked, size_t i)
{
	struct json_object *kept;

	switch (members[i].kind) {
	case KEPT_TEXT:
		kept = json_get(asked, members[i].key);
		return json_object_is_type(kept, json_type_string) ? json_text(kept) : "\"\"";
	case TEXT:
		return "\"\"";
	case NUMBER:
		return "0";
	case KEPT:
		kept = json_get(asked, members[i].key);
		return kept ? json_text(kept) : "null";
	default:
		return "null";
	}
}

/* Is it the first of the two places of a key that a version knows? */
static bool is_shown(size_t i, int api_minor)
{
	if (members[i].since > api_minor)
		return false;
	for (size_t j = 0; j < i; j++)
		if (members[j].since > 0 && members[j].since <= api_minor && strcmp(members[j].key, members[i].key) == 0)
			return false;
	return true;
}

static void put_endpoint(struct buf *out, struct json_object *asked, int api_minor)
{
	char separator = '{';

	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		if (!is_shown(i, api_minor))
			continue;
		buf_putc(out, separator);
		buf_putc(out, '"');
		buf_puts(out, members[i].key);
		buf_puts(out, "\":");
		buf_puts(out, value(asked, i));
		separator = ',';
	}
	buf_putc(out, '}');
}

static const char *network_name(const char *name)
{
	return !*name || strcmp(name, "default") == 0 ? "bridge" : name;
}

static void put_network(struct buf *out, const char *name, struct json_object *asked, int api_minor)
{
	struct json_object *key = json_object_new_string(network_name(name));

	if (key)
		buf_puts(out, json_text(key));
	else
		out->failed = true;
	json_object_put(key);
	buf_putc(out, ':');
	put_endpoint(out, asked, api_minor);
}

void networks_put(struct buf *out, struct json_object *endpoints, const char *mode, int api_minor)
{
	const char *separator = "";

	buf_putc(out, '{');
	if (json_object_is_type(endpoints, json_type_object)) {
		json_object_object_foreach(endpoints, key, asked) {
			buf_puts(out, separator);
			put_network(out, key, asked, api_minor);
			separator = ",";
		}
	}
	if (!*separator)
		put_network(out, mode, NULL, api_minor);
	buf_putc(out, '}');
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
