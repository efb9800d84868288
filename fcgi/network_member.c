/* Containers on networks: the endpoints within a container's row. */
#include <stdio.h>
#include <string.h>

#include "fcgi/network.h"
#include "lib/cleanup.h"
#include "lib/json.h"

#define SHORT_ID_LEN 12

static bool add_aliases(struct json_object *endpoint, struct json_object *asked, const char *container_id)
{
	struct json_object *aliases = json_object_new_array(), *given = json_array(asked, "Aliases");
	struct json_object *own = json_object_new_string_len(container_id, SHORT_ID_LEN);
	size_t n = given ? json_object_array_length(given) : 0;

	if (!aliases || !json_add(endpoint, "Aliases", aliases)) {
		json_object_put(own);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		struct json_object *alias = json_object_array_get_idx(given, i);
		const char *text = json_object_get_string(alias);

		if (text && strncmp(text, container_id, SHORT_ID_LEN) == 0 && !text[SHORT_ID_LEN])
			continue;
		if (json_object_array_add(aliases, json_object_get(alias)) < 0) {
			json_object_put(own);
			return false;
		}
	}
	return own && json_object_array_add(aliases, own) == 0;
}

struct json_object *network_endpoint(const struct network *n, struct json_object *asked, const char *container_id)
{
	static const char *const kept[] = { "IPAMConfig", "Links", "Aliases", "DriverOpts" };
	CLEANUP_JSON struct json_object *endpoint = json_object_new_object();
	char id[ID_HEX_LEN + 1] = "";

	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
		if (!json_add(endpoint, kept[i], json_object_get(json_get(asked, kept[i]))))
			return NULL;
	/* Those of a predefined network are all alike, which the list makes use of. */
	if (!n->predefined) {
		if (!add_aliases(endpoint, asked, container_id))
			return NULL;
		id_random(id, ID_HEX_LEN / 2);
	}
	if (!json_add_str(endpoint, "NetworkID", n->id) || !json_add_str(endpoint, "EndpointID", id))
		return NULL;
	return STEAL(endpoint);
}

int network_resolve(struct request *req, struct json_object **networking, const char *container_id, struct err *e)
{
	CLEANUP_JSON struct json_object *out = json_object_new_object();

	if (!out)
		return err_nomem(e);
	json_object_object_foreach(*networking, key, asked) {
		NETWORK_CLEANUP struct network n = { .name = NULL };
		int rc = network_look_up(req, key, &n, e);

		if (rc < 0)
			return -1;
		if (!json_add(out, rc ? n.name : key, rc ? network_endpoint(&n, asked, container_id) : json_object_get(asked)))
			return err_nomem(e);
	}
	json_object_put(*networking);
	*networking = STEAL(out);
	return 0;
}

int network_set(struct request *req, const struct container *c, struct json_object *networking, struct err *e)
{
	return store_run(req->store, QUERY_CONTAINER_SET_NETWORKING, e, "ttt", json_text(networking), req->tenant, c->id) < 0 ? -1 : 0;
}

int network_check(struct request *req, const struct container *c, struct err *e)
{
	CLEANUP_JSON struct json_object *networking = NULL;

	if (json_parse(c->networking, strlen(c->networking), &networking, e) < 0)
		return -1;
	if (!json_object_is_type(networking, json_type_object))
		return 0;
	json_object_object_foreach(networking, key, endpoint) {
		NETWORK_CLEANUP struct network n = { .name = NULL };

		(void)endpoint;
		if (network_find(req, key, &n, e) < 0)
			return -1;
	}
	return 0;
}
